# SPDX-License-Identifier: Apache-2.0
"""What tests have installed of other people's programs: in a cache folder outside the tree, each once.

`pypi.py` and `npm.py` say what; a new one of them calls `once`. What was installed is used again (`$XDG_CACHE_HOME/wif-tests`),
so only the first run needs a network. Without one the file's tests are skipped, which ctest counts; where CI is set that is a
failure."""
import fcntl
import hashlib
import os
import shutil
import subprocess
import unittest


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = os.path.join(base, "wif-tests")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder


def once(name, key, install):
    """The folder that install(folder) filled, for this key and for good. `key`: all that decides its content, in bytes."""
    folder = os.path.join(cache(), f"{name}-{hashlib.sha256(key).hexdigest()[:16]}")
    complete = os.path.join(folder, "complete")
    with open(folder + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other builds' tests install the same
        if not os.path.exists(complete):
            shutil.rmtree(folder, ignore_errors=True)
            install(folder)
            with open(complete, "w", encoding="ascii"):
                pass
    return folder


def run(what, command, **options):
    """A step of an installation. `what` can't be had if it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        unavailable(what, (done.stderr or done.stdout).strip())


def unavailable(what, why):
    message = f"{what} can't be installed:\n{why}"
    if os.environ.get("CI", "").lower() in ("", "0", "false"):
        raise unittest.SkipTest(message)
    raise RuntimeError(message)
