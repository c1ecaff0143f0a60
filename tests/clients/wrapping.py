# SPDX-License-Identifier: Apache-2.0
"""What the tests of `wif wrap` share: helpers that count their runs, and a look into the cache."""
import base64
import json
import os
import subprocess
import time

from harness import CANARY, Case


def at(seconds):
    """So many seconds from now, as in RFC 3339."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def jwt(claims):
    parts = ({"alg": "RS256", "kid": "k"}, claims, CANARY)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)


class WrapCase(Case):
    def setUp(self):
        super().setUp()
        self.runs_file = self.path("runs")

    def path(self, name):
        return os.path.join(self.folder, name)

    def helper(self, script, name="helper"):
        """A helper that counts its runs; $n is the number of this one."""
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\necho run >>{self.runs_file}\nn=$(wc -l <{self.runs_file})\n{script}\n")
        os.chmod(path, 0o755)
        return path

    def prints(self, output, name="helper"):
        """A helper that prints that, to the byte; %N in it is the number of the run."""
        with open(self.path(name + ".out"), "wb") as file:
            file.write(output.encode() if isinstance(output, str) else output)
        return self.helper(f"sed s/%N/$n/g {self.path(name)}.out", name)

    def runs(self):
        if not os.path.exists(self.runs_file):
            return 0
        with open(self.runs_file, encoding="ascii") as file:
            return len(file.readlines())

    def wrap(self, *words, code=0, given=None):
        """Runs wif wrap; a standard input that isn't given is a pipe that never ends."""
        reader, writer = os.pipe()
        options = {"stdin": reader} if given is None else {"input": given}
        done = subprocess.run([self.program, "wrap", *words], env=self.env, capture_output=True, timeout=120, check=False, **options)
        os.close(reader)
        os.close(writer)
        self.last_error = done.stderr.decode()
        self.assert_no_token(self.last_error)
        self.assertEqual(done.returncode, code, f"{words}\n{len(done.stdout)} bytes\n{self.last_error}")
        return done.stdout

    def refused(self, *words):
        """Nothing printed, one line that says why."""
        self.assertEqual(self.wrap(*words, code=6), b"")
        self.assertEqual(self.last_error.count("\n"), 1, self.last_error)
        return self.last_error

    def read_files(self, ending):
        found = []
        for name in sorted(os.listdir(self.cache)):
            if name.endswith(ending):
                with open(os.path.join(self.cache, name), encoding="utf-8") as file:
                    found.append(json.load(file))
        return found

    def edit(self, ending, change):
        for name in os.listdir(self.cache):
            if name.endswith(ending):
                with open(os.path.join(self.cache, name), "r+", encoding="utf-8") as file:
                    content = json.load(file)
                    change(content)
                    file.seek(0)
                    file.truncate()
                    json.dump(content, file)

    def end_pauses(self):
        """As if the time for another try had come."""
        self.edit(".failure", lambda failure: failure.update(not_before=0))

    def prolong_pauses(self):
        """So that a slow machine doesn't see them end."""
        self.edit(".failure", lambda failure: failure.update(not_before=failure["at"] + 3600))

    def await_background(self):
        """Until the refresh that was left behind has ended."""
        self.assertEqual(os.wait()[1], 0)

    def age(self, seconds):
        """As if all records had been made so long ago."""
        def change(record):
            for name in ("issued_at", "expires_at"):
                record["credential"][name] -= seconds
        self.edit(".json", change)
