"""The captures that the peer checks run on when none are named."""

import csv
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"


def own(step=1):
    """Captures of this repository; of the scenarios every `step`-th."""
    yield from sorted((ROOT / "testdata" / "scenarios").glob("*.pcap"))[::step]
    yield from sorted(p for p in (ROOT / "testdata" / "demo").iterdir() if ".pcap" in p.name)


def labelled(shared=SHARED):
    directory = shared / "labelled" / "captures"
    if directory.is_dir():
        yield from sorted(p for p in directory.iterdir() if ".pcap" in p.name)


def corpus(shared=SHARED, largest=3_000_000):
    manifest = shared / "corpus" / "MANIFEST.tsv"
    if manifest.exists():
        with open(manifest, newline="") as file:
            paths = [shared / "corpus" / row["name"] for row in csv.DictReader(file, delimiter="\t")]
        yield from (p for p in paths if p.exists() and p.stat().st_size <= largest)
