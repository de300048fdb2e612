"""Serves the page on loopback until Ctrl-C."""

import logging
import secrets
from collections.abc import Mapping
from threading import Thread
from typing import Any

import flask
import waitress
from dash import Dash
from waitress import wasyncore

from ops.boards import boardfile, running
from ops.boards.model import Dashboard
from ops.errors import Refused, UsageError
from ops.page import app, guard, view
from ops.page.controls import Hands
from ops.page.looks import Looks
from ops.verbs import Call

HOST = "127.0.0.1"
THREADS = 8
LARGEST_REQUEST, LARGEST_ANSWER = 2**20, 2**24


class Page:
    """The server, before it serves: its port is known."""

    def __init__(
        self, looks: Looks, boards: Mapping[str, Dashboard], port: int, token: str = ""
    ) -> None:
        """Without a token it lets nothing be changed."""
        self._looks = looks
        self._boards = boards
        self._token = token
        self._sockets: dict[int, Any] = {}
        built = app.build(looks, boards, Hands(looks, token))
        try:
            self._server = waitress.create_server(
                built.server,
                map=self._sockets,
                host=HOST,
                port=port,
                threads=THREADS,
                max_request_body_size=LARGEST_REQUEST,
                outbuf_overflow=LARGEST_ANSWER,  # in memory up to that
                ident=None,
            )
        except OSError as error:
            raise Refused(
                f"Port {port} can't be listened to: {error.strerror}.",
                "invoke dashboard --port 0",
            ) from None
        self.port = int(self._server.effective_port)
        guarded(built, self.port)

    @property
    def address(self) -> str:
        """Where it is; the token is behind the #, which browsers send nowhere."""
        return self.url + (f"#token={self._token}" if self._token else "")

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/"

    def serve(self) -> None:
        """Until Ctrl-C, or close(). Others find it meanwhile, without the token."""
        looks = self._looks
        # That a request waits for a thread is no news: a page asks for all at once.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        usual = view.parse("", self._boards, looks.now())
        Thread(target=looks.ahead, args=(usual, 0.0), daemon=True).start()
        with running.noted(looks.stage.name, looks.endpoint, self.url):
            self._server.run()
        self._server.task_dispatcher.shutdown()  # what is in hand is answered

    def close(self) -> None:
        """From another thread: serve() returns within a second."""
        wasyncore.close_all(self._sockets, ignore_all=True)


def opened(call: Call, port: int, *, allow_changes: bool) -> Page:
    """The page of a verb, about to serve; raise Refused where the port is taken."""
    token = secrets.token_urlsafe(24) if allow_changes else ""
    looks = Looks(call.stage, call.endpoint, call.flags)
    return Page(looks, boardfile.load(), port, token)


def port(text: str) -> int:
    """What --port asks for; 0 is any free one."""
    if not (text.isascii() and text.isdigit()) or not int(text) <= 65535:
        raise UsageError(f"--port takes a number from 0 to 65535, not {text!r}.")
    return int(text)


def guarded(built: Dash, port: int) -> None:
    """Answer nobody but the page itself, and keep browsers from what it never does."""
    allowed = guard.policy(built.csp_hashes())
    server: flask.Flask = built.server

    @server.before_request
    def refuse() -> Any:
        why = guard.refusal(flask.request.method, dict(flask.request.headers), port)
        return flask.Response(why, 403, mimetype="text/plain") if why else None

    @server.after_request
    def protect(response: flask.Response) -> flask.Response:
        response.headers.update(guard.HEADERS)
        response.headers["Content-Security-Policy"] = allowed
        return response
