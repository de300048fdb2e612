"""What localcloud proves itself by: a certificate of its own CA, and its token."""

import secrets
import ssl
from pathlib import Path

from ops.localcloud.directory import write_secret


def token(directory: Path) -> str:
    """The bearer token of this cloud, made once."""
    path = directory / "token"
    if not path.exists():
        write_secret(path, secrets.token_urlsafe(32).encode())
    return path.read_text().strip()


def server_context(directory: Path) -> ssl.SSLContext:
    """TLS as 127.0.0.1 and localhost, by a certificate that bundle.pem vouches for."""
    if not (directory / "server.pem").exists():
        _certify(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(directory / "server.pem")
    return context


def _certify(directory: Path) -> None:
    """Make a CA and a certificate. server.pem comes last: it says all is there."""
    import certifi  # needed once in a directory's life
    import trustme

    authority = trustme.CA(organization_name="localcloud")
    certificate = authority.issue_cert(
        "127.0.0.1", "localhost", common_name="localhost"
    )
    chain = [each.bytes() for each in certificate.cert_chain_pems]
    public = authority.cert_pem.bytes()
    write_secret(directory / "ca.key", authority.private_key_pem.bytes())
    (directory / "ca.pem").write_bytes(public)
    (directory / "bundle.pem").write_bytes(certifi.contents().encode() + public)
    key = certificate.private_key_pem.bytes()
    write_secret(directory / "server.pem", b"".join([key, *chain]))
