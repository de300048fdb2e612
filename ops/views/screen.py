"""The screen of `invoke watch`, and how a diagnosis is printed."""

import textwrap
from datetime import datetime
from typing import TYPE_CHECKING

from ops.rollouts import rolloutview, standing
from ops.views import firedview, panels, render

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table
    from rich.text import Text

    from ops.autoscaling.actions import Event as Action
    from ops.diagnose import Diagnosis
    from ops.diagnosis.facts import Finding
    from ops.journal import Entry
    from ops.watch import Sight

INDENT = 17  # of what a finding tells
SEVERITIES = {"serious": "bold red", "warning": "yellow", "note": "cyan"}
ALARMING = ("BackOff", "LivenessProbeFailed", "ReadinessProbeFailed")
MOST_ALERTS, MOST_MUTES = 4, 2
LEAST_ROWS = 3  # of events and of changes
SPARE = 73  # columns that the numbers of a deployment take
TALL = 34  # lines from which there is room for charts


def watch(sight: "Sight", width: int, height: int) -> "Group":
    """All of it in exactly the terminal's size: what doesn't fit is left out."""
    from rich.console import Group

    parts: list[RenderableType] = [
        _head(sight, width),
        *_alerts(sight, width),
        *_rollout(sight, width),
    ]
    used = 1 + len(parts)
    if sight.endpoint and sight.metrics:
        parts.append(_deployments(sight, width))
        used += 2 + len(sight.endpoint.deployments)
        for note in sight.metrics.notes[:2]:
            parts.append(_line(f"note: {note}", "yellow", width))
            used += 1
        if height >= TALL and sight.metrics.points:
            tall = min(14, height - used - 2 * (LEAST_ROWS + 2))
            parts.append(panels.two_charts(sight.metrics, width, tall))
            used += tall + 1
    # What others wrote fills what is left, the events before the changes.
    room = max(height - used - 4, 2 * LEAST_ROWS)
    events = min(max(len(sight.events), 1), room - LEAST_ROWS)
    parts += ["", *_events(sight, width, events)]
    parts += ["", *_changes(sight, width, room - events)]
    return Group(*parts)


def findings(diagnosis: "Diagnosis") -> None:
    """Every finding with its evidence, its likely cause and the next command."""
    from rich.text import Text

    out = render.console()
    for reason in diagnosis.unread:
        text = Text.assemble(("not known  ", "yellow"), render.clean(reason))
        out.print(text, soft_wrap=True)
    for finding in diagnosis.findings:
        for each in _finding(finding, out.width):
            out.print(each, soft_wrap=True)
    if not diagnosis.findings and not diagnosis.unread:
        text = Text.assemble(("healthy", "green"), f"  {diagnosis.endpoint}: nothing ")
        out.print(text.append(f"found in {_length(diagnosis)}"))


def _finding(finding: "Finding", width: int) -> "list[Text]":
    """Wrapped between words, but for what is to be pasted."""
    from rich.text import Text

    style = SEVERITIES[finding.severity]
    lines = [Text.assemble((f"{finding.severity:<9}", style), (finding.title, "bold"))]
    lines += [_told("", _wrapped(each, width), "") for each in finding.evidence]
    if finding.cause:
        lines.append(_told("likely", _wrapped(finding.cause, width), "italic"))
    lines += [_told("try:", each, "cyan") for each in finding.next]
    return [*lines, Text("")]


def _told(label: str, text: str, style: str) -> "Text":
    from rich.text import Text

    return Text.assemble(" " * 9, (f"{label:<8}", "dim"), (render.clean(text), style))


def _wrapped(text: str, width: int) -> str:
    room = max(width - INDENT, 40)
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
    return ("\n" + " " * INDENT).join(lines)


def _length(diagnosis: "Diagnosis") -> str:
    minutes = (diagnosis.until - diagnosis.since).total_seconds() / 60
    return f"the last {minutes:.0f} minutes"


def _head(sight: "Sight", width: int) -> "RenderableType":
    from rich.text import Text

    if sight.trouble:
        return panels.no_answer(sight.looked, sight.fresh, sight.trouble, width)
    clock = f"{sight.looked:%H:%M:%S} UTC"
    state = sight.endpoint.state if sight.endpoint else "reading"
    minutes = f"{sight.metrics.window.minutes:g} min" if sight.metrics else ""
    return Text.assemble(
        (sight.endpoint_name, "bold"),
        f" on {sight.stage}  ",
        (state, render.STATES.get(state, "yellow")),
        f"  {clock}  last {minutes}  ",
        ("Ctrl-C leaves", "dim"),
        no_wrap=True,
    )


def _alerts(sight: "Sight", width: int) -> "list[Text]":
    """A line for each that is fired, the gravest first, and for what is muted."""
    shown = sight.alerts[:MOST_ALERTS]
    lines = [firedview.line(each, sight.mutes, sight.looked, width) for each in shown]
    if more := len(sight.alerts) - len(shown):
        lines.append(_line(f"{more} more alerts fired", "yellow", width))
    return lines + [
        _line(f"muted {firedview.told(each, sight.looked)}", "dim", width)
        for each in sight.mutes[:MOST_MUTES]
    ]


def _rollout(sight: "Sight", width: int) -> "list[Text]":
    """One line of a rollout that is under way."""
    here = standing.read(sight.endpoint.tags) if sight.endpoint else None
    if here is None or not here.active:
        return []
    said = (
        f"rollout of {here.canary} {here.state}, step {here.step + 1}, "
        f"{rolloutview.seen_to(here, sight.looked)}"
    )
    return [_line(said, "" if standing.runs(here, sight.looked) else "yellow", width)]


def _deployments(sight: "Sight", width: int) -> "Table":
    from rich.table import Table
    from rich.text import Text

    assert sight.endpoint is not None
    assert sight.metrics is not None
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in (
        "deployment",
        "weight",
        "state",
        "inst",
        "req/min",
        "errors",
        "p95 ms",
    ):
        right = title in ("weight", "inst", "req/min", "errors", "p95 ms")
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    table.add_column("CPU", justify="right", no_wrap=True)
    table.add_column("requests", no_wrap=True)
    by_name = {each.deployment: each for each in sight.metrics.deployments}
    for name, live in sorted(sight.endpoint.deployments.items()):
        each = by_name[name]
        points = panels.history(sight.metrics, name)
        running = live.instances if each.instances is None else each.instances
        table.add_row(
            panels.name(name),
            _weight(sight.endpoint.traffic.get(name), sight.endpoint.mirror.get(name)),
            Text(live.state, style=render.STATES.get(live.state, "yellow")),
            str(running)
            if running == live.instances
            else Text(f"{running}/{live.instances}", style="yellow"),
            f"{each.per_minute:,.1f}",
            panels.errors(each),
            panels.percentile(each, 95),
            panels.percent(each.cpu_percent),
            panels.sparkline(points, max(width - SPARE, 8)),
        )
    return table


def _weight(share: int | None, mirrored: int | None) -> str:
    return f"{share or 0}%" + (f" m{mirrored}%" if mirrored else "")


def _events(sight: "Sight", width: int, rows: int) -> "list[RenderableType]":
    lines: list[RenderableType] = [_line("events", "dim", width)]
    for each in sight.events[:rows]:
        style = "red" if each.name in ALARMING else ""
        text = f"{_at(each.at, sight)} {each.instance} {each.name}: {each.message}"
        lines.append(_line(text, style, width))
    if not sight.events:
        lines.append(_line("none in the last day", "dim", width))
    return lines


def _changes(sight: "Sight", width: int, rows: int) -> "list[RenderableType]":
    """What this machine changed, and autoscale, newest first."""
    told = [(each.at, *_change(each)) for each in sight.changes]
    told += [(each.at, *_action(each)) for each in sight.scaled]
    told.sort(key=lambda each: each[0], reverse=True)
    lines: list[RenderableType] = [_line("changes", "dim", width)]
    for at, text, style in told[:rows]:
        lines.append(_line(f"{_at(at, sight)} {text}", style, width))
    if not told:
        lines.append(_line("none from this machine", "dim", width))
    return lines


def _change(each: "Entry") -> tuple[str, str]:
    colour = render.OUTCOMES.get(each.outcome, "yellow")
    text = f"{each.verb} {each.outcome}, {each.who}  {each.reason or each.detail}"
    return text, "" if colour == "green" else colour


def _action(each: "Action") -> tuple[str, str]:
    counts = f"{each.before} -> {each.after}"
    text = f"{each.what} of {each.deployment} {counts} {each.outcome}, autoscale"
    return text, {"Succeeded": "", "Failed": "red"}.get(each.outcome, "yellow")


def _at(moment: datetime, sight: "Sight") -> str:
    return render.ago(moment, sight.looked)


def _line(text: str, style: str, width: int) -> "Text":
    """One line, cut where the terminal ends."""
    from rich.text import Text

    shown = " ".join(render.clean(text).split())
    return Text(shown[: width - 1], style=style, no_wrap=True, overflow="ellipsis")
