#!/usr/bin/env python3
"""Runs the suites of real, unmodified SDKs against a base URL.

    tests/e2e/run.py --base http://127.0.0.1:4777 --sim-admin http://127.0.0.1:18080
    tests/e2e/run.py --base http://127.0.0.1:18080 --through direct
    tests/e2e/run.py --prepare

The SDKs are pointed by their own environment variables alone. They are
installed once, from the lock files beside this file, under
${XDG_CACHE_HOME:-~/.cache}/sidegate/e2e-<digest of the lock files>.
Prints one line for each case and `N passed, N failed`; ends with code 1 if a
case failed, if a suite ended early, or if nothing ran.
"""

import argparse
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
LOCKS = [HERE / "python/requirements.txt", HERE / "js/package-lock.json"]
SUITES = {
    "python/openai": 12,
    "python/anthropic": 9,
    "python/google": 9,
    "python/langchain": 6,
    "js/openai": 10,
    "js/anthropic": 8,
    "js/google": 8,
    "js/ai": 22,
}
# Seconds that one suite may take.
SUITE_TIMEOUT = 180


def cache():
    root = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    digest = hashlib.sha256(b"".join(lock.read_bytes() for lock in LOCKS)).hexdigest()[:16]
    return pathlib.Path(root) / "sidegate" / f"e2e-{digest}"


def install():
    """Installs what is not installed yet; one process at a time."""
    root = cache()
    root.mkdir(parents=True, exist_ok=True)
    with open(root / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        install_python(root / f"python-{sys.version_info.major}.{sys.version_info.minor}")
        install_js(root / "js")
    return root


def install_python(folder):
    if (folder / "installed").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    command([sys.executable, "-m", "venv", str(folder)])
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--no-deps"]
    command([*pip, "--requirement", str(HERE / "python/requirements.txt")])
    (folder / "installed").touch()


def install_js(folder):
    if (folder / "installed").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ["package.json", "package-lock.json"]:
        shutil.copy(HERE / "js" / name, folder)
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--omit-lockfile-registry-resolved"]
    command(["npm", "ci", "--silent", *options], cwd=folder)
    (folder / "installed").touch()


def command(words, **options):
    print("+", " ".join(words), file=sys.stderr, flush=True)
    subprocess.run(words, check=True, **options)


def environment(options, suite):
    """What an application would find, and nothing of this process but its path."""
    base = options.base.rstrip("/")
    environ = {name: os.environ[name] for name in ["PATH", "HOME"] if name in os.environ}
    # The AI SDK's Anthropic provider expects its base to end in /v1.
    anthropic = f"{base}/v1" if suite == "js/ai" else base
    return environ | {
        "OPENAI_BASE_URL": f"{base}/v1",
        "ANTHROPIC_BASE_URL": anthropic,
        "GOOGLE_GEMINI_BASE_URL": base,
        "OPENAI_API_KEY": options.openai_key,
        "AZURE_OPENAI_ENDPOINT": base,
        "AZURE_OPENAI_API_KEY": options.openai_key,
        "OPENAI_API_VERSION": "2025-04-01-preview",
        "ANTHROPIC_API_KEY": options.anthropic_key,
        "GEMINI_API_KEY": options.gemini_key,
        "NO_PROXY": "127.0.0.1,localhost",
        "LANGSMITH_TRACING": "false",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SIDEGATE_E2E_THROUGH": options.through,
        "SIDEGATE_E2E_SIM": options.sim_admin.rstrip("/"),
    }


def run(root, suite, options):
    """Runs one suite; gives the cases that passed and the lines of those that failed."""
    language, name = suite.split("/")
    environ = environment(options, suite)
    if language == "python":
        python = root / f"python-{sys.version_info.major}.{sys.version_info.minor}/bin/python"
        return watch(suite, [str(python), str(HERE / f"python/{name}_sdk.py")], environ, options)
    # Modules are found from where a script lies: beside the installed ones.
    with tempfile.TemporaryDirectory(dir=root / "js") as folder:
        for script in (HERE / "js").glob("*.mjs"):
            shutil.copy(script, folder)
        return watch(suite, ["node", f"{folder}/{name}.mjs"], environ, options)


def watch(suite, words, environ, options):
    passed, failed = 0, 0
    errors = None if options.verbose else subprocess.DEVNULL
    ended = ""
    with subprocess.Popen(
        words, env=environ, stdout=subprocess.PIPE, stderr=errors, text=True
    ) as process:
        try:
            output, _ = process.communicate(timeout=SUITE_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            ended = f"did not end within {SUITE_TIMEOUT} s"
    for line in output.splitlines():
        print(line, flush=True)
        passed += line.startswith("ok ")
        failed += line.startswith("FAIL ")
    missing = SUITES[suite] - passed - failed
    if missing and not ended:
        ended = f"ran {passed + failed} of {SUITES[suite]} cases, exit code {process.returncode}"
    if ended:
        print(f"FAIL  {suite:<22} {ended}", flush=True)
        failed += max(missing, 1)
    return passed, failed


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--base", default="http://127.0.0.1:4777", help="where the SDKs are pointed")
    parser.add_argument("--through", choices=["sidecar", "direct"], default="sidecar")
    parser.add_argument("--sim-admin", help="the simulator's own address, for its bill")
    parser.add_argument("--suite", action="append", choices=SUITES, help="only these; repeatable")
    parser.add_argument("--prepare", action="store_true", help="install and end")
    parser.add_argument("--verbose", action="store_true", help="show what the suites complain of")
    for provider in ["openai", "anthropic", "gemini"]:
        parser.add_argument(f"--{provider}-key", default="placeholder", metavar="KEY")
    options = parser.parse_args()
    if options.sim_admin is None:
        options.sim_admin = options.base if options.through == "direct" else ""
    return options


def main():
    options = arguments()
    root = install()
    if options.prepare:
        return 0
    passed, failed = 0, 0
    for suite in options.suite or SUITES:
        ok, wrong = run(root, suite, options)
        passed, failed = passed + ok, failed + wrong
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
