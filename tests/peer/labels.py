"""Labels of captures, and how a list of cases is held against them.

A label is a class and a party: `|` separates answers that are as good, ` + ` separates cases of one file,
`3x` counts cases, text in parentheses is a remark, `?` after a party allows `unknown`.
"""

import collections
import csv
import re
from fractions import Fraction

Item = collections.namedtuple("Item", "count classes parties")

# Companions of a labelled episode that the label does not name: file name prefix -> classes that are right too.
COMPANIONS = {
    "multi-conn-crash": {"syn-refused", "syn-refused-repeatedly", "service-down-or-restarted"},
}


def bare(text):
    """A label without its remarks."""
    return re.sub(r"\([^)]*\)", "", text).strip()


def alternatives(text):
    """`a|b?` -> {a, b, unknown}"""
    found = set()
    for word in re.split(r"[|+]", bare(text)):
        word = word.strip()
        if word.endswith("?"):
            found.add("unknown")
        if word.rstrip("?"):
            found.add(word.rstrip("?"))
    return found


def parse(classes, parties):
    """The items of a label; an empty list means that the file holds no reset."""
    if bare(classes) == "none":
        return []
    parts = bare(classes).split(" + ")
    party_parts = bare(parties).split(" + ")
    items = []
    for n, part in enumerate(parts):
        match = re.match(r"(\d+)x (.*)", part.strip())
        count = int(match.group(1)) if match else None
        name = match.group(2) if match else part
        if len(party_parts) == len(parts):
            party = alternatives(party_parts[n])
        else:  # one party for all: it is that of the first case
            party = alternatives(parties) if n == 0 else set()
        items.append(Item(count, alternatives(name), party))
    return items


def read(path):
    """The rows of a label table: list of (name, file, items, class text)."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [(r["name"], r["file"], parse(r["class"], r["party"]), r["class"]) for r in rows]


class Score:
    """Right answers per file, and what was said in place of what."""

    def __init__(self):
        self.classes, self.parties, self.confusion = [], [], collections.Counter()
        self.party_confusion = collections.Counter()

    def add(self, name, items, cases):
        """`cases` is a list of (class, party). Every file weighs the same."""
        if not items:
            if cases:
                self.classes.append(Fraction(0))
                for got, _ in cases:
                    self.confusion["none", got] += 1
            return
        companions = set().union(*(v for k, v in COMPANIONS.items() if name.startswith(k)))
        left = [item.count for item in items]
        met = [0] * len(items)
        right = wrong = party_right = party_all = 0
        for got, party in cases:
            at = self.place(items, left, met, got)
            if at is None:
                if got in companions:
                    continue
                wrong += 1
                self.confusion[self.text(items[0]), got] += 1
                wanted = set().union(*(item.parties for item in items))
            else:
                right += 1
                met[at] += 1
                if left[at]:
                    left[at] -= 1
                self.confusion[self.text(items[at]), got] += 1
                wanted = items[at].parties
            if wanted:
                party_all += 1
                party_right += party in wanted
                self.party_confusion["|".join(sorted(wanted)), party] += 1
        for item, still, hits in zip(items, left, met):
            lacking = still if item.count else int(not hits)
            if lacking and right + wrong < sum(i.count or 1 for i in items):
                wrong += lacking
                self.confusion[self.text(item), "(no such case)"] += lacking
        if right + wrong:
            self.classes.append(Fraction(right, right + wrong))
        if party_all:
            self.parties.append(Fraction(party_right, party_all))

    @staticmethod
    def place(items, left, met, got):
        """The item that a case answers: one that still wants cases first, and of these one without any."""
        fits = [n for n, item in enumerate(items) if got in item.classes]
        open_items = sorted((n for n in fits if left[n] != 0), key=lambda n: met[n] > 0)
        return (open_items or fits or [None])[0]

    @staticmethod
    def text(item):
        return "|".join(sorted(item.classes))

    @staticmethod
    def percent(values):
        return 100.0 * float(sum(values) / len(values)) if values else 0.0

    def table(self):
        """Lines of the confusion tables."""
        yield f"{'expected class':58} {'answer':34} {'cases':>5}"
        for (wanted, got), count in sorted(self.confusion.items()):
            mark = " " if got in wanted.split("|") else "*"
            yield f"{wanted[:57]:58} {got[:33]:34} {count:5} {mark}"
        yield f"{'expected party':58} {'answer':34} {'cases':>5}"
        for (wanted, got), count in sorted(self.party_confusion.items()):
            mark = " " if got in wanted.split("|") else "*"
            yield f"{wanted[:57]:58} {got[:33]:34} {count:5} {mark}"
