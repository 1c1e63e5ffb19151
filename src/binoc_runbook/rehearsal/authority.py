"""A certificate authority that exists as long as one rehearsal."""

from __future__ import annotations

import ssl
from pathlib import Path


class Authority:
    """Certificates for loopback, from an authority that nothing but the rehearsal's own clients trusts.

    Trusted publishing is done over TLS alone: `uv publish` refuses an index without it.
    """

    def __init__(self) -> None:
        import trustme

        self._authority = trustme.CA(organization_name="rehearsal")

    def server_context(self) -> ssl.SSLContext:
        """What a server needs to be believed on 127.0.0.1 and `localhost`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        return context

    def client_environment(self, folder: Path) -> dict[str, str]:
        """Write the certificate to `folder`; returns the variables by which uv, pip and cargo trust it.

        They take the place of what the user's environment names; `REQUESTS_CA_BUNDLE` and `CURL_CA_BUNDLE` are
        among them because pip prefers them to its own.
        """
        bundle = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(bundle)
        names = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "CARGO_HTTP_CAINFO")
        return dict.fromkeys(names, str(bundle))
