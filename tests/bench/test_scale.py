"""What the table of many sidecars says about measured lines, and the objects that it is measured with."""

import tempfile
import unittest
from pathlib import Path

from scale import figures, table, write_objects


class Figures(unittest.TestCase):
    def test_each_figure_stands_beside_its_target(self):
        rows = figures({"back": {"most_ms": 4000.0}, "edit-1000": {"p99_ms": 1500.0}})
        self.assertEqual([(row["value"], row["met"]) for row in rows], [(1500.0, False), (4000.0, True)])
        self.assertIn("| 1,500 | ≤ 1,000 | **no** |", table(rows))

    def test_growth_is_memory_after_over_memory_before(self):
        line = {"p99_ms": 1.0, "before_mib": 100.0, "after_mib": 130.0, "most_mib": 140.0}
        growth = figures({"churn": line})[1]
        self.assertAlmostEqual(growth["value"], 1.3)
        self.assertFalse(growth["met"])


class Objects(unittest.TestCase):
    def test_one_policy_of_each_namespace_is_there_to_be_edited(self):
        with tempfile.TemporaryDirectory() as directory:
            objects = Path(directory) / "objects"
            write_objects(objects, 3, 4)
            files = sorted(path.name for path in objects.iterdir())
            self.assertEqual(files, ["cluster.yaml", "p0.yaml", "p1.yaml", "p2.yaml", "provider.yaml"])
            text = (objects / "p1.yaml").read_text()
            self.assertEqual((text.count("kind: AIPolicy"), text.count("churn-0")), (4, 1))
            self.assertEqual((objects / "cluster.yaml").read_text().count("edit-0"), 1)


if __name__ == "__main__":
    unittest.main()
