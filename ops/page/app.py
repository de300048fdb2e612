"""The page as an application: what it shows at first, and what renews that."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import flask
from dash import ALL, MATCH, Dash, Input, Output, State, ctx, no_update, set_props
from dash.exceptions import PreventUpdate

from ops.boards.model import Dashboard, Panel
from ops.errors import OpsError
from ops.page import (
    controls,
    drawing,
    layout,
    markup,
    panels,
    steering,
    tables,
    top,
    view,
    wanted,
)
from ops.page.controls import Hands
from ops.page.looks import Looks

ASSETS = Path(__file__).parent / "assets"
LAYOUT = "/_dash-layout"
FIRST_SECONDS = 0.3  # what is not read by then is shown later


class Prepared(Dash):
    """An application whose page shows its facts before the library's scripts run."""

    def interpolate_index(self, *_: Any, **parts: Any) -> Any:
        entry = layout.ENTRY.format(markup.written(self.layout()))
        parts["app_entry"] = entry
        return super().interpolate_index(**parts)  # type: ignore[no-untyped-call]


def build(looks: Looks, boards: Mapping[str, Dashboard], hands: Hands) -> Dash:
    """The application: its pages, what renews them, and where commands are sent."""
    app = Prepared(
        __name__,
        title=f"{looks.endpoint} on {looks.stage.name}",
        assets_folder=str(ASSETS),
        assets_ignore=r"page\.js",  # it comes first: see INDEX
        index_string=layout.INDEX,
        serve_locally=True,
        use_async=False,  # whatever else is installed
        suppress_callback_exceptions=True,  # panels come and go with the dashboard
        update_title="",
    )
    app.layout = _whole(looks, boards, hands)
    _header(app, looks, hands)
    _board(app, looks, boards)
    _routes(app.server, hands)
    return app


def _whole(
    looks: Looks, boards: Mapping[str, Dashboard], hands: Hands
) -> Callable[[], Any]:
    """The page of the address that is asked for, with what can be read at once."""

    def whole() -> Any:
        path, search = _address()
        if path == "/":
            with suppress(OpsError):  # the page says what is wrong with it
                looks.ahead(view.parse(search, boards, looks.now()), FIRST_SECONDS)
        first = flask.request.path != LAYOUT
        header = looks.glance() if first else looks.header()
        return layout.whole(looks, boards, hands, header, path, search)

    return whole


def _address() -> tuple[str, str]:
    """What the browser shows: path and search, of a page or of one that is there."""
    request = flask.request
    asked = request.referrer if request.path == LAYOUT else request.url
    there = urlsplit(asked or "")
    return there.path, f"?{there.query}" if there.query else ""


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
        Output("page", "children"),
        Output("page", "data-address"),
        Input("url", "pathname"),
        Input("url", "search"),
        State("page", "data-address"),
    )
    def show(path: str, search: str | None, there: str) -> Any:
        if there == f"{path}{search or ''}":
            return no_update, no_update
        shown = layout.page(looks, boards, looks.header(), path, search or "")
        return shown, f"{path}{search or ''}"

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
        point = _point(clicked)
        if not isinstance(ctx.triggered_id, dict) or "customdata" not in point:
            return no_update
        panel = known[ctx.triggered_id["chart"]]
        if panel.kind != "timeseries":  # a bar knows where it leads
            return point["customdata"] or no_update
        shown = view.parse(search or "", boards, looks.now())
        grain = shown.window(looks.now()).grain
        try:
            at, value = drawing.clicked(point)
        except (KeyError, TypeError, ValueError):
            flask.abort(400, "That is no point of a chart.")
        by = str(point["customdata"])
        return wanted.behind(panel, at, value, by, grain, shown.query)


def _point(clicked: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The first point of a click; one without anything where there is none."""
    points = (clicked or {}).get("points")
    first = points[0] if isinstance(points, list) and points else None
    return first if isinstance(first, dict) else {}


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
