"""An answer as it is written to its caller."""

import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from ops.localcloud.gateway.refusal import Answer
from ops.localcloud.gateway.request import Request

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
PHRASES = {status.value: status.phrase for status in HTTPStatus}


def written(answer: Answer, request: Request | None = None) -> bytes:
    """Status line, headers and body; without a request its connection is closed."""
    keep_alive = request is not None and request.keep_alive
    lines = [f"HTTP/1.1 {answer.status} {PHRASES.get(answer.status, '')}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    lines += [f"Content-Length: {len(answer.body)}", f"Date: {_date(int(time.time()))}"]
    if not keep_alive:
        lines.append("Connection: close")
    elif request and request.version == "1.0":
        lines.append("Connection: keep-alive")
    head = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
    return head if request and request.method == "HEAD" else head + answer.body


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
