"""How alerts look: as a list, and as a line beside something else."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from ops.alerting import fired, muting
from ops.alerting.fired import Alert
from ops.alerting.muting import Mute
from ops.times import length
from ops.views import render

if TYPE_CHECKING:
    from rich.text import Text

    from ops.alerting.answering import Answer
    from ops.alerting.listing import Listing

SEVERITIES = {0: "bold white on red", 1: "bold red", 2: "yellow", 3: "cyan", 4: "dim"}
WIDTHS = {"rule": 18, "on": 16, "value": 24, "since": 20}  # 100 columns with the rest
DETAIL = 5  # columns to the left of what is told of an alert


def listing(found: "Listing") -> None:
    """What is fired with what to do about it, then a line for each that is over."""
    from rich.text import Text

    out = render.console()
    out.print(_head(found), soft_wrap=True)
    firing = [each for each in found.alerts if each.fired]
    over = [each for each in found.alerts if not each.fired]
    if found.alerts:
        titles = "sev  " + "".join(_cell(name, name) for name in WIDTHS)
        out.print(Text(f"\n{titles}state", style="dim"), soft_wrap=True)
    for each in firing:
        for line in _fired(each, found):
            out.print(line, soft_wrap=True)
    for each in over:
        out.print(_resolved(each, found), soft_wrap=True)
    if found.mutes:
        out.print()
    for mute in found.mutes:
        out.print(Text(f"muted  {_told(mute, found.now)}", style="dim"), soft_wrap=True)


def answers(answers: "Iterable[Answer]") -> None:
    """`acknowledged  errors on green (1a2b3c4d), was new`."""
    for each in answers:
        alert = each.alert
        whose = f"{alert.rule} on {alert.subject} ({alert.id[:8]})"
        if not each.changed:
            said = f"{whose} is {each.state} already" + (
                f", by {alert.by}" if alert.by else ""
            )
        elif each.done:
            said = f"{each.state}  {whose}, was {alert.state}"
        else:
            said = f"{whose} would be {each.state}, is {alert.state}"
        render.line(render.clean(said))


def muted(mute: Mute, *, dry_run: bool) -> None:
    would = "would tell nobody" if dry_run else "tells nobody"
    render.line(
        f"{mute.endpoint}: {mute.what} {would} until {mute.until:%F %T} UTC; "
        "alerts.list still shows what fires"
    )


def unmuted(mutes: "Iterable[Mute]", *, dry_run: bool) -> None:
    would = "would be told again" if dry_run else "is told again"
    for each in mutes:
        render.line(f"{each.endpoint}: {each.what} {would} ({each.reason})")


def mention(alerts: list[Alert]) -> None:
    """A line beside a status; nothing where nothing is fired."""
    firing = [each for each in alerts if each.fired]
    if firing:
        render.note(f"{summary(firing)}: invoke alerts.list")


def summary(firing: list[Alert]) -> str:
    """`2 alerts fired: errors on green (12.4% over 5%), latency on blue`."""
    count = "1 alert" if len(firing) == 1 else f"{len(firing)} alerts"
    named = ", ".join(_short(each) for each in firing[:3])
    more = f" and {len(firing) - 3} more" if len(firing) > 3 else ""
    return f"{count} fired: {render.clean(named)}{more}"


def line(alert: Alert, mutes: Iterable[Mute], now: datetime) -> "Text":
    """One line of a live screen."""
    from rich.text import Text

    told = f"  {alert.measured}  since {_since(alert, now)}  {_state(alert)}"
    silent = _silence(alert, list(mutes), now)
    return Text.assemble(
        (f"sev {alert.severity}", SEVERITIES.get(alert.severity, "")),
        f"  {render.clean(alert.rule)} on {render.clean(alert.subject)}",
        render.clean(told),
        (f"  {render.clean(silent)}" if silent else "", "dim"),
        no_wrap=True,
        overflow="ellipsis",
    )


def _head(found: "Listing") -> "Text":
    from rich.text import Text

    firing = [each for each in found.alerts if each.fired]
    new = sum(each.state == fired.NEW for each in firing)
    over = len(found.alerts) - len(firing)
    told = f"{len(firing)} fired" + (f" ({new} new)" if firing else "")
    return Text.assemble(
        (found.endpoint or "every endpoint", "bold"),
        f" on {found.stage}  ",
        (told, "bold red" if new else "yellow" if firing else "green"),
        f"  {over} resolved in the last {length(found.length)}",
        (f"  {found.now:%H:%M:%S} UTC", "dim"),
    )


def _fired(alert: Alert, found: "Listing") -> "list[Text]":
    """The alert, what it is about, what to read and to type."""
    from rich.text import Text

    style = SEVERITIES.get(alert.severity, "")
    first = Text.assemble(
        (f" {alert.severity} ", style),
        "  ",
        (_cell("rule", alert.rule), "bold"),
        _cells(alert, _on(alert, found), _since(alert, found.now)),
        (alert.state, "bold" if alert.state == fired.NEW else ""),
    )
    pad = " " * DETAIL
    lines = [first]
    if alert.by:
        lines.append(Text(f"{pad}{render.clean(_state(alert))}", style="green"))
    if silent := _silence(alert, found.mutes, found.now):
        lines.append(Text(f"{pad}{render.clean(silent)}", style="yellow"))
    if alert.summary:
        lines.append(Text(pad + " ".join(render.clean(alert.summary).split())))
    if alert.runbook:
        lines.append(Text(f"{pad}runbook {render.clean(alert.runbook)}", style="dim"))
    take = f"invoke alerts.ack {alert.id[:8]}" if alert.state == fired.NEW else ""
    for each in filter(None, (alert.next, take)):
        lines.append(Text(f"{pad}try: {render.clean(each)}", style="cyan"))
    return [*lines, Text("")]


def _resolved(alert: Alert, found: "Listing") -> "Text":
    from rich.text import Text

    ended = alert.resolved or alert.started
    lasted = length(ended - alert.started)
    return Text.assemble(
        (f" {alert.severity} ", "dim"),
        "  ",
        _cell("rule", alert.rule),
        _cells(alert, _on(alert, found), f"{_at(alert.started, found.now)} ({lasted})"),
        ("resolved ", "green"),
        _at(ended, found.now),
    )


def _cells(alert: Alert, where: str, since: str) -> str:
    return (
        _cell("on", where)
        + _cell("value", alert.measured or "-")
        + _cell("since", since)
    )


def _cell(column: str, text: str) -> str:
    """Padded to its column; what is longer pushes the others, and is not cut."""
    return f"{' '.join(render.clean(text).split()):<{WIDTHS[column] - 1}} "


def _on(alert: Alert, found: "Listing") -> str:
    if found.endpoint or alert.subject == alert.endpoint:
        return alert.subject
    return f"{alert.endpoint}/{alert.subject}"


def _since(alert: Alert, now: datetime) -> str:
    return f"{_at(alert.started, now)} ({length(now - alert.started)})"


def _at(moment: datetime, now: datetime) -> str:
    """A time of day for today, else the day too; UTC."""
    today = moment.date() == now.date()
    return moment.strftime("%H:%M:%S" if today else "%m-%d %H:%M")


def _state(alert: Alert) -> str:
    return f"{alert.state} by {alert.by}" if alert.by else alert.state


def _silence(alert: Alert, mutes: list[Mute], now: datetime) -> str:
    """Why nobody is told of it, or was."""
    if mute := muting.covering(mutes, alert, now):
        return f"muted until {_at(mute.until, now)} by {mute.who}: {mute.reason}"
    return "it fired while muted: nobody was told" if alert.muted else ""


def _short(alert: Alert) -> str:
    value = f" ({alert.measured})" if alert.measured else ""
    return f"{alert.rule} on {alert.subject}{value}"


def _told(mute: Mute, now: datetime) -> str:
    left = length(mute.until - now)
    until = f"until {_at(mute.until, now)} ({left})"
    return render.clean(f"{mute.what} {until} by {mute.who}: {mute.reason}")
