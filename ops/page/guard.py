"""Which requests the page answers, and what browsers may do with its answers.

It listens on loopback, where every program of this machine and every page that is open
in the browser can reach it. So the name that it is asked by must be its own (a name
server elsewhere may say that its names are 127.0.0.1), and what others' pages send is
refused. Who reads it must have had the address that was printed, which holds a key: it
becomes a cookie at once. Changes ask for a token of their own, which is no cookie, for
browsers send those to every port of this machine.
"""

import secrets
from collections.abc import Iterable, Mapping

SAFE = ("GET", "HEAD")
EMPTY = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"  # of no text at all
HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with none, browsers hide a form's origin
    "X-Frame-Options": "DENY",  # for browsers that don't know frame-ancestors
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def refusal(method: str, headers: Mapping[str, str], port: int) -> str:
    """Why a request is not answered; "" for one that is."""
    host = headers.get("Host", "").lower()
    if host not in (f"127.0.0.1:{port}", f"localhost:{port}"):
        return "This page has another name: open the address that was printed."
    site, mode = headers.get("Sec-Fetch-Site", ""), headers.get("Sec-Fetch-Mode", "")
    followed = method in SAFE and mode == "navigate"  # a link to here is no harm
    if site not in ("", "same-origin", "none") and not followed:
        return "Other pages may not ask this one for anything."
    if method in SAFE:
        return ""
    origin = headers.get("Origin", "").lower()
    if origin != f"http://{host}" and (origin or site != "same-origin"):
        return "Only this page itself may send anything here."
    return ""


def policy(hashes: Iterable[str]) -> str:
    """The content security policy: scripts of its own, and nothing from elsewhere.

    The charts' library makes an empty style and adds its rules by script, which needs
    no leave. The others that the libraries bring are for parts which this page has none
    of: browsers refuse them, and say so in their consoles.
    """
    rules = {
        "default-src": "'none'",
        "script-src": " ".join(["'self'", *hashes]),
        "style-src": f"'self' {EMPTY}",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def opened_by(url: str, key: str) -> str:
    """The address that opens the page."""
    return f"{url}?token={key}" if key else url


def cookie(port: int) -> str:
    """The cookie of a page: browsers tell hosts apart by it, and not ports."""
    return f"aml-ops-{port}"


def same(token: str, given: str) -> bool:
    """Whether a token was given, in a time that tells nothing of how much was right."""
    return bool(token) and secrets.compare_digest(token.encode(), given.encode())
