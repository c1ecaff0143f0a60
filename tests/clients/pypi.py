# SPDX-License-Identifier: Apache-2.0
"""Other people's programs out of PyPI, at pinned versions, in a cache folder outside the tree.

    PYTHON = None

    def setUpModule():
        global PYTHON
        PYTHON = pypi.environment("moto")

`pypi/NAME.txt` lists every package, dependencies too; pip asks wherever it is configured to. What was installed once is used
again (`$XDG_CACHE_HOME/wif-tests`), so only the first run needs a network. Without one the file's tests are skipped, which
ctest counts; where CI is set that is a failure."""
import hashlib
import os
import sys

import cached

REQUIREMENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pypi")


def environment(name):
    """The Python of a virtual environment with what pypi/NAME.txt lists."""
    return program(name, "python")


def program(name, command):
    """A program of that environment."""
    wanted = os.path.join(REQUIREMENTS, name + ".txt")
    with open(wanted, "rb") as file:
        key = hashlib.sha256(file.read() + sys.version.encode() + sys.prefix.encode()).hexdigest()[:16]
    return os.path.join(cached.made(name, key, lambda folder: install(name, folder, wanted)), "bin", command)


def install(name, folder, wanted):
    what = name + " out of PyPI"
    cached.run(what, [sys.executable, "-m", "venv", folder])
    # Wheels only: a source distribution's set-up is a program of its own.
    cached.run(what, [os.path.join(folder, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                      "--no-input", "--retries", "1", "--no-deps", "--only-binary", ":all:", "--requirement", wanted])
