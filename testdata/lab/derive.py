"""Captures made from captures: duplicates, one direction, cut ends, cut packets, a stepped clock."""

import shutil
import struct
import subprocess

import registry
from registry import AS_SERVER, CLIENT, SERVER, UNKNOWN, VANTAGES

DERIVED = []


def derived(source, vantage, label, about):
    """Register a function that writes `target` from the capture of `source`."""

    def register(make):
        DERIVED.append((make.__name__.replace("_", "-"), vantage, source, label, about, make))
        return make

    return register


def run(*command):
    subprocess.run([str(c) for c in command], check=True, capture_output=True)


@derived("keyword-injection", "R1", ("middlebox-injection", AS_SERVER), "both legs of R1 merged: data twice, the forged RST once")
def span_keyword_injection(source, target):
    run("mergecap", "-F", "pcap", "-w", target, source, source.with_name("keyword-injection.leg.pcap"))


@derived("keyword-injection", "R1", ("middlebox-injection", AS_SERVER), "all interfaces of R1 at once (Linux cooked v2)")
def any_keyword_injection(source, target):
    shutil.copyfile(source.with_name("keyword-injection.any.pcap"), target)


@derived("http-waf-reset", "R1", ("reset-after-request", SERVER), "both legs of R1 merged: every packet twice")
def span_http_waf_reset(source, target):
    run("mergecap", "-F", "pcap", "-w", target, source, source.with_name("http-waf-reset.leg.pcap"))


@derived("http-waf-reset", "R1", ("reset-after-request", SERVER), "all interfaces of R1 at once (Linux cooked v2)")
def any_http_waf_reset(source, target):
    shutil.copyfile(source.with_name("http-waf-reset.any.pcap"), target)


def tcpdump_filter(source, target, expression):
    run("tcpdump", "-nr", source, "-w", target, expression)


def only_from(source, target, host):
    tcpdump_filter(source, target, f"src host {host}")


def cut(source, target, snaplen):
    run("editcap", "-F", "pcap", "-s", str(snaplen), source, target)


def without(source, target, frames):
    run("editcap", "-F", "pcap", source, target, frames)


@derived("reset-mid-response", "C", ("reset-mid-response", SERVER), "only the server's packets")
def one_way_reset_mid_response(source, target):
    only_from(source, target, "192.0.2.10")


@derived("http-waf-reset", "C", ("reset-after-request|abortive-close|unclassified", SERVER), "only the server's packets")
def one_way_http_waf_reset(source, target):
    only_from(source, target, "192.0.2.10")


@derived("syn-refused-application-retry", "C", ("6x orphan-reset|syn-refused|syn-refused-repeatedly", f"{UNKNOWN}|{SERVER}"), "only the server's packets")
def one_way_refusals(source, target):
    only_from(source, target, "192.0.2.10")


@derived("http-waf-reset", "C", ("orphan-reset", f"{UNKNOWN}|{SERVER}"), "only the RST")
def rst_only(source, target):
    tcpdump_filter(source, target, "tcp[tcpflags] & tcp-rst != 0")


@derived("reset-mid-response", "C", ("reset-mid-response", SERVER), "without the three packets of the handshake")
def midflow_reset_mid_response(source, target):
    without(source, target, "1-3")


@derived("mysql-query-reset", "S", ("reset-after-request", SERVER), "without the handshake and the server's greeting")
def midflow_mysql_query(source, target):
    without(source, target, "1-5")


@derived("server-lost-one-connection", "C", ("no-such-connection", SERVER), "without the three packets of the handshake")
def midflow_no_such_connection(source, target):
    without(source, target, "1-3")


@derived("mysql-query-reset", "C", ("reset-after-request", SERVER), "cut to 68 bytes per packet")
def snaplen_mysql_query(source, target):
    cut(source, target, 68)


@derived("client-hello-server-abort", "C", ("2x reset-after-client-hello|reset-after-request", SERVER), "cut to 68 bytes per packet")
def snaplen_client_hello(source, target):
    cut(source, target, 68)


@derived("idle-timeout-server", "S", ("3x idle-timeout-reset", SERVER), "cut to 68 bytes per packet")
def snaplen_idle_timeout(source, target):
    cut(source, target, 68)


@derived("upload-rejected-413", "C", ("upload-rejected|error-response-then-reset", SERVER), "cut to 96 bytes per packet: the length of the body is not seen")
def snaplen_upload_rejected(source, target):
    cut(source, target, 96)


@derived("reset-mid-response", "C", ("abortive-close|reset-mid-response", SERVER), "cut to 68 bytes per packet: nothing says that the answer was whole")
def snaplen_reset_mid_response(source, target):
    cut(source, target, 68)


@derived("server-lost-one-connection", "C", ("no-such-connection", SERVER), "only the server's packets")
def one_way_state_lost(source, target):
    only_from(source, target, "192.0.2.10")


@derived("keepalive-race-crossed", "C", ("keepalive-race|late-data-after-fin", SERVER), "only the server's packets")
def one_way_keepalive_race(source, target):
    only_from(source, target, "192.0.2.10")


@derived("v6-client-abort-mid-response", "S", ("client-abort-mid-response", CLIENT), "only the client's packets")
def one_way_client_abort(source, target):
    only_from(source, target, "2001:db8:1::2")


@derived("http-waf-reset", "C", ("reset-after-request", SERVER), "pcapng with nanoseconds and an interface name")
def pcapng_http_waf_reset(source, target):
    run("editcap", "-F", "nsecpcap", source, target.with_suffix(".tmp"))
    run("editcap", "-F", "pcapng", target.with_suffix(".tmp"), target)
    target.with_suffix(".tmp").unlink()


@derived("reset-mid-response", "C", ("reset-mid-response", SERVER), "the clock is set back by an hour in the middle")
def clock_step_reset_mid_response(source, target):
    data = bytearray(source.read_bytes())
    offset, number = 24, 0
    while offset < len(data):
        seconds, _, length, _ = struct.unpack_from("<IIII", data, offset)
        if number >= 8:
            struct.pack_into("<I", data, offset, seconds - 3600)
        offset, number = offset + 16 + length, number + 1
    target.write_bytes(data)


def extension(name):
    """Captures are pcap; the one that tests pcapng says so."""
    return "pcapng" if name.startswith("pcapng") else "pcap"


def finish(work, output, resets):
    """Copy and derive captures, check each against its label, write labels.tsv and the list of origins."""
    scenes = output / "scenarios"
    scenes.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, scene in registry.SCENARIOS.items():
        for vantage in () if name.startswith("demo-") else VANTAGES:
            source = work / "raw" / f"{name}.{vantage}.pcap"
            if vantage in scene.labels and source.exists():
                rows.append((name, vantage, source.name, *scene.labels[vantage]))
                shutil.copyfile(source, scenes / source.name)
    for name, vantage, base, label, _, make in DERIVED:
        source = work / "raw" / f"{base}.{vantage}.pcap"
        if source.exists():
            target = scenes / f"{name}.{vantage}.{extension(name)}"
            make(source, target)
            rows.append((name, vantage, target.name, *label))
    wrong = [
        f"{row[2]}: label {row[3]}, {found} resets"
        for row in rows for found in [resets(scenes / row[2])] if (row[3] == "none") != (found == 0)
    ]
    write_tables(scenes, rows)
    if (output / "README.md").exists():
        write_readme(output / "README.md", scenes)
    demo = work / "demo"
    if demo.exists():
        for source in sorted(demo.iterdir()):
            name = source.name.split(".")[0]
            target = output / "demo" / f"{name}.{registry.SCENARIOS['demo-' + name[5:]].options['format']}"
            target = target.with_name(target.name.removeprefix("demo-"))
            target.parent.mkdir(exist_ok=True)
            run("editcap", "-F", target.suffix[1:], source, target)
        write_demo_labels(output / "demo.tsv", output / "demo")
    return wrong


def write_tables(scenes, rows):
    """labels.tsv; a run of part of the scenarios replaces only its own lines."""
    path = scenes / "labels.tsv"
    old = {}
    if path.exists():
        for line in path.read_text().splitlines()[1:]:
            old[line.split("\t")[2]] = line
    old |= {row[2]: "\t".join(row[:5]) for row in rows}
    body = "".join(old[file] + "\n" for file in sorted(old) if (scenes / file).exists())
    path.write_text("name\tvantage\tfile\tclass\tparty\n" + body)


BEGIN, END = "<!-- scenarios: written by lab/make.py -->", "<!-- end of scenarios -->"


def write_readme(path, scenes):
    """One line per scenario between the two marks of testdata/README.md."""
    about = {name: scene.about for name, scene in registry.SCENARIOS.items()}
    about |= {name: f"`{source}`, {text}" for name, _, source, _, text, _ in DERIVED}
    lines = ["| files | what happens |", "|---|---|"]
    for name in sorted(about):
        if name.startswith("demo-"):
            continue
        found = [v for v in VANTAGES for e in ("pcap", "pcapng") if (scenes / f"{name}.{v}.{e}").exists()]
        if found:
            lines.append(f"| {name} ({', '.join(found)}) | {about[name]} |")
    text = path.read_text()
    head, tail = text[: text.index(BEGIN)], text[text.index(END):]
    path.write_text(head + BEGIN + "\n" + "\n".join(lines) + "\n" + tail)


def write_demo_labels(path, demo):
    """demo.tsv: the same columns as labels.tsv, one line per file of demo/."""
    lines = ["name\tvantage\tfile\tclass\tparty"]
    for name, scene in registry.SCENARIOS.items():
        if name.startswith("demo-"):
            file = f"{name.removeprefix('demo-')}.{scene.options['format']}"
            if (demo / file).exists():
                lines.append("\t".join((name, "C", file, *scene.labels["C"])))
    path.write_text("\n".join(lines) + "\n")
