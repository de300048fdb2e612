"""Serves the page on loopback until Ctrl-C."""

import logging
import secrets
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from typing import Any

import flask
import waitress
from dash import ALL, MATCH, Dash, Input, Output, State, ctx, no_update, set_props
from dash.exceptions import PreventUpdate
from waitress import wasyncore

from ops.boards import boardfile, running
from ops.boards.model import Dashboard, Panel
from ops.errors import OpsError, Refused, UsageError
from ops.page import (
    controls,
    drawing,
    guard,
    layout,
    panels,
    steering,
    tables,
    top,
    view,
    wanted,
)
from ops.page.controls import Hands
from ops.page.looks import Looks
from ops.verbs import Call

HOST = "127.0.0.1"
ASSETS = Path(__file__).parent / "assets"
THREADS = 8
LARGEST_REQUEST, LARGEST_ANSWER = 2**20, 2**24


class Page:
    """The server, before it serves: its port is known."""

    def __init__(
        self, looks: Looks, boards: Mapping[str, Dashboard], port: int, token: str = ""
    ) -> None:
        """Without a token it lets nothing be changed."""
        self._looks = looks
        self._token = token
        self._sockets: dict[int, Any] = {}
        app = build(looks, boards, Hands(looks, token))
        try:
            self._server = waitress.create_server(
                app.server,
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
        guarded(app, self.port)

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
        Thread(target=looks.header, daemon=True).start()  # the first is slowest
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


def build(looks: Looks, boards: Mapping[str, Dashboard], hands: Hands) -> Dash:
    """The application: its pages, what renews them, and where commands are sent."""
    app = Dash(
        __name__,
        title=f"{looks.endpoint} on {looks.stage.name}",
        assets_folder=str(ASSETS),
        index_string=layout.INDEX,
        serve_locally=True,
        use_async=False,  # whatever else is installed
        suppress_callback_exceptions=True,  # panels come and go with the dashboard
        update_title="",
    )
    app.layout = lambda: layout.whole(looks, hands)
    _header(app, looks, hands)
    _board(app, looks, boards)
    _routes(app.server, hands)
    return app


def guarded(app: Dash, port: int) -> None:
    """Answer nobody but the page itself, and keep browsers from what it never does."""
    allowed = guard.policy(app.csp_hashes())
    server: flask.Flask = app.server

    @server.before_request
    def refuse() -> Any:
        why = guard.refusal(flask.request.method, dict(flask.request.headers), port)
        return flask.Response(why, 403, mimetype="text/plain") if why else None

    @server.after_request
    def protect(response: flask.Response) -> flask.Response:
        response.headers.update(guard.HEADERS)
        response.headers["Content-Security-Policy"] = allowed
        return response


def _header(app: Dash, looks: Looks, hands: Hands) -> None:
    @app.callback(
        Output("facts", "children"),
        Output("banner", "children"),
        Output("state", "children"),
        Output("clock", "children"),
        Output("deed", "children"),
        *(Output({"command": each}, "disabled") for each in controls.COMMANDS),
        Input("pulse", "n_intervals"),
    )
    def renew(_: Any) -> tuple[Any, ...]:
        found = looks.header()
        return (
            top.facts(found),
            top.banner(found),
            top.sentence(found),
            top.clock(found),
            steering.deed(found, hands),
            *steering.disabled(found, hands),
        )


def _board(app: Dash, looks: Looks, boards: Mapping[str, Dashboard]) -> None:
    known = {each.id: each for board in boards.values() for each in board.panels()}

    @app.callback(
        Output("page", "children"), Input("url", "pathname"), Input("url", "search")
    )
    def show(path: str, search: str | None) -> Any:
        return layout.page(looks, boards, path, search or "")

    def texts(kind: str) -> list[Output]:
        named = {kind: MATCH}
        return [
            Output({**named, "part": "tables"}, "data-tables"),
            Output({**named, "part": "beside"}, "children"),
            Output({**named, "part": "said"}, "children"),
            Output({**named, "part": "panel"}, "data-state"),
            Output({**named, "part": "panel"}, "data-stamp"),
        ]

    def asked(kind: str) -> list[Input | State]:
        panel = {kind: MATCH, "part": "panel"}
        return [
            Input("tick", "n_intervals"),
            State(panel, "id"),
            State(panel, "data-stamp"),
            State("url", "search"),
        ]

    @app.callback(
        *texts("chart"),
        Output({"chart": MATCH, "part": "frame"}, "children"),
        Output({"chart": MATCH, "part": "frame"}, "className"),
        Output({"chart": MATCH, "part": "frame"}, "hidden"),
        *asked("chart"),
        State({"chart": MATCH, "part": "frame"}, "className"),
    )
    def draw(
        _: Any, id: dict[str, str], stamp: str, search: str | None, frame: str
    ) -> Any:
        panel = known[id["chart"]]
        found = _shown(looks, boards, panel, search)
        said = _texts(found, stamp)
        if found.figure is None:
            return (*said, no_update, no_update, True)
        if frame == panels.DRAWN:  # to put another in its place would draw it anew
            set_props(panels.part(panel, "figure"), {"figure": found.figure})
            return (*said, no_update, no_update, False)
        return (*said, panels.graph(panel, found.figure), panels.DRAWN, False)

    @app.callback(*texts("plain"), *asked("plain"))
    def tell(_: Any, id: dict[str, str], stamp: str, search: str | None) -> Any:
        panel = known[id["plain"]]
        return _texts(_shown(looks, boards, panel, search), stamp)

    @app.callback(
        Output("url", "href"),
        Input({"chart": ALL, "part": "figure"}, "clickData"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def drill(clicks: list[Any], search: str | None) -> Any:
        clicked = ctx.triggered[0]["value"] if ctx.triggered else None
        point = (clicked or {}).get("points", [{}])[0]
        if not isinstance(ctx.triggered_id, dict) or "customdata" not in point:
            return no_update
        panel = known[ctx.triggered_id["chart"]]
        shown = view.parse(search or "", boards, looks.now())
        grain = shown.window(looks.now()).grain
        at, value = drawing.clicked(point)
        by = str(point["customdata"])
        return wanted.behind(panel, at, value, by, grain, shown.query)


def _texts(found: panels.Shown, stamp: str) -> tuple[Any, ...]:
    """What changes in a panel: what stays keeps its place, and the keyboard's."""
    if found.stamp == stamp:
        return (no_update,) * 5
    grids = tables.written(found.grids)
    return grids, found.beside, found.said, found.state, found.stamp


def _shown(
    looks: Looks, boards: Mapping[str, Dashboard], panel: Panel, search: str | None
) -> panels.Shown:
    """What stands in a panel of an address; none is asked for where that is wrong."""
    try:
        shown = view.parse(search or "", boards, looks.now())
    except OpsError:
        raise PreventUpdate from None
    found = looks.panel(panel, shown)
    marks = looks.marks(shown) if panel.kind == "timeseries" else []
    return panels.shown(panel, found, looks.endpoint, marks, looks.now(), shown.query)


def _routes(server: flask.Flask, hands: Hands) -> None:
    @server.get("/alive")
    def alive() -> Any:
        return flask.Response("", 204)

    @server.post("/rollout")
    def command() -> Any:
        form = flask.request.form
        why = hands.refusal(form) or hands.begin(form["command"], form["reason"])
        if why:
            return flask.Response(f"Not done: {why}", 403, mimetype="text/plain")
        return flask.redirect("/?board=rollout", code=303)
