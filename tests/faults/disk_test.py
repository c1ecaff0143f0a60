# SPDX-License-Identifier: Apache-2.0
"""Caches that can't be trusted are refused; caches that can't be written cost a line on stderr, never the answer."""
import os
import subprocess

from harness import WIF, Case, main


class Untrusted(Case):
    def refused(self):
        done = self.wif("get", code=7)
        self.assertEqual(self.testbed.exchanges(), 0)
        return done.stderr

    def test_a_symlink(self):
        real = os.path.join(self.folder, "real")
        os.mkdir(real, 0o700)
        os.symlink(real, self.cache)
        self.assertIn("symlink", self.refused())
        self.assertEqual(os.listdir(real), [])

    def test_a_wide_folder(self):
        os.mkdir(self.cache)
        os.chmod(self.cache, 0o755)
        self.assertIn("0755", self.refused())
        self.assertEqual(os.stat(self.cache).st_mode & 0o777, 0o755)

    def test_a_foreign_folder(self):
        if os.geteuid() == 0:
            os.mkdir(self.cache, 0o700)
            os.chown(self.cache, 4711, 4711)
        else:
            self.env["WIF_CACHE_DIR"] = "/"
        self.assertIn("belongs to user", self.refused())

    def test_a_wide_record(self):
        self.wif("get")
        record = os.path.join(self.cache, self.records()[0])
        os.chmod(record, 0o644)
        self.assertIn("0644", self.wif("get", code=7).stderr)


class Unusable(Case):
    def test_no_home(self):
        del self.env["HOME"], self.env["WIF_CACHE_DIR"]
        done = self.wif("get")
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertIn("nothing is cached", done.stderr)

    def test_a_folder_that_cannot_be_made(self):
        self.env["WIF_CACHE_DIR"] = "/proc/wif-cannot-be-made"
        done = self.wif("get")
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertIn("/proc/wif-cannot-be-made", done.stderr)

    def test_a_folder_that_cannot_be_written_any_more(self):
        self.be_ordinary()
        token = self.token()
        os.chmod(self.cache, 0o500)
        self.addCleanup(os.chmod, self.cache, 0o700)
        self.assertEqual(self.token(), token)
        done = self.wif("get", "--set", "exchange.client_id=another")
        self.assertIn("access_token", done.stdout)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn("nothing is cached", done.stderr)
        self.assertEqual(len(self.records()), 1)

    def test_a_full_disk(self):
        """The file size limit is the full disk that needs no mount: every write to a file fails."""
        os.mkdir(self.cache, 0o700)
        script = 'ulimit -f 0; trap "" XFSZ; exec "$@"'
        done = subprocess.run(["sh", "-c", script, "sh", *self.arguments(("get",))], env=self.env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.assert_no_token(done.stderr)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("access_token", done.stdout)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertEqual(self.records(), [])

    def test_a_file_system_without_locks(self):
        """NFS without its lock service: strace stands for it, and makes every flock fail as it does there."""
        inject = ["strace", "-f", "-o", "/dev/null", "-e", "trace=flock", "-e", "inject=flock:error=ENOLCK"]
        self.sanitizer_option("ASAN_OPTIONS", "detect_leaks=0")  # which strace leaves no room for
        done = subprocess.run([*inject, *self.arguments(("get",))], env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        self.assert_no_token(done.stderr)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("access_token", done.stdout)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn("No locks available", done.stderr)
        self.assertEqual(self.records(), [])

    def test_standard_output_that_is_full(self):
        self.wif("get")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([WIF, "get", "--set", "exchange.url=" + self.url()], env=self.env, stdout=full,
                                  stderr=subprocess.PIPE, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("standard output", done.stderr)


if __name__ == "__main__":
    main()
