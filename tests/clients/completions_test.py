# SPDX-License-Identifier: Apache-2.0
"""Completions in the real shells: what is offered for a line, and that nothing else shows on the terminal."""
import json
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

    def test_an_equals_sign_in_an_option(self):
        self.assertEqual(self.values("wif wrap --refresh=in"), {"inline"})
        self.assertEqual(self.values("wif get --profile=sta"), {"staging"})
        with open(os.path.join(self.folder, "other.toml"), "w", encoding="ascii") as file:
            file.write("[profiles.elsewhere]\n")
        self.assertEqual(self.offered("wif get --config=other.toml -p "), {"elsewhere"})

    def values(self, line):
        """What is offered, as values, whether or not the option stands before each."""
        return {word.rpartition("=")[2] for word in self.offered(line)}

    def test_the_program_that_is_typed_is_asked(self):
        """Another one may be first in PATH, or none."""
        self.env["PATH"] = self.env["PATH"].removeprefix(os.path.dirname(self.program) + ":")
        for line, wanted in (("get -p sta", "staging"), ("providers kub", "kubernetes"), ("exchanges rfc", "rfc8693")):
            self.assertEqual(self.offered(f"{self.program} {line}"), {wanted})

    def test_a_broken_configuration_is_silent(self):
        self.config("[profiles\n")
        self.assertEqual(self.offered("wif get -p "), set())
        self.assertEqual(self.offered("wif ge"), {"get"})


class Bash(Battery, ShellCase):
    def offered(self, line):
        words = [piece for word in line.split(" ") for piece in re.findall("=|[^=]+", word) or [""]]
        script = (f'. /usr/share/bash-completion/bash_completion\n. {shlex.quote(os.path.join(MADE, "wif"))}\n'
                  f'COMP_WORDS=({" ".join(shlex.quote(word) for word in words)}) COMP_CWORD={len(words) - 1}\n'
                  f'COMP_LINE={shlex.quote(line)} COMP_POINT={len(line)}\n'
                  '_wif "${COMP_WORDS[0]}"\n[ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\\n" "${COMPREPLY[@]}"\n')
        return set(self.run_shell("bash", "--norc", "-c", script=script))

    def test_an_odd_name_is_quoted(self):
        [word] = self.offered("wif get -p pro") - {"prod"}
        self.assertEqual(shlex.split(word), [ODD])

    def test_an_inner_command(self):
        self.assertIn("sha256sum", self.offered("wif exec -- sha256s"))
        self.assertEqual(self.offered("wif get -- sha256s"), set())

    def test_files(self):
        self.assertIn("config.toml", self.offered("wif get --config conf"))


# What is typed of a profile's name, and which one is meant.
BEGUN = (
    ("team", "team:prod"), ("team:", "team:prod"), ("team:p", "team:prod"), ("'team:p", "team:prod"), ("a=", "a=b"),
    ("me@", "me@host"), ("sp\\ ace\\ o", "sp ace one"), ("'sp ace o", "sp ace one"), ("sp' ace o", "sp ace one"),
    ('"sp ace t', "sp ace two"), ("pro\\ ", ODD), ('"pro d', ODD), ("'pro d", ODD), ("ti", "ti`touch pwned`ck"),
    ('"do', "do$(touch pwned)lar"), ("it", "it's"), ("'it", "it's"), ("'end", "end'"), ("-d", "-dash"))


class BashTerminal(ShellCase):
    """Bash's line editor, which breaks and quotes words its own way: what a line has become after a Tab."""
    READY = "<ready>"

    def setUp(self):
        super().setUp()
        self.startup = os.path.join(self.folder, "startup")
        with open(self.startup, "w", encoding="utf-8") as file:
            file.write(". /usr/share/bash-completion/bash_completion\n"
                       f". {shlex.quote(os.path.join(MADE, 'wif'))}\n"
                       "bind 'set bell-style none'\nbind 'set enable-bracketed-paste off'\n"
                       # In hexadecimal, so that no terminal's line breaks or escapes get in.
                       "hex() { printf %s \"$READLINE_LINE\" | od -An -v -tx1 | tr -d ' \\n'; }\n"
                       "show() { printf '<line>%s</line>' \"$(hex)\"; }\n"
                       "bind -x '\"\\C-xl\": show'\n"
                       f"PS1='{self.READY}'\n")

    def completed(self, line, startup=None):
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execvpe("bash", ["bash", "--noprofile", "--rcfile", startup or self.startup, "-i"],
                       self.env | {"TERM": "dumb", "COLUMNS": "400"})
        try:
            before = read_until(self, terminal, self.READY)
            os.write(terminal, (line + "\t\x18l").encode())
            text = read_until(self, terminal, "<line>([0-9a-f]*)</line>")
        finally:
            os.close(terminal)
            os.waitpid(pid, 0)
        self.assertNotIn("wif:", before + text)
        return bytes.fromhex(re.findall("<line>([0-9a-f]*)</line>", text)[-1]).decode()

    def meant(self, line):
        """The arguments that bash would start the command with."""
        done = subprocess.run(["bash", "-c", "printf '%s\\0' " + line.removeprefix("wif get ")], cwd=self.folder,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "", line)
        return done.stdout.split("\0")[:-1]

    def test_odd_names_however_they_are_begun(self):
        self.config("".join(f"[profiles.{json.dumps(name)}]\n" for name in sorted({name for _, name in BEGUN} | {"*"})))
        for typed, name in BEGUN:
            for option in ("-p ", "--profile="):
                with self.subTest(typed=option + typed):
                    line = self.completed(f"wif get {option}{typed}")
                    self.assertEqual(self.meant(line), ["-p", name] if option == "-p " else [option + name], line)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "pwned")))

    def test_what_names_share_is_typed_no_further(self):
        self.config('[profiles."sp ace one"]\n[profiles."sp ace two"]\n')
        self.assertEqual(self.completed("wif get -p sp"), "wif get -p sp\\ ace\\ ")

    def test_values_files_and_inner_commands(self):
        with open(os.path.join(self.folder, "my config.toml"), "w", encoding="ascii") as file:
            file.write("[profiles.elsewhere]\n")
        for typed, end in (("wif wrap --refresh=in", "line "), ("wif get --config my", "\\ config.toml "),
                           ("wif get --config=my", "\\ config.toml "),
                           ("wif get --config my\\ config.toml -p else", "where "),
                           ("wif get --config='my config.toml' -p else", "where "),
                           ("wif exec --env=A -p prod -- sha256s", "um "), ("wif get -- sha256s", "")):
            self.assertEqual(self.completed(typed), typed + end)

    def test_a_broken_configuration_shows_nothing(self):
        self.config("[profiles\n")
        self.assertEqual(self.completed("wif get -p p"), "wif get -p p")

    def test_without_bash_completion(self):
        """The file alone, sourced by hand."""
        alone = os.path.join(self.folder, "alone")
        with open(self.startup, encoding="utf-8") as file, open(alone, "w", encoding="utf-8") as copy:
            copy.write("".join(line for line in file if "/usr/share/bash-completion" not in line))
        self.assertEqual(self.completed("wif get -p sta", alone), "wif get -p staging ")
        self.assertEqual(self.completed("wif exec -- sha256s", alone), "wif exec -- sha256sum ")


def read_until(case, terminal, pattern, times=1):
    text, deadline = "", time.monotonic() + 60
    while len(re.findall(pattern, text, re.S)) < times:
        case.assertTrue(select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0], text)
        text += os.read(terminal, 65536).decode()
    return text


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
            read_until(self, terminal, self.READY, len(self.startup.splitlines()))
            os.write(terminal, (line + "\t").encode())
            text = read_until(self, terminal, self.LISTED + "(.*)" + self.LISTED)
        finally:
            os.close(terminal)
            os.waitpid(pid, 0)
        self.assertNotIn("wif:", text)
        found = re.findall(self.LISTED + "(.*?)" + self.LISTED, text, re.S)[-1]
        # As they would stand in the line: quoted.
        return {shlex.split(word)[0] for word in found.replace("\r", "").replace("\n", "").split("<and>") if word}

    def test_an_odd_name_is_offered_whole(self):
        self.assertIn(ODD, self.offered("wif get -p "))

    def test_an_inner_command(self):
        self.assertIn("sha256sum", self.offered("wif exec -- sha256s"))
        self.assertEqual(self.offered("wif get -- sha256s"), set())


if __name__ == "__main__":
    harness.main()
