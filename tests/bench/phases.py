"""What is measured: each phase loads a pair, floor and sidecar, in turn and in short slices, so
that whatever else happens on the machine happens to both."""

import http.client
import json
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

from bodies import chat
from machine import OTHERS_CORE, Process, TARGET_CORE, busy_seconds, cpu_between

ORIGIN = "127.0.0.1:18080"
BODY = {"1k": 1 << 10, "128k": 128 << 10}
EVENTS, PAUSE_MS = 200, 10

# CPU phases: load generator's mode and flags, body, usage asked for (None: no stream), pause, what counts
CALLS = ("closed", "--conns", "64", "--warmup", "0.4")
# Streams start 10.1 ms apart, so that their events, each 10 ms, fall evenly into the time between.
PACED = ("sse", "--streams", "100", "--ramp-ms", "1010", "--warmup", "1.2")
BURST = ("sse", "--streams", "16", "--warmup", "0.4")
CPU_PHASES = {
    "call": (CALLS, "1k", None, None, "done"),
    "call-128k": (CALLS, "128k", None, None, "done"),
    "paced": (PACED, "1k", False, PAUSE_MS, "events"),
    "paced-usage": (PACED, "1k", True, PAUSE_MS, "events"),
    "burst": (BURST, "1k", False, 0, "events"),
    "burst-usage": (BURST, "1k", True, 0, "events"),
}


class Failed(Exception):
    """A target did not do what was asked of it; the message says what."""


class Bench:
    """The origin, the services that targets need, and the lines measured so far."""

    def __init__(self, spec, places, out):
        self.spec, self.places, self.out = spec, places, out
        self.log = open(places["run"] / "programs.log", "ab")
        self.services = {}
        self.expected = {}

    def fill(self, text):
        return text.format(**self.places)

    def command(self, table):
        return [self.fill(word) for word in table["cmd"]]

    def missing(self, name):
        """The program that a target needs and that is not built, if any."""
        target = self.spec["target"][name]
        tables = [target] + [self.spec["service"][n] for n in target.get("needs", [])]
        programs = [self.fill(t["cmd"][0]) for t in tables if "cmd" in t]
        return next((p for p in programs if not shutil.which(p)), None)

    def serve(self, name):
        """Starts a service once and waits until it listens."""
        if name in self.services:
            return
        table = self.spec["service"][name]
        process = self.services[name] = Process(self.command(table), OTHERS_CORE, self.log)
        host, port = table["ready"].split(":")
        for _ in range(1000):
            if not process.running():
                raise Failed(f"{name} ended with {process.popen.returncode}")
            try:
                http.client.HTTPConnection(host, int(port), timeout=1).connect()
                return
            except OSError:
                time.sleep(0.01)
        raise Failed(f"{name} does not listen on {table['ready']}")

    def close(self):
        for process in self.services.values():
            process.stop()
        self.log.close()

    def ended(self):
        """Services that are no longer there, with how they ended; negative is a signal."""
        return {name: p.popen.returncode for name, p in self.services.items() if not p.running()}

    def line(self, **fields):
        self.out.write(json.dumps(fields) + "\n")
        self.out.flush()

    # ---- one target ----

    def start(self, name):
        """(process, milliseconds from exec to the first served call)."""
        target = self.spec["target"][name]
        for service in target.get("needs", []):
            self.serve(service)
        for path in map(Path, map(self.fill, target.get("clear", []))):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        body = chat(target["model"], BODY["1k"])
        process = Process(self.command(target), TARGET_CORE, self.log)
        last = "no answer"
        while time.perf_counter() - process.started < 20:
            if not process.running():
                raise Failed(f"{name} ended with {process.popen.returncode}")
            try:
                status, answer = post(target["url"], body)
                if status == 200:
                    return process, (time.perf_counter() - process.started) * 1e3
                last = f"{status} {answer[:200]!r}"
            except (OSError, http.client.HTTPException) as error:
                last = repr(error)
            time.sleep(0.0005)
        process.stop()
        raise Failed(f"{name} served nothing in 20 s: {last}")

    def expect(self, body, usage):
        """What the origin itself answers to a body: flags for the load generator."""
        key = (len(body), usage)
        if key not in self.expected:
            status, answer = post(self.spec["target"]["direct"]["url"], body)
            if status != 200:
                raise Failed(f"the origin answered {status}")
            events = sum(line.startswith(b"data:") for line in answer.splitlines())
            # A target may ask for usage by itself, and then other bytes pass than without it.
            self.expected[key] = (["--expect-events", str(events)] if usage is not None
                                  else ["--expect-bytes", str(len(answer))])
        return self.expected[key]

    def load(self, name, process, arguments, size="1k", usage=None, expect=True, watch=False):
        """One run of the load generator: its report, and what the target used meanwhile."""
        target = self.spec["target"][name]
        body = chat(target["model"], BODY[size], stream=usage is not None, usage=bool(usage))
        file = self.places["run"] / f"{name}-{size}-{usage}.json"
        file.write_bytes(body)
        cmd = [f"{self.places['bin']}/bench-load", arguments[0], "--url", target["url"], "--body", str(file),
               *arguments[1:], *(self.expect(body, usage) if expect else [])]
        load = Process(cmd, OTHERS_CORE, self.log, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = load.popen.stderr.readline()
        cpu, busy, began = process.cpu(), busy_seconds(TARGET_CORE), time.perf_counter()
        memory = (0, 0)
        while watch and load.running():
            memory = tuple(map(max, memory, process.memory()))
            time.sleep(0.2)
        out, err = load.popen.communicate()
        cpu_ns, took = cpu_between(cpu, process.cpu()), time.perf_counter() - began
        util = cpu_ns / took / 1e9
        foreign = max(0.0, (busy_seconds(TARGET_CORE) - busy) / took - util)
        if said != b"counting\n" or load.popen.returncode:
            raise Failed(f"load generator: {(said + err).decode()}")
        report = json.loads(out)
        if report["wrong"] or report["failed"]:
            ended = "" if process.running() else f"; it ended with {process.popen.returncode}"
            raise Failed(f"{name}: {report['wrong']} wrong, {report['failed']} failed: {report['first_fault']}{ended}")
        return report | {"cpu_ns": cpu_ns, "util": util, "foreign": foreign, "memory_kib": memory}

    # ---- phases ----

    def in_turn(self, phase, pair, rounds, measure):
        """Runs `measure` on both of a pair, turn by turn, the order turning as well. Each turn is a
        process of its own: how memory happens to be laid out is worth several percent."""
        for n in range(rounds):
            for name in pair if n % 2 == 0 else pair[::-1]:
                process, _ = self.start(name)
                try:
                    self.line(phase=phase, target=name, round=n, **measure(name, process))
                finally:
                    process.stop()

    def cpu(self, phase, pair, rounds, secs):
        kind = phase.removesuffix("-tls").removesuffix("-traced")
        arguments, size, usage, pause, counted = CPU_PHASES[kind]
        if pause is not None:
            pace(EVENTS, pause)

        def measure(name, process):
            run = self.load(name, process, [*arguments, "--secs", str(secs)], size, usage)
            us = run["cpu_ns"] / 1e3 / max(1, run[counted])
            return {"cpu_us": us, "count": run[counted], "per_second": run[counted] / run["secs"], "util": run["util"],
                    "foreign": run["foreign"], "resident_kib": process.memory()[0]}

        self.in_turn(phase, pair, rounds, measure)

    def open_loop(self, pair, rounds, secs, rate):
        def measure(name, process):
            run = self.load(name, process, ["open", "--rate", str(rate), "--warmup", "0.5", "--secs", str(secs)])
            if run["waiting"] > rate / 100:
                raise Failed(f"{name} fell behind {rate} calls a second")
            return {"rate": rate, "latency_us": run["latency_us"], "util": run["util"], "foreign": run["foreign"]}

        self.in_turn("open", pair, rounds, measure)

    def held(self, pair, rounds, streams):
        """Memory of a fresh process, idle and with so many slow streams open."""
        pace(1_000_000, 1000)
        ramp = max(2000, streams)
        arguments = ["sse", "--streams", str(streams), "--hold", "true", "--ramp-ms", str(ramp),
                     "--warmup", str(ramp / 1000), "--secs", "3"]
        for n in range(rounds):
            for name in pair:
                process, _ = self.start(name)
                try:
                    time.sleep(1)
                    resident, anonymous = process.memory()
                    run = self.load(name, process, arguments, usage=False, expect=False, watch=True)
                    if run["streaming"] != streams:
                        raise Failed(f"{name} holds {run['streaming']} of {streams} streams")
                    self.line(phase=f"held-{streams}" + name[name.index("-") if "-" in name else len(name):],
                              target=name, round=n, idle_resident_kib=resident, idle_anonymous_kib=anonymous,
                              resident_kib=run["memory_kib"][0],
                              stream_kib=(run["memory_kib"][1] - anonymous) / streams)
                finally:
                    process.stop()

    def starts(self, pair, rounds):
        for n in range(rounds):
            for name in pair:
                process, took = self.start(name)
                process.stop()
                self.line(phase="start", target=name, round=n, ms=took)

    def weigh(self, name):
        """Bytes of a target's program without symbols."""
        binary = Path(self.fill(self.spec["target"][name]["binary"]))
        stripped = self.places["run"] / f"{name}.stripped"
        if shutil.which("strip"):
            subprocess.run(["strip", "-o", stripped, binary], check=True)
            binary = stripped
        self.line(phase="binary", target=name, round=0, bytes=binary.stat().st_size)


def post(url, body):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        connection.request("POST", parts.path + (f"?{parts.query}" if parts.query else ""), body,
                           {"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def pace(events, pause_ms):
    """How the origin streams from now on."""
    status, _ = post(f"http://{ORIGIN}/bench/stream?events={events}&pause-ms={pause_ms}", b"")
    if status != 204:
        raise Failed(f"the origin answered {status} to its pace")
