"""Python environments with pinned packages, kept in the user's cache and made once."""

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys


def python_of(lock):
    """The interpreter of an environment with exactly what the lock file names."""
    root = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "sidegate"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    folder = root / f"{lock.parent.name}-{version}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="utf-8") as held:
        # One process at a time.
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            install(lock, folder / "venv")
            (folder / "installed").touch()
    return folder / "venv/bin/python"


def install(lock, folder):
    shutil.rmtree(folder, ignore_errors=True)
    print(f"installing {lock} into {folder}, once", file=sys.stderr, flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--requirement", str(lock)], check=True)
