#!/usr/bin/env python3
"""What each tool loses when it cuts one connection out of a pcapng.

    tests/peer/fidelity.py [--rstcap PATH] [--write tests/peer/FIDELITY.md]

Every row is a small capture with one feature: a connection that is reset, and packets of another
one. Each tool writes the connection to a new file, and a check reads that file. k: kept exactly,
L: lost, x: damage (a broken file, a wrong value, or no file at all). Exit status 1 when rstcap has
anything but k.
"""

import argparse
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import pcapng  # noqa: E402
from fidelity_rows import ROWS  # noqa: E402

FILTER = "ip.addr == 10.0.0.1 && tcp.port == 40000"
TOOLS = {
    "T": ["tshark", "-r", "IN", "-Y", FILTER, "-w", "OUT"],
    "T2": ["tshark", "-2", "-r", "IN", "-Y", FILTER, "-w", "OUT"],
    "E": ["editcap", "-r", "IN", "OUT", "FRAMES"],
    "M": ["mergecap", "-w", "OUT", "IN"],
    "tcpdump": ["tcpdump", "-r", "IN", "-w", "OUT", "host 10.0.0.1 and port 40000"],
}
HEAD = """# What is lost when a connection is cut out of a pcapng

Measured by `tests/peer/fidelity.py --write tests/peer/FIDELITY.md` with {versions}.
Each row is a capture with one feature; see `fidelity_rows.py` for what is built and what is checked.

`k` kept exactly, `L` lost, `x` damage: a broken file, a wrong value or no file at all.
T = `tshark -r IN -Y FILTER -w OUT`, T2 = the same with `-2`, E = `editcap -r IN OUT FRAMES`,
M = `mergecap -w OUT IN` (which cuts nothing out), tcpdump = `tcpdump -r IN -w OUT FILTER`.
rstcap: `rstcap IN -w - --whole-connection`, with the options that a row names.

"""


def version(tool):
    said = subprocess.run([tool, "--version"], capture_output=True, text=True)
    return re.search(r"(\d+\.\d+(\.\d+)?)", said.stdout + said.stderr).group(1)


def frames(data):
    """Numbers of the connection's frames, as Wireshark counts, and of blocks without a packet."""
    if data[:4] != b"\x0a\x0d\x0d\x0a":
        return []
    number, found, at, order = 0, [], 0, "<"
    while at < len(data):
        if data[at:at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8] == 0x4D else ">"
        kind, length = struct.unpack_from(order + "II", data, at)
        if kind in (pcapng.EPB, pcapng.SPB, pcapng.PB, pcapng.CUSTOM, pcapng.JOURNAL):
            number += 1
            block = data[at:at + length]
            if kind in (pcapng.CUSTOM, pcapng.JOURNAL):
                found.append(str(number))
            elif bytes([10, 0, 0, 1]) in block and struct.pack(">H", 40000) in block:
                found.append(str(number))
        at += length
    return found


def run(tool, command, row, directory):
    source, target = directory / "in.pcapng", directory / "out"
    target.unlink(missing_ok=True)
    words = []
    for word in command:
        words += {"IN": [str(source)], "OUT": [str(target)],
                  "FRAMES": frames(source.read_bytes())}.get(word, [word])
    if tool == "rstcap":
        with target.open("wb") as out:
            done = subprocess.run(words + row.options, stdout=out, stderr=subprocess.PIPE)
    else:
        done = subprocess.run(words, capture_output=True)
    if done.returncode != 0 or not target.is_file():
        return None, done.stderr
    return target.read_bytes(), done.stderr


def judge(row, data):
    if not data:
        return "x"
    try:
        is_pcap = data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1")
        sections = pcapng.read_pcap(data) if is_pcap else pcapng.read(data)
        verdict = row.check(sections)
    except (pcapng.Damaged, struct.error, IndexError, KeyError):
        return "x"
    return verdict if isinstance(verdict, str) else "kL"[not verdict]


def measure(rstcap):
    tools = {**TOOLS, "rstcap": [rstcap, "IN", "-w", "-", "--whole-connection", "-q"]}
    table = []
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        for row in ROWS:
            (directory / "in.pcapng").write_bytes(row.build())
            cells = []
            for tool, command in tools.items():
                data, complaint = run(tool, command, row, directory)
                cells.append(judge(row, data))
                if tool == "rstcap" and cells[-1] != "k":
                    print(row.name, complaint.decode(errors="replace"), file=sys.stderr)
            table.append((row.name, cells))
    return list(tools), table


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--rstcap", default=str(root / "target/debug/rstcap"))
    parser.add_argument("--write", type=pathlib.Path)
    args = parser.parse_args()
    tools, table = measure(args.rstcap)
    lines = ["| Item | " + " | ".join(tools) + " |", "|---" * (len(tools) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(cells) + " |" for name, cells in table]
    text = "\n".join(lines) + "\n"
    if args.write:
        versions = ", ".join(f"{tool} {version(tool)}" for tool in
                             ("tshark", "editcap", "mergecap", "tcpdump"))
        args.write.write_text(HEAD.format(versions=versions) + text)
    print(text, end="")
    bad = [name for name, cells in table if cells[-1] != "k"]
    print(f"{len(table) - len(bad)} passed, {len(bad)} failed" + "".join(f"\n  {n}" for n in bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
