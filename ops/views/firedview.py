"""How alerts look: as a list, and as a line beside something else."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ops.alerting import fired, muting
from ops.alerting.fired import Alert
from ops.alerting.muting import Mute
from ops.hints import led
from ops.times import length
from ops.views import render

if TYPE_CHECKING:
    from rich.text import Text

    from ops.alerting.answering import Answer
    from ops.alerting.listing import Listing

SEVERITIES = {0: "bold white on red", 1: "bold red", 2: "yellow", 3: "cyan", 4: "dim"}
COLUMNS = ("rule", "on", "value", "since")
GAP = 2  # between two columns
DETAIL = 5  # columns to the left of what is told of an alert


def listing(found: "Listing") -> None:
    """What is fired with what to do about it, then a line for each that is over."""
    from rich.text import Text

    out = render.console()
    out.print(_head(found), soft_wrap=True)
    rows = [_cells(each, found) for each in found.alerts]
    widths = [max(map(len, each)) for each in zip(COLUMNS, *rows, strict=True)]
    if rows:
        titles = "".join(_padded(COLUMNS, widths))
        out.print(Text(f"\nsev  {titles}state", style="dim"), soft_wrap=True)
    for alert, row in zip(found.alerts, rows, strict=True):
        for line in _alert(alert, _padded(row, widths), found):
            out.print(line, soft_wrap=True)
    if found.mutes and not (found.alerts and found.alerts[-1].fired):
        out.print()
    for mute in found.mutes:
        out.print(Text(f"muted  {told(mute, found.now)}", style="dim"), soft_wrap=True)


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
        render.note(f"{summary(firing)}: {led('invoke alerts.list')}")


def summary(firing: list[Alert]) -> str:
    """`2 alerts fired: errors on green (12.4% over 5%), latency on blue`."""
    count = "1 alert" if len(firing) == 1 else f"{len(firing)} alerts"
    named = ", ".join(_short(each) for each in firing[:3])
    more = f" and {len(firing) - 3} more" if len(firing) > 3 else ""
    return f"{count} fired: {render.clean(named)}{more}"


def line(alert: Alert, mutes: Iterable[Mute], now: datetime, width: int) -> "Text":
    """One line of a live screen, cut where the terminal ends."""
    from rich.text import Text

    silent = _silence(alert, list(mutes), now)
    parts = (
        f"{alert.rule} on {alert.subject}",
        alert.measured,
        f"since {_since(alert, now)}",
        _state(alert),
        silent,
    )
    told = " ".join("  ".join(filter(None, parts)).split("\n"))
    label = f"sev {alert.severity}"
    return Text.assemble(
        (label, SEVERITIES.get(alert.severity, "")),
        ("  " + render.clean(told), "dim" if silent else ""),
        no_wrap=True,
        overflow="ellipsis",
    )[: width - 1]


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


def _alert(alert: Alert, cells: list[str], found: "Listing") -> "list[Text]":
    """What it is about; of one that is fired also what to read and to type."""
    from rich.text import Text

    rule, *others = cells
    if alert.resolved or not alert.fired:
        ended = _at(alert.resolved or alert.started, found.now)
        over = Text(f" {alert.severity}   ", style="dim")
        over.append(rule + "".join(others)).append("resolved ", "green").append(ended)
        return [over]
    new = alert.state == fired.NEW
    first = Text.assemble(
        (f" {alert.severity} ", SEVERITIES.get(alert.severity, "")),
        "  ",
        (rule, "bold"),
        "".join(others),
        (alert.state, "bold" if new else ""),
    )
    return [first, *_details(alert, found), Text("")]


def _details(alert: Alert, found: "Listing") -> "list[Text]":
    from rich.text import Text

    silent = _silence(alert, found.mutes, found.now)
    take = led(f"invoke alerts.ack {alert.id[:8]}") if alert.state == fired.NEW else ""
    told = (
        (_state(alert) if alert.by else "", "green"),
        (silent, "yellow"),
        (alert.summary, ""),
        (f"runbook {alert.runbook}" if alert.runbook else "", "dim"),
        (f"try: {alert.next}" if alert.next else "", "cyan"),
        (f"try: {take}" if take else "", "cyan"),
    )
    pad = " " * DETAIL
    return [Text(pad + _one_line(text), style=style) for text, style in told if text]


def _cells(alert: Alert, found: "Listing") -> tuple[str, ...]:
    """What stands in each of COLUMNS."""
    until = found.now if alert.fired else alert.resolved or alert.started
    since = f"{_at(alert.started, found.now)} ({length(until - alert.started)})"
    cells = (alert.rule, _on(alert, found), alert.measured or "-", since)
    return tuple(map(_one_line, cells))


def _padded(cells: Sequence[str], widths: list[int]) -> list[str]:
    return [f"{c:<{width + GAP}}" for c, width in zip(cells, widths, strict=True)]


def _one_line(text: str) -> str:
    return " ".join(render.clean(text).split())


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


def told(mute: Mute, now: datetime) -> str:
    """`timeouts until 18:24:52 (9m 50s) by ana@desk: load test`."""
    left = length(mute.until - now)
    until = f"until {_at(mute.until, now)} ({left})"
    return render.clean(f"{mute.what} {until} by {mute.who}: {mute.reason}")
