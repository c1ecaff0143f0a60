# SPDX-License-Identifier: Apache-2.0
"""Completions in the real shells: what is offered for a line, and that nothing else shows on the terminal."""
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import time

import harness

MADE = os.path.join(harness.BUILD, "completions", "made")
ODD = "pro d$x'y\""


class ShellCase(harness.Case):
    # A shell may end before the wif that it asked does, with what it is asked about broken.
    orphans_end_with = (*harness.Case.orphans_end_with, 3 << 8, signal.SIGHUP, signal.SIGPIPE)

    def setUp(self):
        super().setUp()
        self.env["PATH"] = os.path.dirname(self.program) + ":" + self.env["PATH"]
        self.config(f'[profiles.prod]\nsubject = {{ provider = "file", path = "{self.testbed.token_file}" }}\n'
                    f'[profiles.staging]\n[profiles."{ODD.replace(chr(34), chr(92) + chr(34))}"]\n')

    def run_shell(self, *words, script):
        done = subprocess.run([*words, script], env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=False)
        # Of bash-completion itself, where no line editor runs.
        said = [line for line in done.stderr.splitlines() if not line.endswith("compopt: not currently executing completion function")]
        self.assertEqual(said, [])
        return done.stdout.splitlines()


class Battery:
    """The same for each shell; `offered` returns what is offered for the last word of a line."""

    def test_commands(self):
        self.assertEqual(self.offered("wif ge"), {"get"})
        self.assertLessEqual({"get", "token", "exec", "doctor", "git", "kubernetes"}, self.offered("wif "))
        self.assertEqual(self.offered("wif -p prod sta"), {"status"})

    def test_options(self):
        self.assertEqual(self.offered("wif write --hea"), {"--health"})
        self.assertEqual(self.offered("wif get --no-c"), {"--no-cache"})
        self.assertEqual(self.offered("wif get --hea"), set())

    def test_values(self):
        self.assertEqual(self.offered("wif wrap --refresh "), {"background", "inline", "off"})
        self.assertEqual(self.offered("wif write --format e"), {"env", "envoy-sds"})
        self.assertEqual(self.offered("wif git "), {"get", "store", "erase", "capability"})
        self.assertEqual(self.offered("wif get --log-format "), {"text", "json"})

    def test_names(self):
        self.assertLessEqual({"prod", "staging"}, self.offered("wif get -p "))
        self.assertEqual(self.offered("wif get -p sta"), {"staging"})
        self.assertEqual(self.offered("wif providers kub"), {"kubernetes"})
        self.assertEqual(self.offered("wif exchanges rfc"), {"rfc8693"})
        self.assertEqual(self.offered("wif setup --kind aws"), {"aws-sts"})

    def test_another_configuration(self):
        with open(os.path.join(self.folder, "other.toml"), "w", encoding="ascii") as file:
            file.write("[profiles.elsewhere]\n")
        self.assertEqual(self.offered("wif get --config other.toml -p "), {"elsewhere"})

    def test_a_broken_configuration_is_silent(self):
        self.config("[profiles\n")
        self.assertEqual(self.offered("wif get -p "), set())
        self.assertEqual(self.offered("wif ge"), {"get"})


class Bash(Battery, ShellCase):
    def offered(self, line):
        words = line.split(" ")
        script = (f'. /usr/share/bash-completion/bash_completion\n. {shlex.quote(os.path.join(MADE, "wif"))}\n'
                  f'COMP_WORDS=({" ".join(shlex.quote(word) for word in words)}) COMP_CWORD={len(words) - 1}\n'
                  f'COMP_LINE={shlex.quote(line)} COMP_POINT={len(line)}\n'
                  '_wif wif\n[ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\\n" "${COMPREPLY[@]}"\n')
        return set(self.run_shell("bash", "--norc", "-c", script=script))

    def test_an_odd_name_is_quoted(self):
        [word] = self.offered("wif get -p pro\\ ") or self.offered("wif get -p pro") - {"prod"}
        self.assertEqual(shlex.split(word), [ODD])

    def test_an_inner_command(self):
        self.assertIn("sha256sum", self.offered("wif exec -- sha256s"))
        self.assertEqual(self.offered("wif get -- sha256s"), set())

    def test_equals_signs(self):
        """Readline breaks a line at them."""
        script = (f'. {shlex.quote(os.path.join(MADE, "wif"))}\nCOMP_WORDS=(wif wrap --refresh = in) COMP_CWORD=4\n_wif wif\nprintf "%s\\n" "${{COMPREPLY[@]}}"')
        self.assertEqual(self.run_shell("bash", "--norc", "-c", script=script), ["inline"])

    def test_files(self):
        self.assertIn("config.toml", self.offered("wif get --config conf"))


class Fish(Battery, ShellCase):
    def offered(self, line):
        script = f"source {shlex.quote(os.path.join(MADE, 'wif.fish'))}; complete -C {shlex.quote(line)}"
        rows = [row.split("\t")[0] for row in self.run_shell("fish", "--no-config", "-c", script=script)]
        return {row for row in rows if row.startswith(line.rpartition(" ")[2])}

    def test_an_odd_name_is_offered_whole(self):
        self.assertIn(ODD, self.offered("wif get -p "))

    def test_an_inner_command(self):
        self.assertIn("sha256sum", self.offered("wif exec -- sha256s"))
        self.assertEqual({word for word in self.offered("wif get -- sha256s") if word == "sha256sum"}, set())


class Zsh(Battery, ShellCase):
    """Its completion lives in its line editor: a terminal, a Tab, and what the line has become or what is listed."""
    READY, LISTED = "<ready>", "<listed>"

    def setUp(self):
        super().setUp()
        os.mkdir(os.path.join(self.folder, "functions"))
        os.symlink(os.path.join(MADE, "_wif"), os.path.join(self.folder, "functions", "_wif"))
        # Each match on a line of its own, between marks, in place of the terminal's menu.
        self.startup = (f"PS1='{self.READY[:3]}''{self.READY[3:]}'; PS2=; fpath=({self.folder}/functions $fpath); autoload -U compinit; compinit -u -D\n"
                        "compadd() { local -a all; builtin compadd -A all \"$@\"; found+=(\"${all[@]}\"); }\n"
                        "offer() { local -a found; local nothing=1; zle -K main; _main_complete >/dev/null; "
                        f"print -r -- \"{self.LISTED}${{(j:<and>:)found}}{self.LISTED}\"; }}\n"
                        "zle -C offer complete-word offer; bindkey '^I' offer; setopt no_beep\n")

    def offered(self, line):
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execvpe("zsh", ["zsh", "-f", "-i"], self.env | {"TERM": "dumb", "COLUMNS": "400"})
        try:
            os.write(terminal, self.startup.replace("\n", "\r").encode())
            self.read_until(terminal, self.READY, len(self.startup.splitlines()))
            os.write(terminal, (line + "\t").encode())
            text = self.read_until(terminal, self.LISTED + "(.*)" + self.LISTED, 1)
        finally:
            os.close(terminal)
            os.waitpid(pid, 0)
        self.assertNotIn("wif:", text)
        found = re.findall(self.LISTED + "(.*?)" + self.LISTED, text, re.S)[-1]
        # As they would stand in the line: quoted.
        return {shlex.split(word)[0] for word in found.replace("\r", "").replace("\n", "").split("<and>") if word}

    def read_until(self, terminal, pattern, times):
        text, deadline = "", time.monotonic() + 60
        while len(re.findall(pattern, text, re.S)) < times:
            self.assertTrue(select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0], text)
            text += os.read(terminal, 65536).decode()
        return text

    def test_an_odd_name_is_offered_whole(self):
        self.assertIn(ODD, self.offered("wif get -p "))

    def test_an_inner_command(self):
        self.assertIn("sha256sum", self.offered("wif exec -- sha256s"))
        self.assertEqual(self.offered("wif get -- sha256s"), set())


if __name__ == "__main__":
    harness.main()
