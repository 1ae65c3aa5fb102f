#!/usr/bin/env python3
"""Takes the pictures of docs/observability.md anew, from real calls. No test: somebody has to look at them.

    make build backends-assets && apt-get install --no-install-recommends chromium prometheus
    tests/backends/pictures.py --program target/debug/sidegate --objects examples/quickstart --into docs/images

Phoenix shows the call of the traced application that fell back. Prometheus scrapes a sidecar for some minutes of
calls, with a provider that fails for a while in the midst, and draws queries as the dashboards have them.
"""

import argparse
import contextlib
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import run
import stage

HERE = pathlib.Path(__file__).resolve().parent
DASHBOARDS = HERE.parent.parent / "deploy/grafana"
# Dashboard, panel, beginning of its query, file.
PANELS = [
    ("overview", "Calls by outcome and class", "sum by (outcome, class)", "prometheus-calls"),
    ("overview", "Latency of attempts by model", "histogram_quantile(0.95", "prometheus-latency"),
    ("spend", "Spend by model", "sum by (gen_ai_request_model)", "prometheus-spend"),
]
# Seconds of calls; the provider fails from one third to two thirds of them.
CALLS = 240
# Callers side by side, each of which pauses for up to so many seconds behind each call: fewer than the quickstart's
# policy allows in a minute.
CALLERS, PAUSE = 4, 0.8
# How long answers are, in events, and how long each model takes for them.
ANSWERS = stage.ANSWERS | {"events": 30}
PACES = [
    {"match": {"model": "gpt-4o-mini"}, "fault": {"kind": "pace", "ms": 8}},
    {"match": {"model": "gpt-4o"}, "fault": {"kind": "pace", "ms": 20}},
    {"match": {"model": "claude-haiku-4-5"}, "fault": [{"kind": "delay", "ms": 150}, {"kind": "pace", "ms": 12}]},
]
# Path and body of a call, and how often it is made.
MIX = [
    (6, "/v1/chat/completions", {"model": "gpt-4o-mini", "stream": True}),
    (4, "/v1/chat/completions", {"model": "fast", "stream": True}),
    (3, "/v1/chat/completions", {"model": "gpt-4o", "stream": True}),
    (2, "/v1/messages", {"model": "claude-haiku-4-5", "max_tokens": 64, "stream": True}),
    (1, "/v1/chat/completions", {"model": "gpt-3.5-turbo"}),
]


def phoenix_shots(options, phoenix, seen, project):
    base = f"http://127.0.0.1:{phoenix.http}"
    id = stage.get(f"{base}/v1/projects/{project}")["data"]["id"]
    (call,) = seen.calls("fallback")
    shot = {
        "url": f"{base}/projects/{id}/traces/{call.trace}?selectedSpanNodeId={call.told['id']}",
        "ready": "document.body.innerText.includes('sidegate.rule_generation')",
        "width": 1500,
        "height": 1180,
        "clip": [376, 46, 1124, 1134],
    }
    return [shot | {"file": str(options.into / "phoenix-fallback.png")}]


def query(dashboard, panel, begins):
    """A query of a dashboard, for all namespaces and models and rates over a minute."""
    panels = json.loads((DASHBOARDS / f"{dashboard}.json").read_text(encoding="utf-8"))["panels"]
    (targets,) = [each["targets"] for each in panels if each["title"] == panel]
    (found,) = [each["expr"] for each in targets if each["expr"].startswith(begins)]
    return re.sub(r"\$(namespace|workload|model)", ".*", found.replace("$__rate_interval", "1m"))


def prometheus_shots(options, port):
    for dashboard, panel, begins, file in PANELS:
        told = {"g0.expr": query(dashboard, panel, begins), "g0.tab": "0", "g0.range_input": f"{CALLS}s"}
        yield {
            "url": f"http://127.0.0.1:{port}/graph?{urllib.parse.urlencode(told)}",
            "ready": "document.querySelectorAll('.rickshaw_legend .line').length > 0",
            "file": str(options.into / f"{file}.png"),
            "width": 1300,
            "height": 1000,
            "clip": [0, 100, 1300, 760],
        }


@contextlib.contextmanager
def prometheus(scraped, scratch):
    """Prometheus, which scrapes that port of a sidecar every five seconds."""
    # Its pages are files of the installed package.
    program = shutil.which("prometheus") or sys.exit("needs Debian's prometheus")
    (port,) = stage.e2e.free_ports(1)
    config = {
        "global": {"scrape_interval": "5s"},
        "scrape_configs": [{"job_name": "sidegate", "static_configs": [{"targets": [f"127.0.0.1:{scraped}"]}]}],
    }
    (scratch / "prometheus.json").write_text(json.dumps(config), encoding="utf-8")
    words = [program, f"--config.file={scratch}/prometheus.json", f"--storage.tsdb.path={scratch}/tsdb"]
    words += [f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=native-histograms"]
    with open(scratch / "prometheus.log", "wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            yield port
        finally:
            process.terminate()
            process.wait(20)


def make_calls(sidecar):
    """Minutes of calls of all sorts."""
    ends = time.monotonic() + CALLS
    callers = [threading.Thread(target=caller, args=(sidecar, random.Random(seed), ends)) for seed in range(CALLERS)]
    for each in callers:
        each.start()
    sim = f"http://127.0.0.1:{sidecar.sim}/_sim"
    stage.send("PUT", f"{sim}/answers", ANSWERS)
    for rules in [PACES, [stage.FAULT, *PACES], PACES]:
        stage.send("DELETE", f"{sim}/faults", None)
        stage.send("POST", f"{sim}/faults", rules)
        time.sleep(CALLS / 3)
    for each in callers:
        each.join()


def caller(sidecar, chance, ends):
    while time.monotonic() < ends:
        _, path, body = chance.choices(MIX, [share for share, _, _ in MIX])[0]
        body = body | {"messages": [{"role": "user", "content": "word " * chance.randrange(5, 200)}]}
        request = urllib.request.Request(f"http://127.0.0.1:{sidecar.calls}{path}", json.dumps(body).encode())
        request.add_header("content-type", "application/json")
        request.add_header("anthropic-version", "2023-06-01")
        try:
            urllib.request.urlopen(request, timeout=60).read()
        except urllib.error.HTTPError as error:
            error.read()
        time.sleep(chance.random() * PAUSE)


def take(options, shots):
    words = [str(options.app), str(HERE / "camera.py")]
    subprocess.run(words, input=json.dumps(list(shots)), text=True, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    for name in ["program", "objects", "into"]:
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    options = parser.parse_args()
    options.phoenix, options.app = (run.python_of(HERE / f"{name}/requirements.txt") for name in ["phoenix", "app"])
    options.into.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sidegate-pictures-") as scratch:
        scratch = pathlib.Path(scratch)
        with stage.phoenix(options.phoenix, scratch) as phoenix:
            seen = run.seen_by("grpc", phoenix, options, scratch)
            take(options, phoenix_shots(options, phoenix, seen, "grpc"))
        with (
            stage.sidecar(options.program, options.objects, "default", scratch / "metrics", {}) as sidecar,
            prometheus(sidecar.metrics, scratch) as port,
        ):
            make_calls(sidecar)
            take(options, prometheus_shots(options, port))


if __name__ == "__main__":
    sys.exit(main())
