"""From measured lines to rows: floor, sidecar, ratio, target, met or not.

A ratio is the median of the ratios of neighbouring slices, not the ratio of two medians: slices
that follow one another saw the same machine. Slices in which others used the target's core are
left out as long as enough quiet ones remain.
"""

import statistics

MIB = 1 << 20
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


class Row:
    """One figure. `limit` is on the ratio, on the sidecar's own figure, or on the difference."""

    def __init__(self, key, title, unit, phase, value, by, limit):
        self.key, self.title, self.unit, self.phase = key, title, unit, phase
        self.value, self.by, self.limit = value, by, limit


def cpu(line):
    return line["cpu_us"]


ROWS = [
    Row("call", "CPU per call, 1 KB", "µs", "call", cpu, "ratio", 1.5),
    Row("call-tls", "CPU per call, 1 KB, TLS upstream", "µs", "call-tls", cpu, "ratio", 1.8),
    Row("call-traced", "CPU per call, 1 KB, 10 % traced by OTLP", "µs", "call-traced", cpu, "ratio", 1.5),
    Row("call-128k", "CPU per call, 128 KB request", "µs", "call-128k", cpu, "ratio", 2.0),
    Row("paced", "CPU per streamed event, paced", "µs", "paced", cpu, "ratio", 1.2),
    Row("paced-usage", "the same, client asks for usage", "µs", "paced-usage", cpu, "ratio", 1.2),
    Row("burst", "CPU per streamed event, burst", "µs", "burst", cpu, "ratio", 1.2),
    Row("burst-usage", "the same, client asks for usage", "µs", "burst-usage", cpu, "ratio", 1.2),
    Row("p50", "latency p50 at a fixed rate", "µs", "open", lambda l: l["latency_us"]["p50"], "added", 20),
    Row("p99", "latency p99 at a fixed rate", "µs", "open", lambda l: l["latency_us"]["p99"], "added", 150),
    Row("idle", "memory, idle", "MiB", "held-1000", lambda l: l["idle_resident_kib"] / 1024, "own", 10),
    Row("loaded", "memory, loaded with 1 KB calls", "MiB", "call", lambda l: l["resident_kib"] / 1024, "own", 16),
    Row("stream", "memory per open stream", "KiB", "held-1000", lambda l: l["stream_kib"], "own", 36),
    Row("stream-tls", "memory per open stream, TLS upstream", "KiB", "held-1000-tls", lambda l: l["stream_kib"], "own", 45),
    Row("streams", "memory with 1,000 open streams", "MiB", "held-1000", lambda l: l["resident_kib"] / 1024, "own", 48),
    Row("streams-8000", "memory with 8,000 open streams", "MiB", "held-8000", lambda l: l["resident_kib"] / 1024, "own", 360),
    Row("start", "start to first served call", "ms", "start", lambda l: l["ms"], "own", 20),
    Row("binary", "program, stripped", "MiB", "binary", lambda l: l["bytes"] / MIB, "own", 12),
]


# Share of the target's core that others may use, and how many quiet rounds are enough.
FOREIGN, ENOUGH = 0.1, 3


def by_round(lines, row):
    """The row's figures of floor and of sidecar, by round."""
    floor, sidecar, noisy = {}, {}, set()
    for line in (line for line in lines if line["phase"] == row.phase):
        (floor if line["target"].startswith("floor") else sidecar)[line["round"]] = row.value(line)
        if line.get("foreign", 0) > FOREIGN:
            noisy.add(line["round"])
    if len((floor.keys() | sidecar.keys()) - noisy) >= ENOUGH:
        for round_ in noisy:
            floor.pop(round_, None)
            sidecar.pop(round_, None)
    return floor, sidecar


def figures(lines):
    """Each row's figures as plain values; what was not measured is None or left out."""
    out = []
    for row in ROWS:
        floor, sidecar = by_round(lines, row)
        if not floor and not sidecar:
            continue
        both = sorted(floor.keys() & sidecar.keys())
        median = lambda values: statistics.median(values) if values else None
        figure = {
            "key": row.key, "title": row.title, "unit": row.unit, "limit_on": row.by, "limit": row.limit,
            "rounds": max(len(floor), len(sidecar)),
            "floor": median(list(floor.values())), "sidecar": median(list(sidecar.values())),
            "ratio": median([sidecar[n] / floor[n] for n in both]),
            "ratio_least": min((sidecar[n] / floor[n] for n in both), default=None),
            "ratio_most": max((sidecar[n] / floor[n] for n in both), default=None),
            "added": median([sidecar[n] - floor[n] for n in both]),
        }
        reached = figure[{"ratio": "ratio", "added": "added", "own": "sidecar"}[row.by]]
        figure["met"] = None if reached is None else reached <= row.limit
        out.append(figure)
    return out


def number(value):
    if value is None:
        return "–"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def table(figures):
    lines = ["| what | | floor | sidecar | ratio (least–most) | target | met |", "|---|---|---:|---:|---:|---|---|"]
    for f in figures:
        spread = f" ({f['ratio_least']:.2f}–{f['ratio_most']:.2f})" if f["ratio"] and f["rounds"] > 1 else ""
        ratio = f"{f['ratio']:.2f}{spread}" if f["ratio"] else "–"
        target = {"ratio": f"≤ {f['limit']:g} × floor", "added": f"floor + {f['limit']:g}",
                  "own": f"≤ {f['limit']:g}"}[f["limit_on"]]
        met = {None: "–", True: "yes", False: "**no**"}[f["met"]]
        lines.append(f"| {f['title']} | {f['unit']} | {number(f['floor'])} | {number(f['sidecar'])} | {ratio} | {target} | {met} |")
    return "\n".join(lines)


def between_markers(page, text, begin=BEGIN, end=END):
    """The page with what stands between the markers replaced; the prose around it stays."""
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise SystemExit(f"the page has no {begin} … {end}")
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"
