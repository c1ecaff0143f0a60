# SPDX-License-Identifier: Apache-2.0
"""Where other people's programs are kept for the tests: outside the tree, made once and used again (`pypi.py`, `golang.py`)."""
import fcntl
import os
import shutil
import subprocess
import unittest


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = os.path.join(base, "wif-tests")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder


def made(name, key, make):
    """The folder of that name and key, which make(folder) fills unless it was filled before."""
    folder = os.path.join(cache(), f"{name}-{key}")
    complete = os.path.join(folder, "complete")
    with open(folder + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other builds' tests make the same
        if not os.path.exists(complete):
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            with open(complete, "w", encoding="ascii"):
                pass
    return folder


def run(what, command, **options):
    """A step of making `what`; without a network the test is skipped, which ctest counts. Where CI is set that is a failure."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options)
    if done.returncode == 0:
        return
    message = f"{what} can't be had:\n{(done.stderr or done.stdout).strip()}"
    if os.environ.get("CI", "").lower() in ("", "0", "false"):
        raise unittest.SkipTest(message)
    raise RuntimeError(message)
