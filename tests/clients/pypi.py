# SPDX-License-Identifier: Apache-2.0
"""Other people's programs out of PyPI, at pinned versions (see installed.py).

    PYTHON = None

    def setUpModule():
        global PYTHON
        PYTHON = pypi.environment("moto")

`pypi/NAME.txt` lists every package, dependencies too; pip asks wherever it is configured to."""
import os
import sys

import installed

REQUIREMENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pypi")


def environment(name):
    """The Python of a virtual environment with what pypi/NAME.txt lists."""
    wanted = os.path.join(REQUIREMENTS, name + ".txt")
    with open(wanted, "rb") as file:
        key = file.read() + sys.version.encode() + sys.prefix.encode()
    return python_of(installed.once(name, key, lambda folder: install(name, folder, wanted)))


def python_of(folder):
    return os.path.join(folder, "bin", "python")


def install(name, folder, wanted):
    what = name + " (PyPI)"
    installed.run(what, [sys.executable, "-m", "venv", folder])
    # Wheels only: a source distribution's set-up is a program of its own.
    installed.run(what, [python_of(folder), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
                         "--retries", "1", "--no-deps", "--only-binary", ":all:", "--requirement", wanted])
