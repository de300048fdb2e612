"""How alert rules, and what apply does about them, are printed."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from ops.alerting.wording import described
from ops.hints import hint
from ops.views.render import console, deployment, grid, line, note, safe

if TYPE_CHECKING:
    from ops.alerting.comparing import Comparison
    from ops.alerting.showing import Look
    from ops.alerting.steps import Step
    from ops.alerts import Applied

ACTIONS = {"create": "green", "update": "yellow", "delete": "red", "skip": "dim"}
DONE = {"create": "created", "update": "updated", "delete": "deleted"}
PLANNED = {each: f"to {each}" for each in DONE}
MOST = 96  # characters of a line of a query
MARKS = {"+": "green", "-": "red", "~": "yellow"}
STATES = {
    "in step": "green",
    "differs": "yellow",
    "missing": "red",
    "left over": "yellow",
    "taken": "red",
    "unowned": "dim",
    "none": "dim",
}


def plan(found: "Comparison") -> None:
    """What would be done, and what differs."""
    for step in found.steps:
        _step(step, step.action)
    _summary([step.action for step in found.steps], found.notes, PLANNED)


def applied(found: "Comparison", ended: "Iterable[Applied]") -> None:
    """Each step when it is done, or why it was refused."""
    actions = []
    for each in ended:
        if each.error:
            name = _named(each.step)
            console().print(f"{name}  [red]refused[/]  {safe(each.error)}")
            continue
        actions.append(each.step.action)
        _step(each.step, DONE.get(each.step.action, each.step.action))
    _summary(actions, found.notes, DONE)


def _step(step: "Step", said: str) -> None:
    if step.action == "unchanged":
        return
    out = console()
    out.print(f"{_named(step)}  [{ACTIONS[step.action]}]{said}[/]")
    for change in _changes(step):
        colour = MARKS.get(change.strip()[:1], "default")
        out.print(f"  [{colour}]{safe(_cut(change))}[/]", soft_wrap=True)
    for text in step.notes:
        out.print(f"  [dim]{safe(text)}[/]", soft_wrap=True)


def _changes(step: "Step") -> Sequence[str]:
    """All that differs; of a new rule what it does, for its file says the rest."""
    if step.action != "create" or not step.endpoint:
        return step.changes
    lines = described(step.kind, step.body)
    how = (
        f"severity {lines['severity']}, over {lines['window']}, every {lines['every']}"
    )
    return [f"+ {lines['summary']}", f"+ {lines['condition']}; {how}"]


def _cut(change: str) -> str:
    """A change, of a query no more than tells which line it is: baselines are long."""
    within = change.startswith(" ") and len(change) > MOST
    return f"{change[: MOST - 1]}…" if within else change


def _named(step: "Step") -> str:
    if not step.rule:
        return f"[bold]{safe(step.endpoint)}[/]"
    if not step.endpoint:
        return f"action group [bold]{safe(step.rule)}[/]"
    of = f" {deployment(step.deployment)}" if step.deployment else ""
    return f"{safe(step.endpoint)}: [bold]{safe(step.rule)}[/]{of}"


def _summary(
    actions: Sequence[str], notes: Iterable[str], words: Mapping[str, str]
) -> None:
    counts = {word: actions.count(action) for action, word in words.items()}
    told = [f"{count} {word}" for word, count in counts.items() if count]
    same = actions.count("unchanged")
    line(", ".join([*told, f"{same} in step"]) if told else f"all {same} are in step")
    for text in notes:
        note(text)


def show(looks: "Sequence[Look]") -> None:
    """A table by endpoint; one rule whole where there is only that."""
    if not looks:
        return line(f"no rules: {hint('alerts.apply')} makes those of alerts/")
    rules = {look.rule for look in looks if look.endpoint}
    if len(rules) == 1 and all(look.endpoint for look in looks):
        return _whole(looks)
    out = console()
    for endpoint, group in groupby(looks, key=lambda look: look.endpoint):
        out.print(f"[bold]{safe(endpoint or 'action groups')}[/]")
        table = grid("rule", "state", "sev", "window", "every")
        table.add_column("condition", overflow="fold")
        for look in group:
            table.add_row(*_row(look))
        out.print(table)
    for look in looks:
        if look.changes:
            out.print(f"{_title(look)} [yellow]differs[/]")
            _lines(look.changes)


def _row(look: "Look") -> tuple[str, ...]:
    of = f" {deployment(look.deployment)}" if look.deployment else ""
    lines, state = look.lines, look.state
    told = lines.get("condition") or ", ".join(look.notes)
    if look.kind == "group":
        keys = [key for key in lines if key.startswith(("e-mail", "webhook"))]
        told = ", ".join(lines[key] for key in keys)
    return (
        f"{safe(look.rule)}{of}",
        f"[{STATES[state]}]{state}[/]",
        lines.get("severity", ""),
        lines.get("window", ""),
        lines.get("every", ""),
        safe(told),
    )


def _title(look: "Look") -> str:
    of = f" {deployment(look.deployment)}" if look.deployment else ""
    return f"{safe(look.endpoint)}: [bold]{safe(look.rule)}[/]{of}"


def _whole(looks: "Sequence[Look]") -> None:
    """Every line of a rule, its query last."""
    out = console()
    for look in looks:
        state = f"[{STATES[look.state]}]{look.state}[/]"
        out.print(f"{_title(look)}  {state}  [dim]{safe(look.name)}[/]")
        lines = {key: text for key, text in look.lines.items() if key != "query"}
        for key, text in lines.items():
            out.print(f"  {safe(key):<18}{safe(text)}", soft_wrap=True)
        for text in look.lines.get("query", "").splitlines():
            out.print(f"    [dim]{safe(text)}[/]", soft_wrap=True)
        _lines(look.changes)
        for text in look.notes:
            out.print(f"  [dim]{safe(text)}[/]", soft_wrap=True)


def _lines(changes: Iterable[str]) -> None:
    for change in changes:
        colour = MARKS.get(change.strip()[:1], "default")
        console().print(f"  [{colour}]{safe(change)}[/]", soft_wrap=True)
