"""Serves the page on loopback until Ctrl-C."""

import logging
import secrets
import traceback
from collections.abc import Collection, Mapping
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import flask
import waitress
from dash import Dash
from waitress import wasyncore
from werkzeug.exceptions import HTTPException

from ops.boards import boardfile, running
from ops.boards.model import Dashboard
from ops.errors import Refused, UsageError
from ops.hints import hint
from ops.page import app, guard, updates, view
from ops.page.controls import Hands
from ops.page.looks import Looks
from ops.verbs import Call

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
THREADS = 8
LARGEST_REQUEST, LARGEST_ANSWER = 2**20, 2**24


class Page:
    """The server, before it serves: its port is known."""

    def __init__(
        self,
        looks: Looks,
        boards: Mapping[str, Dashboard],
        port: int,
        *,
        token: str = "",
        key: str = "",
    ) -> None:
        """Without a token it lets nothing be changed, without a key all may read it."""
        self._looks = looks
        self._boards = boards
        self._token, self._key = token, key
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
        names = {each.id for board in boards.values() for each in board.panels()}
        guarded(built, self.port, key, names)

    @property
    def address(self) -> str:
        """Where it is, with the key that opens it.

        The token is behind the #, which browsers send nowhere.
        """
        changes = f"#token={self._token}" if self._token else ""
        return guard.opened_by(self.url, self._key) + changes

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
        address = guard.opened_by(self.url, self._key)
        with running.noted(looks.stage.name, looks.endpoint, address):
            self._server.run()
        self._server.task_dispatcher.shutdown()  # what is in hand is answered

    def close(self) -> None:
        """From another thread: serve() returns within a second."""
        wasyncore.close_all(self._sockets, ignore_all=True)


def opened(call: Call, port: int, *, allow_changes: bool, to_all: bool) -> Page:
    """The page of a verb, about to serve; raise Refused where the port is taken."""
    token = secrets.token_urlsafe(24) if allow_changes else ""
    key = "" if to_all else secrets.token_urlsafe(24)
    looks = Looks(call.stage, call.endpoint, call.flags)
    return Page(looks, boardfile.load(), port, token=token, key=key)


def port(text: str) -> int:
    """What --port asks for; 0 is any free one."""
    if not (text.isascii() and text.isdigit()) or not int(text) <= 65535:
        raise UsageError(f"--port takes a number from 0 to 65535, not {text!r}.")
    return int(text)


def guarded(built: Dash, port: int, key: str, names: Collection[str]) -> None:
    """Answer nobody but the page itself, and keep browsers from what it never does.

    `names` are those of all panels.
    """
    allowed = guard.policy(built.csp_hashes())
    server: flask.Flask = built.server

    @server.before_request
    def refuse() -> Any:
        request = flask.request
        why = guard.refusal(request.method, dict(request.headers), port)
        if why:
            return plain(why, 403)
        if key and not guard.same(key, request.cookies.get(guard.cookie(port), "")):
            return let_in(key, port)
        return None

    @server.before_request
    def check() -> Any:
        request = flask.request
        if request.path != updates.PATH:
            return None
        try:
            known = built.callback_map
            updates.check(request.get_data(), request.mimetype, known, names)
        except updates.Senseless as why:
            return plain(f"Not an update of this page: {why}.", 400)
        return None

    @server.errorhandler(Exception)
    def failed(error: Exception) -> Any:
        if isinstance(error, HTTPException):
            return error
        *_, frame = traceback.extract_tb(error.__traceback__)
        what = f"{flask.request.method} {flask.request.path}"
        where = f"{Path(frame.filename).name}:{frame.lineno}"
        log.error("%s failed at %s: %r", what, where, error)
        return plain("The page has failed; its terminal says where.", 500)

    @server.after_request
    def protect(response: flask.Response) -> flask.Response:
        response.headers.update(guard.HEADERS)
        response.headers["Content-Security-Policy"] = allowed
        return response


def let_in(key: str, port: int) -> flask.Response:
    """Exchange the key in an address for a cookie, and take it out of the address."""
    request = flask.request
    if not guard.same(key, request.args.get("token", "")):
        return plain(f"Open the address that {hint('dashboard')} has printed.", 403)
    rest = [(k, v) for k, v in request.args.items(multi=True) if k != "token"]
    # A path of two slashes would lead to another host.
    path = "/" + request.path.lstrip("/")
    answer = flask.redirect(f"{path}?{urlencode(rest)}" if rest else path, code=303)
    name = guard.cookie(port)
    answer.set_cookie(name, key, httponly=True, samesite="Lax")
    answer.headers["Cache-Control"] = "no-store"
    return flask.Response(answer.get_data(), 303, answer.headers)


def plain(text: str, status: int) -> flask.Response:
    return flask.Response(text, status, mimetype="text/plain")
