"""How a rehearsal is shown: the plan of a rollout, and thousands of simulated ones."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from ops.times import length
from ops.views import render

if TYPE_CHECKING:
    from ops.rollouts.forecast import Plan, Stretch, Today
    from ops.rollouts.rehearsal import Summary
    from ops.rollouts.simtraffic import Traffic

ENDINGS = {
    "promote": "promoted",
    "roll_back": "rolled back",
    "pause": "left to a person",
    "hold": "at no end yet",
}


def plan(found: "Plan") -> None:
    """Step by step, then in all, then what is caught."""
    out, canary = render.console(), found.today.canary
    out.print(_today(found.today, found.where))
    table = render.grid("step", "takes", "waits for", f"requests of {canary}")
    for each in found.stretches:
        count = "-" if each.requests is None else f"{each.requests:,}"
        table.add_row(each.step.shown, _took(each.seconds), _waits(each), count)
    out.print(table)
    out.print(_in_all(found))
    caught = render.grid(f"if of {canary}", "caught", "half within", "95% within")
    for catch in found.catches:
        share = f"{100 * catch.caught_ratio:.0f}%"
        times = (_took(catch.seconds), _took(catch.seconds_p95))
        caught.add_row(catch.what, share, *times)
    out.print(caught)


def follow(summaries: Iterable["Summary"], of: int) -> "Summary":
    """Show on stderr how far the simulation is; return what it came to."""
    from rich.live import Live

    console = render.console(stderr=True)
    last = None
    with Live(console=console, auto_refresh=False, transient=True) as live:
        for last in summaries:
            if console.is_terminal:
                live.update(f"{last.rollouts:,} of {of:,} rollouts", refresh=True)
    assert last is not None, "at least one rollout is simulated"
    return last


def summary(found: "Summary") -> None:
    """How many ended how, how sure that is, and how long it took."""
    out = render.console()
    out.print(
        f"{found.rollouts:,} rollouts by {found.where}, seed {found.seed}: "
        + _traffic(found.traffic)
    )
    table = render.grid("", "rollouts", "", "")
    table.show_header = False
    wrong, bound = "promote", found.promoted_at_most
    if found.traffic.healthy:
        wrong, bound = "roll_back", found.rolled_back_at_most
    for action, title in ENDINGS.items():
        count = found.ended.get(action, 0)
        sure = f"wrongly; at most {100 * bound:.2f}%" if action == wrong else ""
        share = f"{100 * count / found.rollouts:.2f}%"
        table.add_row(title, f"{count:,}", share, sure)
    out.print(table)
    for line in _times(found):
        out.print(line)


def _times(found: "Summary") -> "Iterable[str]":
    if not found.traffic.healthy:
        half, most = _took(found.found_seconds), _took(found.found_seconds_p95)
        yield f"half were rolled back {half} after it got worse, 95% {most}"
    if found.promoted_seconds is not None:
        yield f"half of the promotions came within {_took(found.promoted_seconds)}"
    listed = ", ".join(f"{rule} {count:,}" for rule, count in found.rules.items())
    if listed:
        yield f"ended by: {listed}"
    yield "'at most' holds with 99% confidence (Clopper-Pearson)"


def _traffic(traffic: "Traffic") -> str:
    ratio = traffic.canary_error_ratio
    own = traffic.error_ratio if ratio is None else ratio
    parts = [
        f"{traffic.per_minute:g} requests a minute",
        f"errors {100 * own:g}% against {100 * traffic.error_ratio:g}%",
    ]
    if traffic.slower != 1:
        parts.append(f"{traffic.slower:g} times as slow")
    if traffic.begins_seconds:
        parts.append(f"from {_took(traffic.begins_seconds)} on")
    if traffic.tries > 1:
        how = "counted once" if traffic.counted_once else "each counted"
        parts.append(f"{traffic.tries} tries of what fails, {how}")
    if traffic.daily_swing:
        parts.append(f"the rate swings by {100 * traffic.daily_swing:g}% a day")
    return ", ".join(parts)


def _today(today: "Today", where: str) -> str:
    rate = f"{today.per_minute:,.3g} requests a minute"
    when = f"in the last {today.since}" if today.since else "as asked"
    errors = f"{100 * today.error_ratio:.2g}% of {today.stable}'s fail"
    return f"{today.endpoint} by {where}: {rate} {when}, {errors}"


def _in_all(found: "Plan") -> str:
    if found.seconds is None:
        asked = f"{100 * found.asked_ratio:.0f}%"
        return (
            f"[yellow]no end in sight[/]: in {asked} of rehearsals patience ended and "
            "a person was asked"
        )
    parts = [
        f"in all {_took(found.seconds)}",
        f"{found.instance_minutes:,.0f} instance-minutes of {found.today.canary}",
        f"{found.probes:,} probes",
    ]
    if found.asked_ratio:
        share = f"{100 * found.asked_ratio:.0f}%"
        parts.append(f"[yellow]in {share} of rehearsals a person is asked[/]")
    return ", ".join(parts)


def _waits(stretch: "Stretch") -> str:
    step = stretch.step
    what = {
        "bake": f"bake {_took(step.bake_seconds)}",
        "requests": f"{step.requests:,} requests",
        "proof": "proof that it is not worse",
    }[stretch.waits_for]
    return f"{what}, then a person" if step.pause else what


def _took(seconds: float | None) -> str:
    return "never" if seconds is None else length(timedelta(seconds=seconds))
