"""The connections of a load: how many there may be, whom they trust, why one fails."""

import os
import resource
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import ClientSession


def session(*, proxied: bool) -> "ClientSession":
    """A client without limits of its own; where it is `proxied`, by HTTPS_PROXY."""
    import ssl

    import aiohttp
    import certifi

    # For TLS the authorities that `score` trusts, whatever this system has.
    secure = ssl.create_default_context(cafile=certifi.where())
    return aiohttp.ClientSession(
        # As many as there are places; without a limit here none waits unseen.
        connector=aiohttp.TCPConnector(limit=0, ssl=secure),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        trust_env=proxied,
    )


def allow(files: int) -> None:
    """Raise this process's own limit of open files, which may be as low as 256."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < files and (hard == resource.RLIM_INFINITY or hard >= files):
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))


def why(error: OSError) -> str:
    """The system's own words for a connection that could not be made."""
    if error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or type(error).__name__
