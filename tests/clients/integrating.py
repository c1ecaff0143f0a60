# SPDX-License-Identifier: Apache-2.0
"""What the tests of integrations share: the examples of integrations/NAME, and real clients that find `wif` in PATH as users' do."""
import json
import os
import subprocess
import time

from harness import Case, WIF

INTEGRATIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "integrations")


class IntegrationCase(Case):
    def setUp(self):
        super().setUp()
        self.env["PATH"] = os.path.dirname(WIF) + ":" + self.env["PATH"]

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def example(self, name, **changes):
        """The path of integrations/NAME with its placeholders replaced: what a user would paste and fill in."""
        with open(os.path.join(INTEGRATIONS, name), encoding="utf-8") as file:
            text = file.read()
        for before, after in changes.items():
            self.assertIn(before, text)
            text = text.replace(before, after)
        return self.write(name.replace("/", "-"), text)

    def count_calls(self):
        """From here on each call of `wif` by its name is counted."""
        os.mkdir(self.path("counting"))
        script = self.write("counting/wif", f'#!/bin/sh\necho call >>{self.path("calls")}\nexec {WIF} "$@"\n')
        os.chmod(script, 0o755)
        self.env["PATH"] = self.path("counting") + ":" + self.env["PATH"]

    def calls(self):
        if not os.path.exists(self.path("calls")):
            return 0
        with open(self.path("calls"), encoding="ascii") as file:
            return len(file.readlines())

    def client(self, *words, code=0, env=None, given=None):
        """Runs somebody's program to its end."""
        stdin = {"stdin": subprocess.DEVNULL} if given is None else {"input": given}
        done = subprocess.run(words, env=self.env | (env or {}), capture_output=True, text=True, timeout=120, check=False, **stdin)
        self.assert_no_token(done.stderr)
        self.assertEqual(done.returncode, code, f"{words}\n{len(done.stdout)} bytes\n{done.stderr}")
        return done

    def edit_records(self, change):
        for name in self.records():
            path = os.path.join(self.cache, name)
            with open(path, "r+", encoding="utf-8") as file:
                record = json.load(file)
                change(record)
                file.seek(0)
                file.truncate()
                json.dump(record, file)

    def age(self, seconds):
        """As if all records had been made so long ago."""
        def change(record):
            for name in ("issued_at", "expires_at"):
                record["credential"][name] -= seconds
            record["refresh_at"] -= seconds
        self.edit_records(change)

    def set_life(self, past, left):
        """As if all records had been made `past` seconds ago and had `left` to go, with no refresh due before."""
        def change(record):
            now = int(time.time())
            record["credential"].update(issued_at=now - past, expires_at=now + left)
            record["refresh_at"] = now + left
        self.edit_records(change)
