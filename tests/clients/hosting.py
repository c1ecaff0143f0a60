# SPDX-License-Identifier: Apache-2.0
"""What the tests of integrations share whose requests name a host: a profile that serves some, and names that pass for one of them."""
from integrating import IntegrationCase

OURS = "registry.example.com"

# As a consumer may be brought to ask for, by a configuration or a redirect that somebody else wrote. None of them is ours.
FOREIGN = [
    "other.example.com", "example.com", "registry.example.com.evil.example", "evil-registry.example.com", "registry.example.comx",
    "registry.example.com:444", "http://registry.example.com", "ftp://registry.example.com", "https://evil.example/registry.example.com",
    "https://evil.example?registry.example.com", "https://evil.example#registry.example.com", "127.0.0.1.evil.example", "-p",
]
# And what names no host at all.
MALFORMED = [
    "registry.example.com@evil.example", "https://registry.example.com:443@evil.example/", "https://registry.example.com\\@evil.example",
    "registry.example.com\nevil.example", "evil.example\rregistry.example.com", "registry.example.com\0.evil.example",
    "https://", "https:///registry.example.com", "registry.example.com:", "registry.example.com:65536", "registry.example.com:-1",
    "registry.example.com evil.example", "..", "*", "*.example.com", "[::1", "r\u00e9gistry.example.com", "\u202eregistry.example.com",
    "registry..example.com", "a" * 300, "%72egistry.example.com", "$(id)", "../../etc/passwd", "\x1b[2J",
]


class HostCase(IntegrationCase):
    def serve(self, *hosts, name="registry", more=""):
        """The configuration: one profile, for these hosts."""
        names = ", ".join(f'"{host}"' for host in hosts)
        self.config(f'[profiles.{name}]\nhosts = [{names}]\n'
                    f'subject = {{ provider = "file", path = "{self.testbed.token_file}" }}\n'
                    f'exchange = {{ kind = "openai", identity_provider_id = "idp_testbed", service_account_id = "sa_testbed", '
                    f'url = "{self.url()}" }}\n{more}')

    def accepts(self, token):
        return self.testbed.models(token) == 200
