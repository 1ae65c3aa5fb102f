"""What the checks are made on: Phoenix, a sidecar with a provider simulator, and an application, each a process
of its own on ports of its own. Everything that is started is ended by its id."""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import through_sidecar as e2e  # noqa: E402

# Seconds until Phoenix must be ready: it makes its database first.
PHOENIX_READY = 180
# Seconds that the application may take.
APPLICATION = 180
# Seconds that a sidecar may take to end: it has the last spans to send.
SIDECAR_END = 3
# Seconds until a span must have come through.
ARRIVAL = 60
# Of the answers of the simulated providers: no class of tokens is absent.
ANSWERS = {"cached": 2, "cache-write": 1, "reasoning": 3}
# gpt-4o is out of order.
FAULT = {"match": {"model": "gpt-4o"}, "fault": {"kind": "status", "status": 503}}


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.loads(answer.read())


def send(method, url, body):
    request = urllib.request.Request(url, data=json.dumps(body).encode(), method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


def own_environment(**more):
    """Nothing of this process but where programs and files are."""
    kept = {name: os.environ[name] for name in ["PATH", "HOME", "TMPDIR"] if name in os.environ}
    return kept | {"NO_PROXY": "127.0.0.1,localhost", "PYTHONDONTWRITEBYTECODE": "1"} | more


@dataclasses.dataclass
class Phoenix:
    """A tracing back-end that runs."""

    http: int
    grpc: int

    def endpoint(self, protocol):
        return f"http://127.0.0.1:{self.grpc if protocol == 'grpc' else self.http}"

    def spans(self, project):
        """All spans of a project, as its API tells them; none while nobody has sent any."""
        found, cursor = [], ""
        while cursor is not None:
            url = f"http://127.0.0.1:{self.http}/v1/projects/{project}/spans?limit=1000&cursor={cursor}"
            try:
                page = get(url.removesuffix("&cursor="))
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    raise
                return []
            found += page["data"]
            cursor = page["next_cursor"]
        return found


@contextlib.contextmanager
def phoenix(python, scratch):
    """Phoenix, until the end of the block. Nothing is told to anybody about its use."""
    http, grpc = e2e.free_ports(2)
    environ = own_environment(
        PHOENIX_WORKING_DIR=str(scratch / "phoenix"),
        PHOENIX_HOST="127.0.0.1",
        PHOENIX_PORT=str(http),
        PHOENIX_GRPC_PORT=str(grpc),
        PHOENIX_TELEMETRY_ENABLED="false",
        PHOENIX_ALLOW_EXTERNAL_RESOURCES="false",
        PHOENIX_DISABLE_AGENT_ASSISTANT="true",
        PHOENIX_ENABLE_MCP_SERVER="false",
    )
    words = [str(python), "-m", "phoenix.server.main", "serve"]
    with open(scratch / "phoenix.log", "wb") as log:
        process = subprocess.Popen(words, env=environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            wait_for_phoenix(process, http)
            yield Phoenix(http, grpc)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for_phoenix(process, port):
    by = time.monotonic() + PHOENIX_READY
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        if process.poll() is not None:
            raise SystemExit(f"Phoenix ended with {process.returncode} before it was ready")
        if time.monotonic() > by:
            raise SystemExit(f"Phoenix was not ready within {PHOENIX_READY} s")
        time.sleep(0.5)


@dataclasses.dataclass
class Sidecar:
    """A sidecar that runs, with control plane and simulator."""

    calls: int
    metrics: int
    sim: int
    output: pathlib.Path

    def bill(self):
        """What each request to a provider was charged, by the id of the span that it was told."""
        entries = get(f"http://127.0.0.1:{self.sim}/_sim/bill")["entries"]
        return {dict(map(tuple, e["headers"]))["traceparent"].split("-")[2]: e for e in entries}

    def audit(self):
        """The audit lines; all of them once it has ended."""
        lines = self.output.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith('{"schema"')]


@contextlib.contextmanager
def sidecar(program, objects, namespace, scratch, told):
    """`sidegate dev` for a pod of that namespace, with these `OTEL_…` variables, until the end of the block."""
    flags = ["listen", "metrics-listen", "control-listen", "control-live-listen", "control-metrics-listen", "sim-listen"]
    ports = dict(zip(flags, e2e.free_ports(len(flags)), strict=True))
    scratch.mkdir()
    (scratch / "objects").mkdir()
    e2e.with_simulator_at(objects, f"127.0.0.1:{ports['sim-listen']}", scratch / "objects")
    for more in (HERE / "objects").glob("*.yaml"):
        shutil.copy(more, scratch / "objects")
    words = [str(program), "dev", str(scratch / "objects"), "--json", "--as-namespace", namespace]
    for flag, port in ports.items():
        words += [f"--{flag}", f"127.0.0.1:{port}"]
    running = Sidecar(ports["listen"], ports["metrics-listen"], ports["sim-listen"], scratch / "audit")
    with open(running.output, "wb") as output, open(scratch / "sidegate.log", "wb") as log:
        process = subprocess.Popen(
            words, env=own_environment(**told), stdout=output, stderr=log, stdin=subprocess.DEVNULL
        )
        wrong = None
        try:
            if wrong := e2e.wait_until_ready(process, running.metrics):
                raise SystemExit(wrong)
            send("PUT", f"http://127.0.0.1:{running.sim}/_sim/answers", ANSWERS)
            send("POST", f"http://127.0.0.1:{running.sim}/_sim/faults", FAULT)
            yield running
        finally:
            wrong = e2e.end(process, SIDECAR_END)
    if wrong:
        raise SystemExit(wrong)


def application(python, calls, told, *cases):
    """Runs the application to its end; what it prints, a line for each case."""
    base = f"http://127.0.0.1:{calls}"
    environ = own_environment(
        OPENAI_BASE_URL=f"{base}/v1",
        ANTHROPIC_BASE_URL=base,
        GOOGLE_GEMINI_BASE_URL=base,
        OPENAI_API_KEY="placeholder",
        ANTHROPIC_API_KEY="placeholder",
        GEMINI_API_KEY="placeholder",
        **told,
    )
    words = [str(python), str(HERE / "app/app.py"), *cases]
    run = subprocess.run(words, env=environ, stdout=subprocess.PIPE, timeout=APPLICATION, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]
