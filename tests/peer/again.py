#!/usr/bin/env python3
"""Case files given back: running rstcap on its own output says the same.

    tests/peer/again.py [--rstcap PATH] [--jobs 2] [PATH...]

Without paths: the captures of this repository and those beside it.

For every capture, each case file is read again: the case of the same connection must have the
same class and party, no comment may be there twice, the comments of the first run must all still
be there, and `epb_packetid` must still be the number of the frame in the capture.
"""

import argparse
import concurrent.futures
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import captures  # noqa: E402
import pcapng  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAME = ("class", "party")


def run(rstcap, source, directory):
    done = subprocess.run([rstcap, str(source), "-w", str(directory), "-q", "--per-group", "2"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        return []
    lines = (directory / "cases.ndjson").read_text().splitlines()
    return [case for case in map(json.loads, lines) if case.get("case_file")]


def comments(options):
    return [v for c, v in options if c == 1]


def ident(packet):
    """`epb_packetid`: the number of the frame in the capture."""
    return tuple(struct.unpack(packet["order"] + "Q", v)[0] for c, v in packet["options"] if c == 5)


def compare(first, second):
    """What differs between a case file and the one made of it."""
    one, two = (pcapng.read(p.read_bytes()) for p in (first, second))
    wrong = []
    old = {ident(p): p for s in one for p in s["packets"]}
    for packet in (p for s in two for p in s["packets"]):
        said, first_one = comments(packet["options"]), old.get(ident(packet))
        before = comments(first_one["options"]) if first_one else []
        if first_one is None or first_one["data"] != packet["data"]:
            wrong.append(f"packet {ident(packet)} was not there")
        elif said[:len(before)] != before:
            wrong.append(f"comments are not as before: {before} -> {said}")
        elif len(set(said)) != len(said):
            wrong.append(f"a comment twice: {said}")
        elif len(said) > len(before):
            wrong.append(f"new comments: {said[len(before):]}")
    heads = [comments(s[0]["options"]) for s in (one, two)]
    gone = sum(len(s["packets"]) for s in one) - sum(len(s["packets"]) for s in two)
    more = [text for text in heads[1][len(heads[0]):]
            if not (gone and f"; {gone} packet" in text.decode() and text.count(b"\n") == 0)]
    if more:
        wrong.append(f"{len(more)} more section comments")
    return wrong


def check(rstcap, path):
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        first, again = directory / "first", directory / "again"
        for case in run(rstcap, path, first):
            label = f"{path.name} case {case['id']} {case['class']}"
            found = [c for c in run(rstcap, first / case["case_file"], again)
                     if (c["client"]["ip"], c["client"]["port"], c["server"]["port"]) ==
                     (case["client"]["ip"], case["client"]["port"], case["server"]["port"])]
            wrong = [] if found else ["the case is not found"]
            for other in found[:1]:
                wrong += [f"{key}: {case[key]} -> {other[key]}" for key in SAME
                          if case[key] != other[key]]
                wrong += compare(first / case["case_file"], again / other["case_file"])
            yield label, wrong
            for file in again.glob("*"):
                file.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rstcap", default=str(ROOT / "target/debug/rstcap"))
    parser.add_argument("--shared", type=pathlib.Path, default=captures.SHARED)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("paths", nargs="*", type=pathlib.Path)
    args = parser.parse_args()
    paths = args.paths or [*captures.own(), *captures.labelled(args.shared), *captures.corpus(args.shared)]
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for results in pool.map(lambda path: list(check(args.rstcap, path)), paths):
            for label, wrong in results:
                failed, passed = failed + bool(wrong), passed + (not wrong)
                for line in wrong[:3]:
                    print(f"{label}: {line}"[:400])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
