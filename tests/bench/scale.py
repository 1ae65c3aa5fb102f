#!/usr/bin/env python3
"""Measures the control plane under many sidecars. See README.md.

    python3 tests/bench/scale.py            about five minutes; writes docs/benchmarks.md and .json
    python3 tests/bench/scale.py --quick    about one; prints only
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import machine
import report

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LISTEN, METRICS = "127.0.0.1:18178", "127.0.0.1:18179"
PARTS = ["index", "edit-1000", "back", "churn", "edit-10000"]
BEGIN, END = "<!-- scale: begin -->", "<!-- scale: end -->"
MIB = 1024


def arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--quick", action="store_true", help="fewer edits and a shorter churn, nothing written")
    ap.add_argument("--bin", type=Path, default=Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release",
                    help="where the built programs are")
    ap.add_argument("--parts", type=lambda s: s.split(","), default=PARTS, help=f"some of {','.join(PARTS)}")
    ap.add_argument("--check", action="store_true", help="fail when a target is missed")
    return ap.parse_args()


HEAD = "apiVersion: sidegate.dev/v1alpha1\nkind: AIPolicy\nmetadata: {name: %s, namespace: %s}\nspec:\n"


# With a list price for each of its models, as a cluster's would have. Nobody calls it.
PROVIDER = """apiVersion: v1
kind: Secret
metadata: {name: openai, namespace: sidegate-system}
stringData: {api-key: sk-bench-worth-nothing}
---
apiVersion: sidegate.dev/v1alpha1
kind: AIProvider
metadata: {name: openai, namespace: sidegate-system}
spec:
  dialect: OpenAI
  credentials:
  - {name: a, secretRef: {name: openai, key: api-key}}
  access: {namespaces: {from: All}}
"""
CLUSTER = """  models: {allow: ["gpt-*"], deny: [edit-0]}
  routes:
  - name: fast
    matches: [{models: [fast]}]
    targets: [{provider: openai, model: gpt-4o-mini}]
  limits:
  - {name: requests, per: [{type: Pod}], requests: 6000, window: 1m}
"""


def write_objects(directory, namespaces, each):
    """A provider for everybody, one policy of the whole cluster, and so many of each namespace, in a file for each."""
    directory.mkdir()
    (directory / "provider.yaml").write_text(PROVIDER)
    (directory / "cluster.yaml").write_text(HEAD % ("cluster", "sidegate-system") + CLUSTER)
    own = "  models: {deny: [%s]}\n  limits:\n  - {name: burst, per: [{type: Pod}], requests: 600, window: 1m}\n"
    for n in range(namespaces):
        # The first is the one that is edited.
        policies = [HEAD % (f"p{k}", f"n{n}") + own % ("never" if k else "churn-0") for k in range(each)]
        (directory / f"p{n}.yaml").write_text("---\n".join(policies))


class Plane:
    """The control plane's program on the target's core."""

    def __init__(self, args, run, objects):
        self.args, self.run, self.objects = args, run, objects
        self.log = open(run / "controller.log", "ab")
        self.most = 0
        self.start()

    def start(self):
        command = [self.args.bin / "sidegate-controller", "--from-files", self.objects, "--listen", LISTEN,
                   "--metrics-listen", METRICS, "--live-listen", "127.0.0.1:0"]
        os.environ["RUST_LOG"] = "warn"
        self.process = machine.Process(command, machine.TARGET_CORE, self.log)

    def kill(self):
        self.process.popen.send_signal(signal.SIGKILL)
        self.process.popen.wait()

    def resident_mib(self):
        now = self.process.memory()[0] / MIB
        self.most = max(self.most, now)
        return now

    def cpu_seconds(self):
        return sum(self.process.cpu().values()) / 1e9

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()
        self.log.close()


class Streams:
    """The load program; an order in, a line of JSON out."""

    def __init__(self, args, run, count, namespaces):
        self.log = open(run / "streams.log", "ab")
        command = [args.bin / "bench-scale", "streams", LISTEN, str(count), str(namespaces)]
        os.sched_setaffinity(0, {machine.OTHERS_CORE})
        self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)

    def order(self, words):
        self.tell(words)
        return self.answer()

    def tell(self, words):
        self.popen.stdin.write(words + "\n")
        self.popen.stdin.flush()

    def answer(self):
        line = self.popen.stdout.readline()
        if not line:
            raise SystemExit("the streams ended; what they said is in streams.log")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.stdin.close()
        try:
            self.popen.wait(30)
        except subprocess.TimeoutExpired:
            self.popen.kill()
        self.log.close()


def index(args, _run):
    out = subprocess.run([args.bin / "bench-scale", "index"], check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def edit(args, run, count):
    """Edits of the cluster's policy, each acknowledged by all before the next."""
    namespaces = 100
    write_objects(run / "objects", namespaces, 1)
    with Plane(args, run, run / "objects") as plane, Streams(args, run, count, namespaces) as streams:
        settle, edits = streams.order("settle"), []
        for n in range(3 if args.quick else 10):
            edits.append(streams.order(f"edit {run}/objects/cluster.yaml {n + 1}")["edited_ms"])
            plane.resident_mib()
        return {"streams": count, "settle_s": settle["settle_ms"] / 1e3, "p99_ms": max(e["p99"] for e in edits),
                "most_ms": max(e["most"] for e in edits), "p50_ms": statistics.median(e["p50"] for e in edits),
                "most_mib": plane.most, "cpu_s": plane.cpu_seconds(), "bytes": settle["counts"]["largest_policy"],
                "edits": edits}


def back(args, run):
    """The control plane is killed, an edit is made, and it is started again: all back and current."""
    namespaces, count, times = 100, 1000, []
    write_objects(run / "objects", namespaces, 1)
    with Plane(args, run, run / "objects") as plane, Streams(args, run, count, namespaces) as streams:
        streams.order("settle")
        for n in range(2 if args.quick else 5):
            # Not at once, so that every stream has lived for a while.
            time.sleep(3)
            plane.kill()
            streams.tell(f"edit {run}/objects/cluster.yaml {n + 1}")
            time.sleep(0.3)
            plane.start()
            times.append(streams.answer())
    return {"streams": count, "most_ms": max(t["edited_ms"]["most"] for t in times),
            "p50_ms": [t["edited_ms"]["p50"] for t in times], "counts": times[-1]["counts"]}


def churn(args, run):
    """10,000 policies and a hundred edits a second."""
    namespaces, each, count, seconds = 1000, 10, 1000, 10 if args.quick else 60
    write_objects(run / "objects", namespaces, each)
    with Plane(args, run, run / "objects") as plane, Streams(args, run, count, namespaces) as streams:
        streams.order("settle")
        # Caches and buffers fill in the first seconds.
        streams.order(f"churn {run}/objects {namespaces} 100 {2 if args.quick else 10}")
        before, cpu = plane.resident_mib(), plane.cpu_seconds()
        streams.tell(f"churn {run}/objects {namespaces} 100 {seconds}")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            plane.resident_mib()
            time.sleep(0.2)
        done = streams.answer()
        return {"policies": namespaces * each, "streams": count, "edits": 100 * seconds, "before_mib": before,
                "after_mib": plane.resident_mib(), "most_mib": plane.most, "p50_ms": done["churned_ms"]["p50"],
                "p99_ms": done["churned_ms"]["p99"], "most_ms": done["churned_ms"]["most"],
                "core": (plane.cpu_seconds() - cpu) / done["seconds"], "counts": done["counts"]}


MEASURES = {"index": index, "edit-1000": lambda a, r: edit(a, r, 1000), "back": back, "churn": churn,
            "edit-10000": lambda a, r: edit(a, r, 10_000)}
# Part, what it is, unit, figure of the part's line, target
ROWS = [
    ("index", "an edit that touches 10 of 1,000 classes, 10,000 policies over 10,000 pods, p99", "ms", "p99", 10),
    ("edit-1000", "an edit of the cluster's policy until 1,000 sidecars have taken it, p99", "ms", "p99_ms", 1000),
    ("edit-10000", "the same with 10,000 sidecars, p99", "ms", "p99_ms", 5000),
    ("edit-10000", "memory of the control plane with 10,000 sidecars", "MiB", "most_mib", 1024),
    ("back", "control plane killed and started: 1,000 sidecars back and current, the last", "ms", "most_ms", 10_000),
    ("churn", "10,000 policies, 100 edits a second: an edit until its sidecars have taken it, p99", "ms", "p99_ms", 1000),
    ("churn", "the same: memory after a minute of it, beside that before", "ratio", "growth", 1.25),
    ("churn", "the same: most memory", "MiB", "most_mib", 512),
]


def figures(lines):
    out = []
    for part, title, unit, key, limit in ROWS:
        line = lines.get(part)
        if line is None:
            continue
        value = line["after_mib"] / line["before_mib"] if key == "growth" else line[key]
        out.append({"part": part, "title": title, "unit": unit, "value": value, "limit": limit, "met": value <= limit})
    return out


def table(rows):
    lines = ["| what | | measured | target | met |", "|---|---|---:|---|---|"]
    for row in rows:
        met = "yes" if row["met"] else "**no**"
        lines.append(f"| {row['title']} | {row['unit']} | {report.number(row['value'])} | ≤ {row['limit']:,} | {met} |")
    return "\n".join(lines)


def write_docs(rows, lines, circumstances):
    docs = ROOT / "docs"
    kept = docs / "benchmarks.json"
    record = json.loads(kept.read_text())
    record["scale"] = {**circumstances, "figures": rows, "lines": lines}
    kept.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    text = (f"Measured {circumstances['date']} on {circumstances['machine']}, with `{circumstances['command']}`. "
            f"The machine's load was {circumstances['load']:.1f} before it began.\n\n" + table(rows))
    page = docs / "benchmarks.md"
    page.write_text(report.between_markers(page.read_text(), text, BEGIN, END))


def main():
    from run import circumstances

    args = arguments()
    if unknown := set(args.parts) - set(PARTS):
        raise SystemExit(f"no such part: {', '.join(sorted(unknown))}")
    machine.raise_open_files()
    lines, load = {}, os.getloadavg()[1]
    for part in args.parts:
        run = Path(tempfile.mkdtemp(prefix="sidegate-scale-"))
        lines[part] = MEASURES[part](args, run)
        print("# " + json.dumps({part: lines[part]}), file=sys.stderr, flush=True)
        shutil.rmtree(run)
    rows = figures(lines)
    print(table(rows))
    if not args.quick and set(args.parts) == set(PARTS):
        built = "" if args.bin.name == "release" else f" --bin target/{args.bin.name}"
        command = "make bench-scale" if not built else "python3 tests/bench/scale.py" + built
        write_docs(rows, lines, {**circumstances(args), "command": command, "load": load})
    if args.check and not all(row["met"] for row in rows):
        raise SystemExit("a target was missed")


if __name__ == "__main__":
    main()
