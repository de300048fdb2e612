"""The page as a whole: what stays, and what an address shows below it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from dash import dcc, html

from ops.boards.model import WIDE, Dashboard, Panel
from ops.errors import OpsError
from ops.page import lines, panels, steering, top, view, words
from ops.page.controls import Hands
from ops.page.looks import Header, Looks
from ops.page.panels import Shown
from ops.page.view import RANGES, View

INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
{%metas%}
<meta name="color-scheme" content="light dark">
<title>{%title%}</title>
{%favicon%}
{%css%}
</head>
<body>
<p id="lost" role="alert" hidden>This page's own server does not answer: what is shown
is old. Start <code>invoke dashboard</code> again, or wait.</p>
<noscript>This page draws its charts with JavaScript; <code>invoke watch</code> needs
none.</noscript>
{%app_entry%}
<script src="/assets/page.js"></script>
<footer>{%config%}{%scripts%}{%renderer%}</footer>
</body>
</html>"""
ENTRY = '<div id="react-entry-point"><div class="first">{}</div></div>'
Link = tuple[str, str, str]
"""What is written on it, where it leads, and what it is known by."""
PULSE_SECONDS = {True: 3, False: 15}
"""How often the header is renewed, on localcloud and on Azure."""


def whole(
    looks: Looks,
    boards: Mapping[str, Dashboard],
    hands: Hands,
    header: Header,
    path: str,
    search: str,
) -> Any:
    """What stays while one looks at this and that, and what an address shows."""
    there: dict[str, Any] = {}
    if path == "/":  # log lines are read when they are asked for
        there = {
            "children": page(looks, boards, header, path, search),
            "data-address": f"{path}{search}",
        }
    pulse = PULSE_SECONDS[looks.stage.local] * 1000
    return html.Div(
        [
            dcc.Location(id="url", refresh="callback-nav"),
            dcc.Interval(id="pulse", interval=pulse),
            html.A("Skip to the panels", href="#panels", className="skip"),
            html.P(top.sentence(header), id="state", role="status", className="hidden"),
            html.Div(top.banner(header), id="banner", role="alert"),
            html.Header(
                [
                    html.Div(
                        [
                            html.H1(looks.endpoint),
                            html.Span(f"on {looks.stage.name}", className="quiet"),
                            html.Span(
                                ["as of ", html.Span(top.clock(header), id="clock")],
                                className="quiet clock",
                            ),
                        ],
                        className="name",
                    ),
                    html.Div(top.facts(header), id="facts", className="facts"),
                    steering.form(looks, hands),
                ]
            ),
            html.Div(id="page", **there),
        ]
    )


def page(
    looks: Looks,
    boards: Mapping[str, Dashboard],
    header: Header,
    path: str,
    search: str,
) -> list[Any]:
    """What an address shows."""
    try:
        if path == "/logs":
            return [_main(lines.page(looks, search))]
        shown = view.parse(search, boards, looks.now())
        choices = _choices(header, boards, shown, looks.now())
        return [choices, _main(_board(looks, shown))]
    except OpsError as error:
        problem = html.Pre(error.problem, className="problem", role="alert")
        usual = dcc.Link("Show the usual view", href="/")
        return [_main([html.H2("That address can't be shown"), problem, usual])]


def _main(inside: Any) -> Any:
    return html.Main(inside, id="panels", tabIndex="-1")


def _board(looks: Looks, shown: View) -> list[Any]:
    board = shown.board
    interval = board.variables.refresh.total_seconds() * 1000
    found: list[Any] = [
        dcc.Interval(id="tick", interval=interval, disabled=not shown.range),
        html.H2(board.title),
        html.P(board.about, className="quiet"),
    ]
    for row in board.rows:
        inside = [
            panels.shell(each, width, _there(looks, each, shown))
            for each, width in filled(row.panels)
        ]
        if row.title:
            found.append(html.H3(row.title, className="row"))
        found.append(html.Div(inside, className="grid"))
    return found


def _there(looks: Looks, panel: Panel, shown: View) -> Shown | None:
    """What stands in a panel, if it is read already; its chart comes later."""
    found, now = looks.there(panel, shown), looks.now()
    if found is None:
        return None
    return panels.shown(panel, found, looks.endpoint, [], now, shown.query)


def filled(row: Sequence[Panel]) -> list[tuple[Panel, int]]:
    """Panels with their widths; the last one of a line takes what is left of it."""
    found: list[tuple[Panel, int]] = []
    used = 0
    for panel in row:
        if used + panel.width > WIDE:
            last, width = found[-1]
            found[-1] = (last, width + WIDE - used)
            used = 0
        found.append((panel, panel.width))
        used += panel.width
    if found:
        last, width = found[-1]
        found[-1] = (last, width + WIDE - used)
    return found


def _choices(
    header: Header, boards: Mapping[str, Dashboard], shown: View, now: datetime
) -> Any:
    """Dashboards, times and deployments: links, so that each view has an address."""
    first = sorted(boards.values(), key=lambda each: each.name != view.FIRST)
    which: list[Link] = [
        (each.title, replace(shown, board=each).address, each.name) for each in first
    ]
    times: list[Link] = [(each, shown.over(each).address, each) for each in RANGES]
    held = shown.between(shown.window(now))
    if shown.range:
        times.append(("hold", held.address, ""))
    else:
        span = f"held at {held.since:%d %b %H:%M} to {held.until:%d %b %H:%M}"
        times.append((span, held.address, ""))
    there = sorted(header.endpoint.deployments) if header.endpoint else []
    chosen = set(shown.deployments or there)
    names: list[Link] = [(e, shown.toggled(e, there).address, e) for e in there]
    return html.Div(
        [
            _choice("Dashboards", which, {shown.board.name}),
            _choice("Time", times, {shown.range}),
            _choice("Deployments", names, chosen) if len(there) > 1 else "",
        ],
        className="choices",
    )


def _choice(label: str, links: Sequence[Link], chosen: Collection[str]) -> Any:
    items = [
        html.Li(
            dcc.Link(
                [title, html.Span(" (shown)", className="hidden")]
                if key in chosen
                else title,
                href=address,
                className="on" if key in chosen else "",
            )
        )
        for title, address, key in links
    ]
    return html.Nav(
        [html.Span(label, className="label"), html.Ul(items)],
        className="choice",
        **words.aria("label", label),
    )
