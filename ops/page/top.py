"""What stands above the panels: traffic, the rollout, alerts that are fired."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from dash import html

from ops.alerting.fired import Alert
from ops.endpoints import Endpoint
from ops.page import palette, words
from ops.page.looks import Header
from ops.rollouts import rolloutview, standing
from ops.rollouts.following import Status
from ops.rollouts.standing import Standing

MOST_ALERTS = 5


def facts(header: Header) -> list[Any]:
    """The endpoint at a glance."""
    if header.endpoint is None:
        return [html.P("reading…" if not header.trouble else "", className="quiet")]
    return [
        _traffic(header.endpoint),
        _rollout(header.rollout, header.looked),
        _alerts(header.alerts, header.looked),
        *(html.P(each, className="quiet") for each in header.notes),
    ]


def clock(header: Header) -> Any:
    """When it was looked at last."""
    at = header.fresh or header.looked
    return [moment(at, header.looked), " UTC"]


def banner(header: Header) -> list[Any]:
    """Why what is shown is not fresh; nothing where it is."""
    if not header.trouble:
        return []
    since = ""
    if header.fresh:
        since = f" What is shown is of {words.moment(header.fresh, header.looked)} UTC."
    trouble = header.trouble.rstrip(".")
    return [html.Strong("Not up to date: "), f"{trouble}.{since} Asking again."]


def sentence(header: Header) -> str:
    """The state of it all, for a screen reader to say whenever it changes."""
    if header.trouble:
        return f"Not up to date: {header.trouble}"
    if header.endpoint is None:
        return ""
    here = header.rollout.here if header.rollout else None
    rolling = f"Rollout of {here.canary} {here.state}. " if here else ""
    count = len(header.alerts)
    alerts = "no alert" if not count else "1 alert" if count == 1 else f"{count} alerts"
    shares = ", ".join(f"{n} {s}%" for n, s in header.endpoint.traffic.items())
    return f"Traffic {shares or 'none'}. {rolling}{alerts} fired."


def _traffic(endpoint: Endpoint) -> Any:
    """The weights as a bar and in words, and what each deployment is."""
    colour = palette.colours(endpoint.deployments)
    parts = [
        html.Span(
            f"{name} {share}%" if share >= 12 else "",
            style={"width": f"{share}%", "background": colour.get(name, palette.MARK)},
        )
        for name, share in endpoint.traffic.items()
    ]
    listed = [
        html.Li(
            [
                _swatch(colour[name]),
                html.B(name),
                f" {endpoint.traffic.get(name, 0)}%"
                + (f", mirror {m}%" if (m := endpoint.mirror.get(name)) else ""),
                html.Span(
                    _condition(each.state, each.instances),
                    className="quiet" if each.state == "Succeeded" else "uneasy",
                ),
            ],
            className="bad" if each.state == "Failed" else "",
        )
        for name, each in sorted(endpoint.deployments.items())
    ]
    bar = html.Div(parts, className="split", **words.aria("hidden", "true"))
    inside = [html.H2("Traffic"), bar, html.Ul(listed, className="deployments")]
    if not endpoint.traffic:
        inside.append(html.P("no deployment has traffic", className="uneasy"))
    return html.Section(inside, className="fact traffic")


def _condition(state: str, instances: int) -> str:
    count = "1 instance" if instances == 1 else f"{instances} instances"
    return f" {count}" + ("" if state == "Succeeded" else f", {state}")


def _rollout(found: Status | None, now: datetime) -> Any:
    """Where the rollout stands, and what was decided last."""
    here = found.here if found else None
    if found is None or here is None:
        inside: list[Any] = [html.P("none has been begun", className="quiet")]
    else:
        verb = "takes over from" if here.active else "in place of"
        said = f"{here.canary} {verb} {here.stable}: "
        state = html.Strong(here.state, className=_mood(here, now))
        inside = [html.P([said, state, f" by {standing.whose(here.by)}"])]
        if here.active:
            inside += _under_way(found, here, now)
        else:
            inside.append(_step(here, now))
    return html.Section([html.H2("Rollout"), *inside], className="fact")


def _under_way(found: Status, here: Standing, now: datetime) -> Iterable[Any]:
    steps = [
        html.Li(
            [text, html.Span(" (now)", className="hidden")] if i == here.step else text,
            className="now" if i == here.step else "",
        )
        for i, text in enumerate(found.steps)
    ]
    if steps:
        yield html.Ol(steps, className="steps")
    runs = standing.runs(here, now)
    yield html.P(
        rolloutview.seen_to(here, now), className="quiet" if runs else "uneasy"
    )
    if found.decision:
        action = found.decision.action.replace("_", " ")
        yield html.P([html.B(action), f": {found.decision.reason}"])


def _mood(here: Standing, now: datetime) -> str:
    if here.active and not standing.runs(here, now):
        return "uneasy"
    return words.mood(here.state) or ("good" if here.state != "aborted" else "")


def _step(here: Standing, now: datetime) -> Any:
    """How far it had got when it ended."""
    began = moment(here.since, now)
    return html.P([f"step {here.step + 1} began ", began, " UTC"], className="quiet")


def _alerts(alerts: Iterable[Alert], now: datetime) -> Any:
    """Those that are fired, the gravest first."""
    found = list(alerts)
    listed = [
        html.Li(
            [
                html.Strong(f"Sev{each.severity} {each.rule}", className="bad"),
                f" on {each.subject} since ",
                moment(each.started, now),
                f": {each.measured or each.summary or 'fired'}",
                f" ({each.state})" if each.state != "new" else "",
                html.Span(" muted", className="quiet") if each.muted else "",
            ]
        )
        for each in found[:MOST_ALERTS]
    ]
    inside: Any = html.Ul(listed) if found else html.P("none fired", className="good")
    more = len(found) - MOST_ALERTS
    left = [html.P(f"and {more} more", className="bad")] if more > 0 else []
    title = f"Alerts ({len(found)})" if found else "Alerts"
    return html.Section([html.H2(title), inside, *left], className="fact")


def moment(at: datetime, now: datetime) -> Any:
    return html.Time(words.moment(at, now), dateTime=at.isoformat())


def _swatch(colour: str) -> Any:
    return html.Span(className="swatch", style={"background": colour})
