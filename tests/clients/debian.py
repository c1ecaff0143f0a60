# SPDX-License-Identifier: Apache-2.0
"""Programs of this distribution's own packages that can't be installed beside what a machine has, or needn't be: unpacked into the
cache folder (see cached.py), with nothing of it on PATH.

    OLD = debian.unpacked("kubernetes-client") + "/usr/bin/kubectl"

Which version that is, the distribution decides."""
import glob
import hashlib
import os
import unittest

import cached


def unpacked(package):
    """The folder with the package's files. What isn't there is no failure, in CI neither: ask for what is only worth having."""
    with open("/etc/os-release", "rb") as file:
        key = hashlib.sha256(file.read()).hexdigest()[:16]
    try:
        return cached.made("deb-" + package, key, lambda folder: unpack(package, folder))
    except (OSError, RuntimeError) as why:
        raise unittest.SkipTest(str(why)) from why


def unpack(package, folder):
    os.mkdir(folder)
    what = package + " of this distribution"
    # apt-get wants to hand the download to a user of its own, who can't write here.
    cached.run(what, ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package], cwd=folder)
    [archive] = glob.glob(os.path.join(folder, "*.deb"))
    cached.run(what, ["dpkg-deb", "--extract", archive, folder])
    os.remove(archive)
