"""Best of alternating runs of rstcap and its peers: wall time, CPU time per packet, peak memory.

measure.py RSTCAP GENERATE CAPTURE SLICE

Every command reads CAPTURE, except tshark, which reads SLICE (the first packets of it) and is
scaled by the number of packets. Runs alternate so that a slow phase of the machine hits all.
"""

import os
import re
import resource
import subprocess
import sys
import time

ROUNDS = 5
RESET = "tcp[tcpflags] & tcp-rst != 0"


def run(command):
    """Seconds on the wall, seconds of CPU (user + system), peak resident kilobytes.

    GNU time starts the command, because a process started by this interpreter inherits the
    interpreter's own peak.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    command = ["/usr/bin/time", "-f", "%M", *command]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wall = time.perf_counter() - started
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: status {done.returncode}\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return wall, cpu, int(done.stderr.split()[-1])


def packets(path):
    """Number of packets, as capinfos counts them."""
    text = subprocess.run(["capinfos", "-c", "-M", path], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"Number of packets:\s+(\d+)", text).group(1))


def main():
    rstcap, generate, capture, cut = sys.argv[1:]
    count, cut_count = packets(capture), packets(cut)
    size = os.path.getsize(capture)
    print(f"{count} packets, {size} bytes; tshark on the first {cut_count} packets, scaled by {count / cut_count:.1f}")
    commands = {
        "rstcap -j1": ([rstcap, "-j1", capture], 1),
        "rstcap -j2": ([rstcap, "-j2", capture], 1),
        "read loop, 1 thread": ([generate, "--read-loop", capture, "-j1"], 1),
        "read loop, 2 threads": ([generate, "--read-loop", capture, "-j2"], 1),
        "capinfos -c": (["capinfos", "-c", capture], 1),
        "tcpdump RST filter": (["tcpdump", "-r", capture, "-w", "/dev/null", RESET], 1),
        "tshark RST filter": (["tshark", "-n", "-r", cut, "-Y", "tcp.flags.reset == 1"], count / cut_count),
    }
    with open(capture, "rb") as file:  # fill the page cache
        while file.read(1 << 22):
            pass
    results = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, (command, _) in commands.items():
            results[name].append(run(command))
    base = min(r[0] for r in results["rstcap -j1"])
    print(f"{'':22}{'wall s':>9}{'MB/s':>9}{'ratio':>8}{'CPU ns/packet':>15}{'peak MB':>9}")
    for name, (_, scale) in commands.items():
        wall = min(r[0] for r in results[name]) * scale
        cpu = min(r[1] for r in results[name]) * scale
        peak = max(r[2] for r in results[name]) / 1024
        print(f"{name:22}{wall:9.3f}{size / wall / 1e6:9.0f}{wall / base:8.2f}{cpu / count * 1e9:15.1f}{peak:9.1f}")
    print("ratio: wall time divided by that of rstcap -j1")


if __name__ == "__main__":
    main()
