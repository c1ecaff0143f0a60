# SPDX-License-Identifier: Apache-2.0
"""The manual pages against what they describe: what man/make takes from the program can't drift, and here is the rest."""
import glob
import json
import os
import re
import subprocess
import unittest

import harness

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PAGES = os.path.join(harness.BUILD, "man", "pages")
# Asked for by what an integration, a provider or a library is told, and documented there.
ELSEWHERE = {"GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE", "KUBERNETES_EXEC_INFO", "PATH"}
# Where a command's options and functions stand in a page that is shown.
SHOWN_OPTION = re.compile(r"^ +(?:-\w, )?(--[a-z0-9-]+)(?: |$)", re.M)


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def source(name):
    return read(PAGES, "source", name + ".scd")


def plain(text):
    """Without scdoc's marks."""
    return re.sub(r"\\(.)", r"\1", text.replace("*", ""))


def section(text, title):
    return text.partition(f"\n# {title}\n")[2].partition("\n# ")[0]


def terms(text):
    """What a list's rows are about."""
    return {word for line in text.splitlines() if re.match(r"[*_]", line)
            for word in re.findall(r"[*_]([A-Za-z0-9_./~$-]+)[*_](?=$|,| \()", line.replace("\\", ""))}


def sources(*folders):
    for folder in folders:
        for path in glob.glob(os.path.join(ROOT, folder, "**", "*.[ch]pp"), recursive=True):
            yield read(path)


class Form(unittest.TestCase):
    def test_every_page_is_well_formed(self):
        pages = [page for page in glob.glob(os.path.join(PAGES, "man*", "*")) if not read(page).startswith(".so ")]
        self.assertGreater(len(pages), 30)
        for page in pages:
            with self.subTest(page=os.path.basename(page)):
                done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True, check=False)
                # scdoc writes a paragraph more than is needed.
                said = [line for line in done.stdout.splitlines() if "skipping paragraph macro" not in line]
                self.assertEqual(said, [])

    def test_text_fits_into_eighty_columns(self):
        for page in glob.glob(os.path.join(PAGES, "man[157]", "wif*")):
            shown = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=78", page], capture_output=True, text=True, check=True).stdout
            shown = re.sub(".\b", "", shown)
            for line in shown.splitlines():
                # A literal line is as long as it is: nobody wants it broken.
                if not line.startswith("           "):
                    self.assertLessEqual(len(line), 80, f"{os.path.basename(page)}: {line}")

    def test_other_pages_that_are_named_are_there(self):
        for path in glob.glob(os.path.join(PAGES, "source", "*.scd")):
            for name, number in re.findall(r"\*((?:wif|libwif)[a-z.-]*)\*\((\d)\)", read(path)):
                self.assertTrue(os.path.exists(os.path.join(PAGES, "man" + number, f"{name}.{number}")), f"{path}: {name}({number})")

    def test_each_link_that_others_start_has_one(self):
        links = [name for name in os.listdir(os.path.join(harness.BUILD, "bin")) if name != "wif"]
        self.assertGreaterEqual(len(links), 5)
        for name in links:
            target = read(PAGES, "man1", name + ".1").removeprefix(".so ").strip()
            self.assertTrue(os.path.exists(os.path.join(PAGES, target)))


class Truth(harness.Case):
    def test_variables(self):
        asked = {name for text in sources("helper") for name in re.findall(r'(?:variable|getenv)\("([A-Z_]+)"', text)} - ELSEWHERE
        asked |= {name for text in sources("helper") for name in re.findall(r'"(OPENAI_[A-Z_]+|WIF_[A-Z_]+)"', text)
                  if name + "=" not in text}
        written = terms(section(source("wif.1"), "ENVIRONMENT"))
        self.assertEqual(asked - written - {"WIF_TEST_MODULES"}, set())
        everything = "\n".join(sources("helper", "integrations"))
        for name in written:
            self.assertTrue(re.search(rf'"{name}"|"{name.lower()}"', everything) or name.lower().endswith("_proxy"), name)

    def test_variables_of_providers(self):
        """What their code asks for and their descriptors are detected by, each under its provider, and nothing else."""
        page = section(source("wif.toml.5"), "ENVIRONMENT")
        settings = set(re.findall(r"Environment: \*(.*?)\*", source("wif.toml.5")))
        folders = [os.path.dirname(path) for path in glob.glob(os.path.join(ROOT, "providers", "*", "*.module"))]
        self.assertGreater(len(folders), 8)
        for folder in folders:
            name = os.path.basename(folder)
            code = "".join(map(read, glob.glob(os.path.join(folder, "*.[ch]pp"))))
            known = set(re.findall(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)"', code + read(folder, name + ".module")))
            asked = set(re.findall(r'(?:environment|variable|place_of)\((?:host, )?"([A-Z0-9_]+)"', code))
            asked |= {word for line in re.findall(r"^variables? = .*", read(folder, name + ".module"), re.M)
                      for word in re.findall(r'"([A-Z0-9_]+)"', line)}
            # HOME is where AWS's files and a program's login are: wif(1).
            asked -= {"HOME"} | settings
            written = terms(page.partition(f'\n## provider = "{name}"\n')[2].partition("\n## ")[0])
            with self.subTest(provider=name):
                self.assertEqual(asked - written, set())
                self.assertEqual(written - known, set())

    def test_exit_codes(self):
        codes = set(re.findall(r"= (\d+)", read(ROOT, "helper", "include", "wif", "wif.h").partition("enum wif_status")[2].partition("}")[0]))
        self.assertEqual(terms(section(source("wif.1"), "EXIT STATUS")) & {str(n) for n in range(256)}, codes)

    def test_keys_of_a_profile(self):
        """An unknown key's error lists those that there are."""
        page = source("wif.toml.5")
        for key, title in (("zzz", "A PROFILE"), ("cache.zzz", "CACHE"), ("expect.zzz", "EXPECT")):
            done = self.plain("get", "--set", key + "=1", code=3)
            known = set(re.search("known keys: (.*)", done.stderr)[1].split(", "))
            self.assertEqual(terms(section(page, title)), known)
        done = self.plain("get", "--set", "subject.zzz=1", code=3)
        known = set(re.search("known keys: (.*)", done.stderr)[1].split(", "))
        fixed = terms(section(page, "SUBJECT").partition("\n## ")[0])
        self.assertLessEqual(fixed, known)
        self.assertEqual(fixed, {"provider", "profile"})

    def test_settings_of_every_provider_and_exchange(self):
        page = plain(source("wif.toml.5"))
        for command, key, word in (("providers", "name", "provider"), ("exchanges", "name", "kind")):
            answer = json.loads(self.plain(command, "--json").stdout)
            names = {row["provider"] for row in answer["findings"]} if command == "providers" else {row["name"] for row in answer["exchanges"]}
            for name in names:
                part = page.partition(f'\n## {word} = "{name}"\n')[2].partition("\n## ")[0].partition("\n# ")[0]
                about = json.loads(self.plain(command, name, "--json").stdout)
                self.assertEqual(about[key], name)
                for setting in about["settings"]:
                    self.assertIn(f"\n{setting['name']} (", part)

    def test_members_of_a_record(self):
        page = source("wif-record.5")
        record, _, failure = page.partition("\n# A FAILURE\n")
        store = read(ROOT, "helper", "core", "store.cpp")
        written = set(re.findall(r'\.(?:member|key)\("([a-z0-9_]+)"', store)) | set(
            re.findall(r'(?:member|write_secret)\((?:writer, )?"([a-z0-9_]+)"', read(ROOT, "helper", "core", "credential.cpp")))
        self.assertEqual(written - terms(record) - terms(failure), set())
        self.assertEqual((terms(section(record + "\n# ", "A RECORD")) | terms(failure.partition("\n# ")[0])) - written, set())
        self.wif("get")
        with open(os.path.join(self.cache, self.records()[0]), encoding="utf-8") as file:
            found = json.load(file)
        self.assertLessEqual(set(found) | set(found["credential"]), terms(record))

    def test_members_of_an_answer(self):
        answer = json.loads(self.wif("get").stdout)
        self.assertLessEqual(set(answer), terms(source("wif-get.1")))

    def test_symbols_of_libwif(self):
        page = source("libwif.3")
        [library] = glob.glob(os.path.join(harness.BUILD, "lib*", "**", "libwif.so.1"), recursive=True)
        symbols = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True)
        exported = set(re.findall(r" T (wif_[a-z0-9_]+)", symbols.stdout))
        self.assertGreater(len(exported), 20)
        self.assertEqual(set(re.findall(r"\b(wif_[a-z0-9_]+)\(", page)), exported)

    def test_members_of_the_modules_interface(self):
        page = plain(source("wif-provider.3"))
        text = read(ROOT, "helper", "include", "wif", "provider.h")
        names = re.findall(r"\(\*(\w+)\)", text) + re.findall(r"^  (?:const )?\w+(?: \w+)?\*? (\w+);", text, re.M)
        self.assertGreater(len(names), 30)
        for name in names:
            self.assertRegex(page, rf"\b{name}\b")

    def test_formats_of_write(self):
        own = re.search(r"k_formats = \{([^}]*)\}", read(ROOT, "helper", "cli", "token_file.cpp"))[1]
        others = "".join(re.findall(r'FileFormat\{"[a-z-]+"', "\n".join(sources("integrations"))))
        names = re.findall(r'"([a-z-]+)"', own + others)
        self.assertGreater(len(names), 7)
        for name in names:
            self.assertIn(f"*{name}*", source("wif-write.1"))

    def test_options_of_every_command(self):
        """Of the finished page, so that nothing is lost on the way there."""
        overview = self.plain("--help").stdout
        names = re.findall(r"^  ([a-z-]+)  ", overview.partition("\nExamples:")[0], re.M)
        self.assertGreater(len(names), 28)
        main = self.shown("wif.1").partition("\nGLOBAL OPTIONS\n")[2].partition("\nEXAMPLES\n")[0]
        shared = set(SHOWN_OPTION.findall(main))
        for name in names:
            text = self.plain(name, "--help").stdout.partition("\nExamples:\n")[0]
            own, _, others = text.partition("\nGlobal options:\n")
            page = self.shown(f"wif-{name}.1")
            with self.subTest(command=name):
                self.assertEqual(set(SHOWN_OPTION.findall(page.partition("\nOPTIONS\n")[2].partition("\nE")[0])),
                                 set(SHOWN_OPTION.findall(own)))
                self.assertEqual(shared, set(SHOWN_OPTION.findall(others)))
                # Above the options: the usage line, and what an argument may be.
                for line in own.partition("\nArguments:\n")[2].partition("\n\n")[0].splitlines():
                    self.assertIn(" ".join(line.split()[1:]), " ".join(page.split()))

    @staticmethod
    def shown(page):
        """As it is read, without overstriking."""
        path = os.path.join(PAGES, "man" + page[-1], page)
        done = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=200", path], capture_output=True, text=True,
                              check=True)
        return re.sub(".\b", "", done.stdout)

    def test_headings_are_toml(self):
        self.assertIn('\n   provider = "aws"\n', self.shown("wif.toml.5"))
        self.assertIn('\n   kind = "openai"\n', self.shown("wif.toml.5"))

    def test_exit_status_of_dockers_protocol(self):
        """The one that isn't wif's."""
        status = section(source("wif-docker.1"), "EXIT STATUS")
        self.assertIn("1 for everything else", status)
        done = subprocess.run([self.program, "docker", "get"], input="registry.example.com", env=self.env,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(done.stdout.strip(), plain(status))

    def test_lines_to_paste_are_the_readmes(self):
        """Each row of its table, as far as that writes it out."""
        page = self.shown("wif-integrations.7").partition("\nWHAT TO PASTE\n")[2].partition("\nSEE ALSO")[0]
        page = " ".join(page.split())
        lines = read(ROOT, "README.md").splitlines()
        rows = [line.split(" | ")[1] for line in lines if re.match(r"\| \[.*\(integrations/", line)]
        self.assertGreater(len(rows), 15)
        for row in rows:
            spans = [span for span in re.findall("`([^`]*)`", row) if "wif" in span]
            self.assertTrue(spans, row)
            for span in spans:
                self.assertIn(" ".join(span.partition("...")[0].strip(", ").split()), page)
        # And none of the page's starts a command that isn't there.
        names = set(re.findall(r"^  ([a-z-]+)  ", self.plain("--help").stdout, re.M))
        started = re.findall(r"\bwif ([a-z]+)\b(?=[ \")])", page)
        self.assertGreater(len(started), 6)
        self.assertLessEqual(set(started), names)

    def test_every_integration_is_in_the_table(self):
        page = source("wif-integrations.7")
        for path in glob.glob(os.path.join(ROOT, "integrations", "*", "*.cpp")):
            name = re.search(r'\.name = "([a-z-]+)"', read(path))
            if name and name[1] in self.plain("--help").stdout:
                self.assertIn(f"*wif-{name[1]}*(1)", page)


if __name__ == "__main__":
    harness.main()
