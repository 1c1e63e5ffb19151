"""The certificate authority of one rehearsal."""

from __future__ import annotations

import ssl
from pathlib import Path


class Authority:
    """A certificate authority for 127.0.0.1 that only the clients of the rehearsal trust.

    Trusted publishing requires TLS: `uv publish` refuses an index without it.
    """

    def __init__(self) -> None:
        import trustme

        self._authority = trustme.CA(organization_name="rehearsal")

    def server_context(self) -> ssl.SSLContext:
        """Return the TLS context of a server on 127.0.0.1 and `localhost`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        return context

    def client_environment(self, directory: Path) -> dict[str, str]:
        """Write a bundle of certificates to `directory`; return the variables that make uv and pip trust it.

        The bundle also contains the certificates that this machine trusts: the variables affect all programs, and a
        build may download from other servers. `REQUESTS_CA_BUNDLE` is set because pip prefers it to its own variable.
        Cargo needs no variable, because its registry uses plain HTTP.
        """
        trusted = ssl.create_default_context().get_ca_certs(binary_form=True)
        bundle = directory / "authorities.pem"
        bundle.write_bytes(
            self._authority.cert_pem.bytes() + "".join(map(ssl.DER_cert_to_PEM_cert, trusted)).encode("ascii")
        )
        return dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"), str(bundle))
