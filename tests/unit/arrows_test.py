# SPDX-License-Identifier: Apache-2.0
"""Dependencies point down: cli -> wrap -> core -> util, engine -> core; a provider includes the C header, the kit and util only; core knows
no provider, exchange or integration by name."""
import os
import re
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
ALLOWED = {
    "helper/util": {"util"},
    "helper/core": {"util", "core"},
    "helper/lib": {"util", "core", "lib", "wif"},
    "helper/wrap": {"util", "core", "wrap"},
    "helper/cli": {"util", "core", "wrap", "integrations", "cli"},
    "integrations": {"util", "core"},
    "helper/engine": {"util", "core", "engine", "wif"},
    "providers": {"wif", "kit", "util"},
}
INCLUDE = re.compile(r'^#include "([^"/]+)/', re.MULTILINE)


def sources(folder):
    for path, _, names in os.walk(os.path.join(ROOT, folder)):
        for name in names:
            if name.endswith((".cpp", ".hpp", ".c", ".h")):
                with open(os.path.join(path, name), encoding="utf-8") as file:
                    yield os.path.relpath(os.path.join(path, name), ROOT), file.read()


class Arrows(unittest.TestCase):
    def test_includes_point_down(self):
        seen = 0
        for folder, allowed in ALLOWED.items():
            for path, text in sources(folder):
                for target in INCLUDE.findall(text):
                    seen += 1
                    self.assertIn(target, allowed, f"{path} includes {target}/")
        self.assertGreater(seen, 50)

    def test_core_knows_no_provider_by_name(self):
        providers = [name for name in os.listdir(os.path.join(ROOT, "providers"))
                     if os.path.exists(os.path.join(ROOT, "providers", name, name + ".module"))]
        self.assertIn("file", providers)
        for path, text in sources("helper/core"):
            for name in providers:
                self.assertNotRegex(text, rf'"{name}"', f"{path} names provider {name}")

    def test_every_source_names_its_licence(self):
        for folder in (*ALLOWED, "tests"):
            for path, text in sources(folder):
                self.assertIn("SPDX-License-Identifier: Apache-2.0", text.split("\n", 2)[0] + text.split("\n", 2)[1], path)


if __name__ == "__main__":
    unittest.main(verbosity=2)
