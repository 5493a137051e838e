"""What tshark sees in a capture."""

import collections
import csv
import decimal
import re
import subprocess

# Fields that identify a segment; they must be the same in a case file and in its source.
SEGMENT = (
    "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.ack_raw", "tcp.flags",
    "tcp.window_size_value", "tcp.len", "ip.ttl", "ip.id",
)
NAMES = ("dns.qry.name", "dns.resp.name", "dns.cname", "http.host", "tls.handshake.extensions_server_name")
SNI = NAMES[4]
# Names and streams must not depend on the reader's own preferences.
OPTIONS = ("-n", "-o", "tcp.desegment_tcp_streams:TRUE", "-o", "tls.desegment_ssl_records:TRUE")

Capture = collections.namedtuple("Capture", "resets streams names sni times status")


def fields(path, names, *arguments):
    """Rows of fields of all frames; each value is a list of its occurrences. Returns (rows, exit status)."""
    command = ["tshark", *OPTIONS, "-r", str(path), *arguments, "-T", "fields", "-E", "separator=/t", "-E", "aggregator=\x1f"]
    for name in names:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True)
    # a comment may hold carriage returns: only tshark's own line ends count
    text = done.stdout.decode(errors="replace")
    rows = [
        dict(zip(names, (value.split("\x1f") if value else [] for value in line.split("\t"))))
        for line in text.removesuffix("\n").split("\n")
        if text
    ]
    return rows, done.returncode


def is_set(value):
    return value in ("1", "True")


def read(path):
    """Resets (frame -> identifying fields), stream of each, names of the capture, SNI per stream, times in nanoseconds."""
    wanted = ("frame.number", "frame.time_epoch", "tcp.stream", "tcp.flags.reset", "icmp.type", "icmpv6.type", *SEGMENT, *NAMES)
    rows, status = fields(path, wanted)
    resets, streams, names, sni, times = {}, {}, set(), collections.defaultdict(set), {}
    for row in rows:
        number = int(row["frame.number"][0])
        for time in row["frame.time_epoch"]:  # none in a Simple Packet Block
            times[number] = int(decimal.Decimal(time) * 10**9)
        for name in NAMES:
            names.update(n.rstrip(".").lower() for n in row[name])
        for stream in row["tcp.stream"]:
            sni[stream].update(n.lower() for n in row[SNI])
        quoted = row["icmp.type"] or row["icmpv6.type"]
        if any(is_set(v) for v in row["tcp.flags.reset"]) and not quoted:
            resets[number] = tuple(tuple(row[name]) for name in SEGMENT)
            streams[number] = row["tcp.stream"]
    return Capture(resets, streams, names, sni, times, status)


def case_resets(path):
    """Frames of a case file whose comment says role=rst: list of (source frame, identifying fields), and the status."""
    rows, status = fields(path, ("frame.number", "frame.comment", *SEGMENT))
    found = []
    for row in rows:
        comments = "\n".join(row["frame.comment"])
        tag = re.search(r"\[rstcap [^\]]*\brole=rst\b[^\]]*\]", comments)
        if tag:
            source = re.search(r"\borig=(\d+)", tag.group())
            found.append((int(source.group(1)) if source else None, tuple(tuple(row[n]) for n in SEGMENT)))
    return found, status


def truth(path):
    """Frame numbers of the resets that a table of the corpus lists, plain or in a tunnel."""
    with open(path, newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return {
            int(row["frame.number"]) for row in rows
            if "1" in row["tcp.flags.reset"] and (row["rst_where"] == "plain" or row["rst_where"].startswith("tunnel"))
        }
