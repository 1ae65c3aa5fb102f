"""What the table says about measured lines."""

import json
import unittest

from bodies import chat
from report import BEGIN, END, between_markers, figures, table


def line(target, round_, cpu_us, foreign=0.0, phase="paced"):
    return {"phase": phase, "target": target, "round": round_, "cpu_us": cpu_us, "foreign": foreign}


class Figures(unittest.TestCase):
    def test_a_ratio_is_the_median_of_neighbours(self):
        lines = [line("floor", 0, 10), line("sidecar", 0, 11), line("floor", 1, 20), line("sidecar", 1, 24),
                 line("floor", 2, 10), line("sidecar", 2, 13)]
        figure, = figures(lines)
        self.assertAlmostEqual(figure["ratio"], 1.2)
        self.assertTrue(figure["met"])
        self.assertIn("1.20 (1.10–1.30)", table([figure]))

    def test_a_missed_target_says_no(self):
        figure, = figures([line("floor", 0, 10), line("sidecar", 0, 13)])
        self.assertFalse(figure["met"])
        self.assertIn("**no**", table([figure]))

    def test_noisy_rounds_are_left_out_while_enough_remain(self):
        quiet = [line(t, n, 10) for n in range(3) for t in ("floor", "sidecar")]
        noisy = [line("floor", 3, 10, foreign=0.5), line("sidecar", 3, 90)]
        self.assertEqual(figures(quiet + noisy)[0]["ratio_most"], 1)
        self.assertEqual(figures(quiet[2:] + noisy)[0]["ratio_most"], 9)

    def test_what_was_not_measured_is_neither_met_nor_missed(self):
        figure, = figures([line("floor", 0, 10)])
        self.assertIsNone(figure["met"])
        self.assertIn("| – | – | ≤ 1.2 × floor | – |", table([figure]))

    def test_prose_around_the_markers_stays(self):
        page = between_markers(f"before\n{BEGIN}\nold\n{END}\nafter", "new")
        self.assertEqual(page, f"before\n{BEGIN}\n\nnew\n\n{END}\nafter")
        with self.assertRaises(SystemExit):
            between_markers("no markers", "new")


class Bodies(unittest.TestCase):
    def test_a_body_has_its_size_and_escapes(self):
        for size in (1 << 10, 128 << 10):
            body = chat("m", size, stream=True, usage=True)
            self.assertTrue(size <= len(body) < size + 400, len(body))
            self.assertIn(b'\\n', body)
            self.assertIn(b'\\"', body)
            self.assertTrue(json.loads(body)["stream_options"]["include_usage"])


if __name__ == "__main__":
    unittest.main()
