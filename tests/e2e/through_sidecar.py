#!/usr/bin/env python3
"""Runs run.py through a sidecar of its own: starts `sidegate dev` on free ports, and ends it again.

    tests/e2e/through_sidecar.py --program target/debug/sidegate --objects examples/quickstart

The objects are copied, with the simulator's address in them replaced by a free one. Whatever else is
given goes to run.py. Ends with run.py's code, or with 1 if what was started did not become ready, ended
by itself, or took longer than a second to end after Ctrl-C.
"""

import argparse
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
# Where the objects say that the simulator is.
SIM = "127.0.0.1:4790"
# Seconds until the sidecar must be ready.
READY = 60
# Seconds that everything may take to end after Ctrl-C.
END = 1.0


def free_ports(count):
    """Ports that nobody listens on, all different; taken again a moment later."""
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


def with_simulator_at(objects, address, into):
    """A copy of the objects whose providers are at the address."""
    named = 0
    for source in sorted(objects.glob("*.yaml")):
        text = source.read_text(encoding="utf-8")
        named += text.count(SIM)
        (into / source.name).write_text(text.replace(SIM, address), encoding="utf-8")
    if not named:
        sys.exit(f"{objects} names no provider at {SIM}")


def is_ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def wait_until_ready(process, port):
    by = time.monotonic() + READY
    while time.monotonic() < by:
        if process.poll() is not None:
            return f"sidegate ended with {process.returncode} before it was ready"
        if is_ready(port):
            return None
        time.sleep(0.1)
    return f"sidegate was not ready within {READY} s"


def end(process, most=END):
    """Ctrl-C; gives what was wrong with the end, which may take so many seconds."""
    if process.poll() is not None:
        return f"sidegate ended by itself with {process.returncode}"
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return "sidegate did not end within 10 s after Ctrl-C"
    took = time.monotonic() - began
    return f"sidegate took {took:.1f} s to end after Ctrl-C" if took > most else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--program", required=True, type=pathlib.Path)
    parser.add_argument("--objects", required=True, type=pathlib.Path)
    options, rest = parser.parse_known_args()

    # First what takes long, so that nothing runs meanwhile.
    subprocess.run([sys.executable, str(HERE / "run.py"), "--prepare"], check=True)
    with tempfile.TemporaryDirectory(prefix="sidegate-e2e-") as scratch, tempfile.TemporaryFile() as output:
        code, wrong = run(options, rest, pathlib.Path(scratch), output)
        if wrong:
            output.seek(0)
            sys.stderr.buffer.write(output.read()[-8192:])
            print(f"FAIL  {wrong}", file=sys.stderr)
    return 1 if wrong else code


def run(options, rest, scratch, output):
    """The code of the suites, and what was wrong with what was started for them."""
    flags = ["listen", "metrics-listen", "control-listen", "control-live-listen", "control-metrics-listen", "sim-listen"]
    ports = dict(zip(flags, free_ports(len(flags)), strict=True))
    sim = f"127.0.0.1:{ports['sim-listen']}"
    with_simulator_at(options.objects, sim, scratch)
    words = [str(options.program), "dev", str(scratch)]
    for flag, port in ports.items():
        words += [f"--{flag}", f"127.0.0.1:{port}"]
    suites = [sys.executable, str(HERE / "run.py"), "--through", "sidecar"]
    suites += ["--base", f"http://127.0.0.1:{ports['listen']}", "--sim-admin", f"http://{sim}", *rest]
    code = 1
    process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        wrong = wait_until_ready(process, ports["metrics-listen"])
        if wrong is None:
            code = subprocess.run(suites, check=False).returncode
    finally:
        wrong_end = end(process)
    return code, wrong or wrong_end


if __name__ == "__main__":
    sys.exit(main())
