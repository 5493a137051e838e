"""The grammar of labels and the counting of right answers: `python3 -m unittest discover tests/peer`."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import labels  # noqa: E402
import run  # noqa: E402


class Grammar(unittest.TestCase):
    def test_remarks_and_alternatives(self):
        (item,) = labels.parse("tls-alert-then-reset(48)", "client-host (blame server)")
        self.assertEqual(item, labels.Item(None, {"tls-alert-then-reset"}, {"client-host"}))
        (item,) = labels.parse("orphan-reset|no-such-connection", "client-host?")
        self.assertEqual(item.parties, {"client-host", "unknown"})

    def test_several_cases(self):
        first, second = labels.parse("2x a + 3x b|c", "server-host")
        self.assertEqual((first.count, first.parties), (2, {"server-host"}))
        self.assertEqual((second.count, second.classes, second.parties), (3, {"b", "c"}, set()))
        first, second = labels.parse("a + b", "client-host + unknown")
        self.assertEqual((first.parties, second.parties), ({"client-host"}, {"unknown"}))
        (item,) = labels.parse("crossing-aborts", "client-host+server-host")
        self.assertEqual(item.parties, {"client-host", "server-host"})

    def test_none(self):
        self.assertEqual(labels.parse("none(FIN; request beat the FIN in this run)", "-"), [])


class Counting(unittest.TestCase):
    def score(self, classes, parties, cases):
        score = labels.Score()
        score.add("x", labels.parse(classes, parties), cases)
        return score.percent(score.classes), score.percent(score.parties)

    def test_right(self):
        self.assertEqual(self.score("a", "p", [("a", "p")]), (100.0, 100.0))
        self.assertEqual(self.score("2x a + b", "p + q", [("a", "p"), ("b", "q"), ("a", "p")]), (100.0, 100.0))

    def test_wrong_class_and_party(self):
        self.assertEqual(self.score("a", "p", [("b", "p")]), (0.0, 100.0))
        self.assertEqual(self.score("a|b", "p", [("b", "q")]), (100.0, 0.0))

    def test_missing_case_is_wrong(self):
        self.assertEqual(self.score("a + b", "p", [("a", "p")])[0], 50.0)
        self.assertEqual(self.score("a", "p", [])[0], 0.0)
        self.assertAlmostEqual(self.score("3x a", "p", [("a", "p")])[0], 100 / 3)

    def test_case_where_none_is_wanted(self):
        self.assertEqual(self.score("none", "-", [("a", "p")])[0], 0.0)


class Pieces(unittest.TestCase):
    def test_names_inside_json(self):
        value = {"query": "www.example.test", "answers": [{"address": "192.0.2.1"}, {"cname": "a.example"}], "frame": 3}
        names = {text for text in run.strings(value) if run.looks_like_name(text)}
        self.assertEqual(names, {"www.example.test", "a.example"})

    def test_frames(self):
        report = run.Report()
        run.check_frames(report, "x", [{"rsts": [{"frame": 4}, {"frame": 9}]}], {4, 9})
        self.assertEqual((report.passed, report.failed), (1, []))
        run.check_frames(report, "x", [{"rsts": [{"frame": 4}]}, {"rsts": [{"frame": 4}]}], {4, 9})
        self.assertEqual(len(report.failed), 1)


if __name__ == "__main__":
    unittest.main()
