"""How autoscale settings, their plans, their past and their simulations are printed."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ops.endpoints import MOST_INSTANCES
from ops.hints import led
from ops.times import length
from ops.views import charts
from ops.views.render import ago, console, deployment, grid, line, note, safe

if TYPE_CHECKING:
    from ops.autoscale import Step
    from ops.autoscaling.actions import Event
    from ops.autoscaling.playing import Simulation
    from ops.autoscaling.showing import Look
    from ops.autoscaling.sizing import Size
    from ops.autoscaling.suspending import Pause

ACTIONS = {"create": "green", "update": "yellow", "unchanged": "dim", "skip": "dim"}
DONE = {"create": "created", "update": "updated"}
MARKS = {"+": "green", "-": "red", "~": "yellow"}
OUTCOMES = {"Succeeded": "green", "Failed": "red", "Started": "yellow"}
POINTS = 280  # of a chart; more are finer than what it is drawn with


def plan(steps: "Iterable[Step]", *, done: bool = False) -> None:
    """What is (or was) done about each deployment, and what differs."""
    out = console()
    for step in steps:
        said = DONE.get(step.action, step.action) if done else step.action
        colour = ACTIONS[step.action]
        name = deployment(step.deployment)
        out.print(f"{name}  [{colour}]{said}[/]  {safe(step.setting)}")
        for change in step.changes:
            colour = MARKS.get(change[0], "default")
            out.print(f"  [{colour}]{safe(change)}[/]", soft_wrap=True)
        for text in step.notes:
            note(text)


def show(looks: "Iterable[Look]") -> None:
    """Each setting in words, and what the engine would do now."""
    out = console()
    for look in looks:
        count = "gone"
        if look.instances is not None:
            count = (
                "1 instance" if look.instances == 1 else f"{look.instances} instances"
            )
        name = deployment(look.deployment)
        out.print(f"{name}  {count}  {look.state}  [dim]{safe(look.setting)}[/]")
        for key, text in look.lines.items():
            out.print(f"  {safe(key)}  [dim]{safe(text)}[/]", soft_wrap=True)
        if look.suspended:
            out.print(f"  [yellow]suspended[/] {safe(look.suspended.shown)}")
        if look.verdict:
            out.print(f"  [bold]now[/]  {safe(verdict(look))}", soft_wrap=True)


def verdict(look: "Look") -> str:
    found = look.verdict
    assert found is not None
    does = "stays" if found.count == look.instances else f"goes to {found.count}"
    by = f" [{found.profile}]" if found.profile else ""
    return f"{does}: {found.text}{by}"


def history(events: "Sequence[Event]") -> None:
    if not events:
        line("the engine has done nothing yet")
        return
    columns = ("when", "deployment", "what", "instances", "outcome", "because")
    table = grid(*columns, prose=("because",))
    for event in events:
        same = event.before == event.after
        table.add_row(
            ago(event.at),
            deployment(event.deployment),
            safe(event.what),
            str(event.before) if same else f"{event.before} -> {event.after}",
            f"[{OUTCOMES.get(event.outcome, 'default')}]{safe(event.outcome)}[/]",
            safe(event.cause or event.text),
        )
        if event.outcome == "Failed" and event.cause:
            table.add_row("", "", "", "", "", safe(event.text))
    console().print(table)


def pause(pause: "Pause") -> None:
    name = pause.deployment
    if pause.until is None:
        line(f"{name} is autoscaled again")
    else:
        text = f"stays at {pause.count} until {pause.until:%F %T} UTC, then its rules"
        line(f"{name} {text} hold again")


def simulation(found: "Simulation") -> None:
    """A chart of instances over time, what it cost and where it fell short."""
    line(charts.line(f"{found.deployment}: instances", {"instances": drawn(found)}))
    for metric, values in found.loads.items():
        if metric != "none":
            line(charts.line(f"load: {metric}", {metric: spread(found.start, values)}))
    table = grid("", "")
    for key, text in numbers(found):
        table.add_row(f"[dim]{key}[/]", safe(text))
    console().print(table)
    moves(found)
    for text in found.notes:
        note(text)


def numbers(found: "Simulation") -> list[tuple[str, str]]:
    hours = found.instance_minutes / 60
    average = found.instance_minutes / found.minutes
    share = 100 * found.short_minutes / found.minutes
    short = f"{_minutes(found.short_minutes)} ({share:.1f}%)"
    if found.short_at_maximum:
        short += f", {_minutes(found.short_at_maximum)} of it at the maximum"
    reversals = f"{found.flaps} of {len(found.actions)} actions"
    held = [
        f"{_minutes(minutes)} {reason}" for reason, minutes in found.deferred.items()
    ]
    rows = [
        ("load", found.source),
        ("time", f"{_minutes(found.minutes)} from {found.start:%F %H:%M} UTC"),
        ("instances", f"{found.lowest} to {found.highest}, {average:.2f} on average"),
        ("paid", f"{found.instance_minutes:,} instance-minutes ({hours:,.0f} h)"),
        ("over a limit", short),
        ("taken back", reversals),
        ("held up", ", ".join(held) or "never"),
    ]
    if found.without_data:
        rows.append(("without data", _minutes(found.without_data)))
    return rows


def moves(found: "Simulation", most: int = 12) -> None:
    """The first actions; all of them with --json."""
    if not found.actions:
        return
    table = grid("when", "instances", "")
    table.add_column("because", overflow="fold")
    for action in found.actions[:most]:
        table.add_row(
            f"{action.at:%a %m-%d %H:%M}",
            f"{action.before} -> {action.after}",
            "[red]flap[/]" if action.flap else "",
            safe(action.text),
        )
    console().print(table)
    if len(found.actions) > most:
        line(f"and {len(found.actions) - most} more (--json has all)")


def drawn(found: "Simulation") -> list[tuple[datetime, float | None]]:
    return spread(found.start, found.counts)


def spread(
    start: datetime, values: "Sequence[float | None]"
) -> list[tuple[datetime, float | None]]:
    """As many points as can be drawn, each the highest of its time."""
    step = max(len(values) // POINTS, 1)
    found: list[tuple[datetime, float | None]] = []
    for i in range(0, len(values), step):
        known = [each for each in values[i : i + step] if each is not None]
        found.append((start + i * timedelta(minutes=1), max(known, default=None)))
    return found


def _minutes(number: int) -> str:
    return length(timedelta(minutes=number))


def sizes(found: "Sequence[Size]") -> None:
    """What each deployment needs at this rate, and what it costs in quota."""
    first = found[0]
    digits = ",.0f" if first.per_second >= 100 else ".3g"
    rate = f"{first.per_second:{digits}}"
    line(f"{rate} requests/s, at a latency that load leaves as it is")
    table = grid(
        *("deployment", "traffic", "instances", "needs", "for 100%", "latency"),
        *("at a time", "429 above", "quota"),
    )
    for each in found:
        colour = "red" if each.short else "green"
        borrowed = each.latency_of not in ("", each.deployment)
        whose = f" ({each.latency_of}'s)" if borrowed else ""
        cores = f", {each.quota_cores} cores" if each.quota_cores else ""
        beyond = " [red]over 50[/]" if each.needed_for_all > MOST_INSTANCES else ""
        table.add_row(
            deployment(each.deployment),
            f"{each.percent}%",
            f"[{colour}]{each.instances}[/]",
            str(each.needed),
            f"{each.needed_for_all}{beyond}",
            f"{1000 * each.latency_seconds:.3g} ms{whose}",
            str(each.max_concurrent),
            f"{each.refuses_above:,.0f}/s",
            f"{each.quota_instances} instances{cores}",
        )
    console().print(table)
    note("quota: for all of the traffic, with the fifth that Azure keeps for upgrades")
    for each in found:
        if each.short and each.needed <= MOST_INSTANCES:
            own = f"--deployment {each.deployment} --instances {each.needed}"
            note(f"try: {led(f'invoke scale {own}')}")
