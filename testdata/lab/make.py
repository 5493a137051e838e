#!/usr/bin/env python3
"""Makes the captures of testdata: demo/, scenarios/ and scenarios/labels.tsv.

    testdata/lab/make.py [--jobs N] [--only PATTERN] [--output DIRECTORY]

Needs root and Linux; nothing outside the namespaces it makes is touched.
"""

import argparse
import concurrent.futures
import fnmatch
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import derive  # noqa: E402
import registry  # noqa: E402
from net import Lab  # noqa: E402

for module in ("connecting", "requests", "handshakes", "idling", "devices", "demo", "encapsulate", "rough"):
    __import__(module)


def play(name, output):
    """Run one scenario in a lab of its own; returns an error text or None."""
    scene = registry.SCENARIOS[name]
    scratch = tempfile.mkdtemp(prefix="lab-")
    try:
        options = scene.options
        lab_options = {k: options[k] for k in ("seconds", "offload") if k in options}
        with Lab(scratch, **lab_options) as lab:
            everywhere = {"C": (lab.C, "eth0"), "R1": (lab.R1, "s0"), "S": (lab.S, "eth0")}
            everywhere |= {k: (getattr(lab, h), i) for k, (h, i) in options.get("also", {}).items()}
            places = {k: v for k, v in everywhere.items() if k in scene.labels or k in options.get("also", {})}
            paths = lab.capture(places, os.path.join(scratch, name))
            scene.play(lab)
            lab.stop_capture()
        for vantage, path in paths.items():
            target = output / options.get("directory", "raw") / f"{name}.{vantage}.pcap"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        return None
    except Exception:  # the other scenarios go on
        return traceback.format_exc()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def resets(path):
    """Number of resets in a capture. tcpdump is quick, but does not look into tunnels: tshark has the last word on none."""
    plain = "tcp[tcpflags] & tcp-rst != 0 or (ip6 and ip6[6] == 6 and ip6[53] & 4 != 0)"
    for command in (["tcpdump", "-nr", str(path), plain], ["tshark", "-nr", str(path), "-Y", "tcp.flags.reset == 1 && !icmp"]):
        found = len(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines())
        if found:
            return found
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument("--only", default="*")
    parser.add_argument("--output", type=pathlib.Path, default=HERE.parent)
    arguments = parser.parse_args()
    names = [n for n in registry.SCENARIOS if fnmatch.fnmatch(n, arguments.only)]
    failed = 0
    work = pathlib.Path(tempfile.mkdtemp(prefix="lab-out-"))
    with concurrent.futures.ProcessPoolExecutor(arguments.jobs, max_tasks_per_child=1) as pool:
        jobs = {pool.submit(play, name, work): name for name in names}
        for job in concurrent.futures.as_completed(jobs):
            error = job.result()
            print(f"{jobs[job]}: {error or 'ok'}", flush=True)
            failed += error is not None
    for wrong in derive.finish(work, arguments.output, resets):
        print(wrong)
        failed += 1
    shutil.rmtree(work)
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
