"""How a rollout is shown: what befalls it line by line, and beneath it where it is.

A terminal has the numbers of the last look below the lines, always the newest; a pipe
gets a line whenever what is decided changes, and one in ten minutes meanwhile.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from json import dumps
from typing import TYPE_CHECKING

from ops.hints import hint, led
from ops.rollouts import standing
from ops.settings import shown
from ops.views import render

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from ops.endpoints import Endpoint
    from ops.rollouts.decisions import Decision
    from ops.rollouts.detached import Detached
    from ops.rollouts.following import Status
    from ops.rollouts.preflight import Ready
    from ops.rollouts.progress import Progress
    from ops.rollouts.standing import Standing
    from ops.watchdog import Watched

STYLES = {
    "promoted": "bold green",
    "rolled back": "bold red",
    "aborted": "bold red",
    "trouble": "yellow",
    "paused": "yellow",
    "returning": "red",
}
QUIET = timedelta(minutes=10)  # how long a pipe is told nothing new
DIGITS = re.compile(r"[0-9][0-9.,:%smh]*")


def follow(events: "Iterable[Progress]") -> "Progress":
    """Print what befalls a rollout while it does; return the last of it."""
    from rich.live import Live

    last, quiet = None, _Quiet()
    console = render.console()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        for event in events:
            last = event
            if event.what != "look" or event.decision is None:
                console.print(_event(event), soft_wrap=True)
                quiet.broken()
            elif console.is_terminal:
                live.update(_look(event, event.decision), refresh=True)
            elif event.decision.action == "hold" and quiet.ends(event):
                console.print(_event(event), soft_wrap=True)
    assert last is not None, "a rollout tells at least how it began or ended"
    if last.what == "promoted":
        stable = last.here.stable
        render.note(
            f"{stable} is kept, without traffic: {hint('rollback')} goes back to it, "
            f"{hint(f'delete-deployment --deployment {stable}')} ends it"
        )
    return last


class _Quiet:
    """Which looks a pipe is told of: a new kind of reason, or the first in a while."""

    def __init__(self) -> None:
        self._told, self._at = "", datetime.min.replace(tzinfo=UTC)

    def ends(self, event: "Progress") -> bool:
        kind = DIGITS.sub("", event.text.split(";")[0])
        if kind == self._told and event.at - self._at < QUIET:
            return False
        self._told, self._at = kind, event.at
        return True

    def broken(self) -> None:
        """Something else was told: the next look is worth a line."""
        self._told = ""


def ready(found: "Ready") -> None:
    """What a rollout will do, and what it will not know."""
    beginning, steps = found.beginning, found.policy.steps
    weights = ", ".join(step.shown for step in steps)
    render.line(
        f"{beginning.canary} takes over from {beginning.stable} on "
        f"{beginning.endpoint}: {weights}"
    )
    for note in found.notes:
        render.note(f"note: {note}")


def would(what: str, here: "Standing") -> None:
    """What a verb would do to a rollout."""
    render.line(
        f"would {what} the rollout of {here.canary}, {here.state} at step "
        f"{here.step + 1}, run by {here.runner or 'nobody'}"
    )


def detached(found: "Detached") -> None:
    """Where a process has gone, and how to see what it does."""
    render.line(f"process {found.pid} goes on; it tells {shown(found.output)}")
    render.line(f"  {led('invoke rollout.watch')}")


def watch(events: "Iterable[Progress]", json: bool) -> "Progress":
    """As follow(); or as JSON, an object a line."""
    if not json:
        return follow(events)
    last = None
    for last in events:
        render.line(dumps(render.plain(last), default=str))
    assert last is not None, "a rollout has at least begun"
    return last


def status(found: "Status") -> None:
    """Where an endpoint's rollout stands, and what was decided last."""
    out, here = render.console(), found.here
    if here is None:
        out.print(f"no rollout of {found.endpoint} has been begun")
        return
    out.print(*summary(here, found.now), sep="\n", soft_wrap=True)
    if found.steps and here.active:
        out.print(_steps(here, found.steps))
    if found.decision and here.active:
        at, decision = render.ago(found.decision.at), found.decision
        out.print(f"{at}  {_said(decision)}", soft_wrap=True, markup=False)
        out.print(_numbers(decision, here))
    for event in found.events:
        text = f"{render.ago(event.at)}  {event.what:<12}{render.clean(event.text)}"
        out.print(text, soft_wrap=True, markup=False)
    if here.id in found.ids:
        replay = led(f"invoke rollout.replay --id {here.id}")
        out.print(f"its record: {replay}", soft_wrap=True, markup=False)
    if others := [each for each in found.ids if each != here.id]:
        out.print(f"earlier: {', '.join(others[:5])}", soft_wrap=True, markup=False)


def mention(endpoint: "Endpoint", now: datetime) -> None:
    """A rollout that is under way, for who asks about the endpoint."""
    here = standing.read(endpoint.tags)
    if here and here.active:
        for line in summary(here, now):
            render.note(line.plain)


def summary(here: "Standing", now: datetime) -> "list[Text]":
    """What a rollout does, and who sees to it: a line each."""
    from rich.text import Text

    style = STYLES.get(here.state, "green" if here.active else "")
    head = Text.assemble(
        ("rollout ", "dim"),
        (here.canary, "bold"),
        f" takes over from {here.stable}: ",
        (here.state, style),
        f" by {standing.whose(here.by)}, at step {here.step + 1} since "
        f"{render.ago(here.since, now)} UTC",
    )
    if not here.active:
        return [head]
    return [head, Text(seen_to(here, now), style="" if here.runner else "yellow")]


def seen_to(here: "Standing", now: datetime) -> str:
    """Who runs a rollout, and since when it was not heard of."""
    if not here.runner or here.heartbeat is None:
        return f"nobody runs it: {hint('rollout.resume')} or {hint('rollout.abort')}"
    heard = f"heard of {(now - here.heartbeat).total_seconds():.0f} s ago"
    text = f"run by {here.runner}, {heard}"
    if standing.gone(here.runner):
        return f"{text}; that process is gone: {led('invoke rollout.resume')}"
    if here.silent(now):
        limit = f"longer than its {here.limit_seconds:g} s"
        return f"{text}, {limit}: {led('invoke rollout.resume')}"
    return text


def watched(found: "Iterable[Watched]") -> "list[Watched]":
    """One line an endpoint; return them all."""
    all_of_them = []
    for each in found:
        all_of_them.append(each)
        mark = "!" if each.restored or each.failed else "-"
        said = f"{each.endpoint}: {render.clean(each.said)}"
        render.line(f"{mark} {each.at:%H:%M:%S} {said}")
    return all_of_them


def _event(event: "Progress") -> "Text":
    from rich.text import Text

    what = event.decision.action if event.what == "look" and event.decision else ""
    style = STYLES.get(event.what, "dim" if what else "bold")
    text = " ".join(render.clean(event.text).split())
    shown = (f"{what or event.what:<12}", style)
    return Text.assemble(f"{event.at:%H:%M:%S}  ", shown, text)


def _look(event: "Progress", decision: "Decision") -> "Group":
    """The numbers of the last look, to stand below the lines."""
    from rich.console import Group
    from rich.text import Text

    here = event.here
    head = Text.assemble(
        (here.canary, "bold"),
        f" takes over from {here.stable}  ",
        _steps(here, event.steps),
        f"  {here.state}",
        (f"  looked {event.at:%H:%M:%S} UTC", "dim"),
    )
    foot = Text("Ctrl-C stops this runner and leaves the traffic as it is", style="dim")
    said = Text(render.clean(_said(decision)))
    return Group("", head, said, _numbers(decision, here), foot)


def _steps(here: "Standing", steps: Iterable[str]) -> "Text":
    """All steps in a row, the present one marked."""
    from rich.text import Text

    text = Text()
    for index, step in enumerate(steps):
        text.append(" > " if index else "", style="dim")
        text.append(step, style="bold reverse" if index == here.step else "dim")
    return text


def _numbers(decision: "Decision", here: "Standing") -> "Table":
    """What both sides did, and what that amounts to."""
    counts, verdict = decision.counts, decision.verdict
    table = render.grid("", "requests", "errors", "probes", "failed", "evidence")
    against = f"against {verdict.evidence:,.3g} of {verdict.evidence_needed:,.0f}"
    proof = min(verdict.proofs.values(), default=0.0)
    for_it = f"for {proof:,.3g} of {verdict.proof_needed:,.0f}: {verdict.outcome}"
    for name, side, said in (
        (here.canary, "canary", against),
        (here.stable, "stable", for_it),
    ):
        shown = (counts[f"{side}_{what}"] for what in COUNTED)
        table.add_row(name, *(f"{number:,}" for number in shown), said)
    return table


def _said(decision: "Decision") -> str:
    needs = " (a person is needed)" if decision.page else ""
    return f"{decision.action.replace('_', ' ')}{needs}: {decision.reason}"


COUNTED = ("requests", "errors", "probes", "probes_failed")
