# SPDX-License-Identifier: Apache-2.0
"""Provider env as the platforms set it up: nothing configured but the variables."""
from harness import Case, main

PRESETS = (
    {"GITLAB_CI": "true", "OPENAI_ID_TOKEN": None},
    {"TFC_WORKLOAD_IDENTITY_TOKEN_OPENAI": None, "TFC_WORKLOAD_IDENTITY_TOKEN": "not.this.one"},
    {"CIRCLECI": "true", "CIRCLE_OIDC_TOKEN": "not.this.one", "CIRCLE_OIDC_TOKEN_V2": None},
    {"BITBUCKET_STEP_OIDC_TOKEN": None},
    {"VERCEL": "1", "VERCEL_OIDC_TOKEN": None},
    {"TFC_WORKLOAD_IDENTITY_TOKEN": None},
)


class Presets(Case):
    def setUp(self):
        super().setUp()
        del self.env["OPENAI_IDENTITY_TOKEN_FILE"]

    def test_each_platforms_variables_are_enough(self):
        token = self.testbed.control("mint", shape="bare", claims={"sub": "system:serviceaccount:default:openai-wif"})
        plain = dict(self.env)
        for preset in PRESETS:
            with self.subTest(preset=preset):
                self.env = {**plain, **{name: value or token for name, value in preset.items()}}
                name = next(name for name, value in preset.items() if value is None)
                self.assertRegex(self.plain("providers").stdout, rf"\* env +\d+ +(GITLAB_CI is set and )?{name} is set")
                self.assertTrue(self.token())
                self.assertEqual(self.testbed.control("last")["outcome"], "ok")

    def test_the_next_jobs_identity_is_another_record(self):
        for sub in ("system:serviceaccount:default:openai-wif", "other"):
            self.env["CIRCLE_OIDC_TOKEN_V2"] = self.testbed.control("mint", shape="bare", claims={"sub": sub})
            self.wif("get", code=0 if sub != "other" else 6)
        self.assertEqual(len(self.records()), 1)

    def test_an_expired_or_broken_token_is_not_sent(self):
        for token, words in ((self.testbed.control("mint", ttl=-60, age=600), "expired"), ("a b", "characters"),
                             ("opaque", "subject token"), (" ", "empty")):
            self.env["BITBUCKET_STEP_OIDC_TOKEN"] = token
            self.assertIn(words, self.wif("get", code=4).stderr)
        self.assertEqual((self.testbed.exchanges(), self.records()), (0, []))


if __name__ == "__main__":
    main()
