#!/usr/bin/env python3
"""What a tracing back-end that is not there costs: two sidecars side by side under the same load, one of them with
spans to send and nobody to send them to. Ten minutes at 1,000 calls a second; writes its part of docs/benchmarks.md.

    python3 tests/bench/untaken.py [--secs 600] [--rate 1000]
"""

import argparse
import datetime
import json
import os
import platform
import tempfile
import threading
from pathlib import Path

import machine
import report
from phases import Bench
from run import Lines, ROOT, alone_on_the_network, configuration, targets

BEGIN, END = "<!-- untaken: begin -->", "<!-- untaken: end -->"
PAIR = ("sidecar", "sidecar-untaken")


def arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--bin", type=Path, default=Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release")
    ap.add_argument("--secs", type=int, default=600)
    ap.add_argument("--rate", type=int, default=1000, help="calls a second for each of the two")
    ap.add_argument("--extra", type=Path, default=None, help=argparse.SUPPRESS)
    ap.add_argument("--same-network", action="store_true", help=argparse.SUPPRESS)
    return ap.parse_args()


def one(bench, name, process, args, into):
    load = ["open", "--rate", str(args.rate), "--warmup", "10", "--secs", str(args.secs)]
    run = bench.load(name, process, load, watch=True)
    into[name] = {"latency_us": run["latency_us"], "calls": run["done"], "resident_kib": run["memory_kib"][0],
                  "anonymous_kib": run["memory_kib"][1], "waiting": run["waiting"]}


def measure(args):
    run = Path(tempfile.mkdtemp(prefix="sidegate-untaken-"))
    bin = args.bin.resolve()
    places = {"bin": bin, "sidecar": bin / "sidegate-proxy", "run": run, "config": run / "config"}
    bench, seen, warm = Bench(targets(args.extra), places, Lines(None)), {}, {}
    try:
        bench.serve("origin")
        configuration(places)
        processes = {name: bench.start(name)[0] for name in PAIR}
        try:
            for name in PAIR:
                # Loaded once before: what a first load takes is no growth.
                bench.load(name, processes[name], ["open", "--rate", str(args.rate), "--warmup", "1", "--secs", "10"])
                warm[name] = processes[name].memory()[1]
            loads = [threading.Thread(target=one, args=(bench, n, processes[n], args, seen)) for n in PAIR]
            [load.start() for load in loads]
            [load.join() for load in loads]
        finally:
            for process in processes.values():
                process.stop()
    finally:
        bench.close()
    return {name: seen[name] | {"growth_kib": seen[name]["anonymous_kib"] - warm[name]} for name in PAIR}


def table(seen):
    lines = ["| | spans go nowhere | a back-end that is not there | |", "|---|---:|---:|---|"]
    without, untaken = (seen[name] for name in PAIR)
    rows = [(f"latency {p}, µs", without["latency_us"][p], untaken["latency_us"][p]) for p in ("p50", "p99")]
    rows += [("calls", without["calls"], untaken["calls"])]
    rows += [("growth of memory meanwhile, MiB", without["growth_kib"] / 1024, untaken["growth_kib"] / 1024)]
    for title, a, b in rows:
        more = f"+ {report.number(b - a)}" if b >= a else f"− {report.number(a - b)}"
        lines.append(f"| {title} | {report.number(a)} | {report.number(b)} | {more} |")
    return "\n".join(lines) + "\n"


def main():
    args = arguments()
    if not args.same_network:
        alone_on_the_network()
    machine.raise_open_files()
    os.sched_setaffinity(0, {machine.OTHERS_CORE})
    load, seen = os.getloadavg()[1], measure(args)
    print(table(seen))
    if args.secs < 600:
        return
    circumstances = {"date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"), "secs": args.secs, "rate": args.rate,
                     "machine": f"{os.cpu_count()} cores of {machine.processor_model()}, Linux {platform.release()}"}
    docs = ROOT / "docs"
    kept = json.loads((docs / "benchmarks.json").read_text())
    kept["untaken"] = {**circumstances, "load": load, "seen": seen}
    (docs / "benchmarks.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    text = (f"Measured {circumstances['date']} with `python3 tests/bench/untaken.py`: {args.rate:,} calls a second to each of two "
            f"sidecars side by side for {args.secs} s. The machine's load was {load:.1f} before it began.\n\n" + table(seen))
    page = docs / "benchmarks.md"
    page.write_text(report.between_markers(page.read_text(), text, BEGIN, END))


if __name__ == "__main__":
    main()
