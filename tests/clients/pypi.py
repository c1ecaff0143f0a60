# SPDX-License-Identifier: Apache-2.0
"""Other people's programs out of PyPI, at pinned versions, in a cache folder outside the tree.

    PYTHON = None

    def setUpModule():
        global PYTHON
        PYTHON = pypi.environment("moto")

`pypi/NAME.txt` lists every package, dependencies too; pip asks wherever it is configured to. What was installed once is used
again (`$XDG_CACHE_HOME/wif-tests`), so only the first run needs a network. Without one the file's tests are skipped, which
ctest counts; where CI is set that is a failure."""
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import unittest

REQUIREMENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pypi")


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = os.path.join(base, "wif-tests")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder


def environment(name):
    """The Python of a virtual environment with what pypi/NAME.txt lists."""
    wanted = os.path.join(REQUIREMENTS, name + ".txt")
    with open(wanted, "rb") as file:
        key = hashlib.sha256(file.read() + sys.version.encode() + sys.prefix.encode()).hexdigest()[:16]
    folder = os.path.join(cache(), f"{name}-{key}")
    complete = os.path.join(folder, "complete")
    with open(folder + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other builds' tests install the same
        if not os.path.exists(complete):
            shutil.rmtree(folder, ignore_errors=True)
            install(name, folder, wanted)
            with open(complete, "w", encoding="ascii"):
                pass
    return os.path.join(folder, "bin", "python")


def install(name, folder, wanted):
    python = os.path.join(folder, "bin", "python")
    # Wheels only: a source distribution's set-up is a program of its own.
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--retries", "1",
           "--no-deps", "--only-binary", ":all:", "--requirement", wanted]
    for command in [sys.executable, "-m", "venv", folder], pip:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            unavailable(name, (done.stderr or done.stdout).strip())


def unavailable(name, why):
    message = f"{name} can't be installed from PyPI:\n{why}"
    if os.environ.get("CI", "").lower() in ("", "0", "false"):
        raise unittest.SkipTest(message)
    raise RuntimeError(message)
