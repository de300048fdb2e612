"""What localcloud proves itself by: a certificate of its own CA, and its token."""

import re
import secrets
import ssl
from contextlib import suppress
from pathlib import Path

from ops.localcloud.directory import write_secret

FILES = ("token", "ca.key", "ca.pem", "bundle.pem", "server.pem")
TOKEN = re.compile(rb"[A-Za-z0-9_-]{32,}")


def token(directory: Path) -> str:
    """The bearer token of this cloud, made once."""
    path = directory / "token"
    if not (path.is_file() and TOKEN.fullmatch(path.read_bytes().strip())):
        write_secret(path, secrets.token_urlsafe(32).encode())
    return path.read_text().strip()


def server_context(directory: Path) -> ssl.SSLContext:
    """TLS as 127.0.0.1 and localhost, by a certificate that bundle.pem vouches for."""
    try:
        context = _context(directory)
        _prove(context, directory)
    except (OSError, ValueError):  # not made yet, spoiled, or over
        _certify(directory)
        context = _context(directory)
    return context


def _context(directory: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(directory / "server.pem")
    return context


def _prove(context: ssl.SSLContext, directory: Path) -> None:
    """Raise OSError or ValueError where clients would not trust the server.

    A handshake within memory takes a few milliseconds and tells all that can be wrong.
    """
    if not all((directory / name).is_file() for name in FILES):
        raise FileNotFoundError
    public = (directory / "ca.pem").read_bytes()
    if not (directory / "bundle.pem").read_bytes().endswith(public):
        raise ValueError("bundle.pem lacks the CA")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    trusting = ssl.create_default_context(cafile=directory / "ca.pem")
    client = trusting.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    server = context.wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client, server):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()


def _certify(directory: Path) -> None:
    """Make a CA and a certificate."""
    import certifi  # needed once in a directory's life
    import trustme

    authority = trustme.CA(organization_name="localcloud")
    certificate = authority.issue_cert(
        "127.0.0.1", "localhost", common_name="localhost"
    )
    chain = [each.bytes() for each in certificate.cert_chain_pems]
    public = authority.cert_pem.bytes()
    write_secret(directory / "ca.key", authority.private_key_pem.bytes())
    write_secret(directory / "ca.pem", public)
    write_secret(directory / "bundle.pem", certifi.contents().encode() + public)
    key = certificate.private_key_pem.bytes()
    write_secret(directory / "server.pem", b"".join([key, *chain]))
