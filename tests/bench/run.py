#!/usr/bin/env python3
"""Measures what the sidecar costs beside the least a proxy can be. See README.md.

    python3 tests/bench/run.py            about a quarter of an hour; writes docs/benchmarks.md and .json
    python3 tests/bench/run.py --quick    about two; prints only
"""

import argparse
import datetime
import http.client
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import tomllib
from pathlib import Path

import machine
import report
from phases import CPU_PHASES, Bench, Failed

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PLAIN, TLS, TRACED = ("floor", "sidecar"), ("floor-tls", "sidecar-tls"), ("floor", "sidecar-traced")
PHASES = ["binary", "start", "held", *CPU_PHASES, "call-tls", "call-traced", "open"]

# rounds and seconds a slice: calls, paced streams, bursts, open loop; then rounds of held and start
FULL = {"call": (24, 1.2), "paced": (12, 2.0), "burst": (12, 1.0), "open": (30, 2.0), "held": 2, "start": 15}
QUICK = {"call": (5, 0.8), "paced": (3, 1.6), "burst": (4, 0.6), "open": (3, 2.0), "held": 1, "start": 5}


def arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--quick", action="store_true", help="fewer and shorter slices, nothing written")
    ap.add_argument("--bin", type=Path, default=Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release",
                    help="where the built programs are")
    ap.add_argument("--sidecar", type=Path, help="another build of the sidecar than the one there")
    ap.add_argument("--extra", type=Path, help="a further targets file; its tables win")
    ap.add_argument("--phases", type=lambda s: s.split(","), default=PHASES, help=f"some of {','.join(PHASES)}")
    ap.add_argument("--rounds", type=float, default=1, help="times as many rounds")
    ap.add_argument("--rate", type=int, default=500, help="calls a second of the open loop")
    ap.add_argument("--many-streams", action="store_true", help="also hold 8,000 streams")
    ap.add_argument("--lines", type=Path, help="keep the measured lines here")
    ap.add_argument("--from", dest="source", type=Path, help="measure nothing, report lines kept earlier")
    ap.add_argument("--write", action="store_true", help="write docs/ even when not everything was measured in full")
    ap.add_argument("--check", action="store_true", help="fail when a target is missed")
    ap.add_argument("--same-network", action="store_true", help=argparse.SUPPRESS)
    return ap.parse_args()


def alone_on_the_network():
    """Starts anew where only loopback exists, so that nothing measured can be reached or reach out."""
    if os.geteuid() or not shutil.which("unshare") or not shutil.which("ip"):
        return
    script = 'ip link set lo up && exec "$@"'
    again = [sys.executable, *sys.argv, "--same-network"]
    os.execvp("unshare", ["unshare", "--net", "--", "sh", "-c", script, "sh", *again])


def configuration(places):
    """The sidecar's configuration with the origin's authority filled in."""
    shutil.copytree(HERE / "config", places["config"], dirs_exist_ok=True)
    authority = {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "origin-ca", "namespace": "sidegate-system"},
        "data": {"ca.crt": (places["run"] / "ca.pem").read_text()},
    }
    (places["config"] / "origin-ca.yaml").write_text(json.dumps(authority, indent=1) + "\n")


def targets(extra):
    spec = tomllib.loads((HERE / "targets.toml").read_text())
    for kind, tables in (tomllib.loads(extra.read_text()) if extra else {}).items():
        spec[kind].update(tables)
    return spec


def measure(args, out):
    run = Path(tempfile.mkdtemp(prefix="sidegate-bench-"))
    bin = args.bin.resolve()
    places = {"bin": bin, "sidecar": args.sidecar or bin / "sidegate-proxy", "run": run, "config": run / "config"}
    bench = Bench(targets(args.extra), places, out)
    for name in ("direct", "floor"):
        if missing := bench.missing(name):
            raise SystemExit(f"{missing} is not built")
    bench.line(**circumstances(args))
    try:
        bench.serve("origin")
        configuration(places)
        failed = [phase for phase in args.phases if not one_phase(args, bench, phase)]
    finally:
        bench.close()
    if failed:
        print(f"# what the programs said is in {run}/programs.log", file=sys.stderr)
    else:
        shutil.rmtree(run)


def one_phase(args, bench, phase):
    """Measures one phase; false when a target failed in it."""
    pair = TLS if phase.endswith("-tls") else TRACED if phase.endswith("-traced") else PLAIN
    pair = [name for name in pair if not (missing := bench.missing(name)) or said_missing(name, missing)]
    slices = QUICK if args.quick else FULL
    slices = {k: (max(1, int(v[0] * args.rounds)), v[1]) if isinstance(v, tuple) else max(1, int(v * args.rounds))
              for k, v in slices.items()}
    try:
        match phase:
            case "binary":
                for name in pair:
                    bench.weigh(name)
            case "start":
                bench.starts(pair, slices["start"])
            case "held":
                bench.held([n for both in zip(pair, TLS) for n in both], slices["held"], 1000)
                if args.many_streams:
                    bench.held(pair, 1, 8000)
            case "open":
                bench.open_loop(pair, *slices["open"], args.rate)
            case _:
                bench.cpu(phase, pair, *slices[phase.split("-")[0]])
    except (Failed, OSError, http.client.HTTPException) as failed:
        # What was measured before stays; the row shows fewer rounds or a dash.
        print(f"# {phase}: {type(failed).__name__}: {failed}", file=sys.stderr)
        if ended := bench.ended():
            raise SystemExit(f"ended meanwhile (a negative number is a signal): {ended}") from failed
        return False
    return True


def said_missing(name, missing, told=set()):
    if missing not in told:
        print(f"# {name}: left out, {missing} is not built", file=sys.stderr)
        told.add(missing)
    return False


class Lines:
    """Keeps the lines, shows progress, and copies them to a file if wanted."""

    def __init__(self, file):
        self.kept, self.file = [], file

    def write(self, line):
        self.kept.append(json.loads(line))
        if self.file:
            self.file.write(line)
        print("# " + line.strip(), file=sys.stderr, flush=True)

    def flush(self):
        if self.file:
            self.file.flush()


def circumstances(args):
    """Machine and day, for whoever compares; the first of the lines."""
    return {
        "phase": "run", "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} cores of {machine.processor_model()}, Linux {platform.release()}",
        "command": "python3 tests/bench/run.py" + (" --quick" if args.quick else ""),
    }


def write_docs(figures, lines):
    docs = ROOT / "docs"
    run, slices = lines[0], lines[1:]
    foreign = statistics.median(line["foreign"] for line in slices if "foreign" in line)
    record = {**run, "foreign": foreign, "figures": figures, "slices": slices}
    # What the other two measured stays as it is.
    before = json.loads((docs / "benchmarks.json").read_text())
    record |= {name: before[name] for name in ("scale", "untaken") if name in before}
    (docs / "benchmarks.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    text = (f"Measured {run['date']} on {run['machine']}, with `{run['command']}`. Others used "
            f"{foreign:.0%} of the target's core meanwhile.\n\n" + report.table(figures))
    page = docs / "benchmarks.md"
    page.write_text(report.between_markers(page.read_text(), text))


def main():
    args = arguments()
    if unknown := set(args.phases) - set(PHASES):
        raise SystemExit(f"no such phase: {', '.join(sorted(unknown))}")
    if args.source:
        lines = [json.loads(line) for line in args.source.read_text().splitlines()]
    else:
        if os.cpu_count() < 2:
            raise SystemExit("two cores are needed: one for the target, one for everything else")
        if not args.same_network:
            alone_on_the_network()
        machine.raise_open_files()
        os.sched_setaffinity(0, {machine.OTHERS_CORE})
        with open(args.lines or os.devnull, "w") as file:
            kept = Lines(file)
            measure(args, kept)
        lines = kept.kept
    figures = report.figures(lines)
    print(report.table(figures))
    whole = not (args.quick or args.source or args.extra) and set(args.phases) == set(PHASES)
    if args.write or (whole and all(f["sidecar"] is not None for f in figures)):
        write_docs(figures, lines)
    if args.check and not all(f["met"] for f in figures):
        raise SystemExit("a target was missed, or not measured")


if __name__ == "__main__":
    main()
