"""What changes of weights look like: planned, done, as they really split, later."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ops import tags
from ops.hints import led
from ops.times import length
from ops.views import render
from ops.views.render import console, deployment, grid, line, note, safe, say

MINUTE = timedelta(minutes=1)

if TYPE_CHECKING:
    from ops.endpoints import Endpoint
    from ops.history import Row
    from ops.promote import Baking
    from ops.split import Split
    from ops.traffic import Shift


def shifting(events: "Iterable[Any]") -> None:
    """The plan, what was done, and the split, each as soon as it is known."""
    for event in events:
        (split if hasattr(event, "shares") else shift)(event)


def mirroring(events: "Iterable[Shift | Split | str]") -> None:
    """As shifting(), and what is said of the waiting for its end."""
    for event in events:
        if isinstance(event, str):
            line(event)
        else:
            shifting([event])


def shift(change: "Shift") -> None:
    """`iris  traffic  blue 100% -> 80%  green 0% -> 20%`; then that it is done."""
    if change.done:
        row = f"#{change.fence} in {led('invoke history')}"
        say(f"{change.endpoint}  [green]done[/]  {row}")
        if not change.after.traffic:
            note(f"{change.endpoint} has no live traffic: it answers 404 to everyone")
        if change.mirror_until:
            until = f"{change.mirror_until:%F %T} UTC"
            note(f"mirror traffic is to end at {until}: the next changing verb ends it")
        return
    for what, before, after in _changed(change):
        say(f"{change.endpoint}  {what}  {_moves(before, after)}")
    for text in change.notes:
        note(text)


def split(seen: "Split") -> None:
    """`split  blue 812 of 1,003 requests, 81.0% (78.4..83.3)`, or why it is unknown."""
    if seen.unseen:
        line(f"split  {seen.unseen}")
        return
    line("split  " + "  ".join(str(share) for share in seen.shares))
    for share in seen.off:
        note(
            f"warning: {share.deployment} has a weight of {share.percent}%, and got "
            f"{share.requests:,} of {share.of:,} requests: chance can't explain that"
        )


def mention(endpoint: "Endpoint", now: datetime) -> None:
    """Say beside a status what holds for a time: a freeze, a mirror."""
    freeze, until = tags.freeze(endpoint.tags), tags.mirror_until(endpoint.tags)
    if freeze and now < freeze.until:
        end = f"{freeze.until:%F %T} UTC ({length(freeze.until - now)})"
        note(f"frozen until {end} by {freeze.who}: {freeze.reason}")
    if endpoint.mirror and until:
        tense = "is" if now < until else "was"
        note(f"mirror traffic {tense} to end at {until:%F %T} UTC")


def promoting(events: "Iterable[Any]") -> None:
    """A promotion: the plan, what was done, the bake minute by minute, its end."""
    told: timedelta | None = None
    for event in events:
        if isinstance(event, str):
            line(event)
        elif hasattr(event, "left"):
            if told is None or not event.left or told - event.left >= MINUTE:
                told = event.left
                baking(event)
        elif hasattr(event, "notes"):
            shift(event)
        else:
            render.scaling(event)


def undoing(events: "Iterable[Any]") -> None:
    """Whatever undoes the last change."""
    for event in events:
        if hasattr(event, "shares"):
            split(event)
        else:
            promoting([event])


def baking(look: "Baking") -> None:
    seen = look.seen
    failed = f"{seen.errors:,} of {seen.requests:,} requests failed"
    said = look.unknown or (failed if seen.requests else "no requests yet")
    left = "over" if not look.left else f"{length(look.left)} left"
    console().print(f"baking {deployment(look.canary)}  {left}  {safe(said)}")


def history(rows: "list[Row]", now: datetime) -> None:
    """What was changed, newest first; the number is what `rollback --to` takes."""
    if not rows:
        line("nothing has been changed yet")
        return
    several = len({row.endpoint for row in rows}) > 1
    where = ("endpoint",) if several else ()
    columns = ("#", "when", "verb", *where, "before", "after", "outcome", "who", "why")
    table = grid(*columns, prose=("why",), below=("before", "after"))
    for row in rows:
        colour = render.OUTCOMES.get(row.outcome, "yellow")
        table.add_row(
            str(row.number) if row.number else "",
            render.ago(row.at, now),
            safe(row.verb),
            *([safe(row.endpoint)] if several else []),
            *_change(row.before, row.after),
            f"[{colour}]{safe(row.outcome)}[/]",
            safe(row.who),
            safe(row.reason),
        )
    console().print(table)


def _changed(change: "Shift") -> list[tuple[str, dict[str, int], dict[str, int]]]:
    """What of live and mirror traffic changes; if nothing does, what there is."""
    before, after = change.before, change.after
    kinds = [("traffic", before.traffic, after.traffic)]
    if before.mirror or after.mirror:
        kinds.append(("mirror traffic", before.mirror, after.mirror))
    changing = [kind for kind in kinds if kind[1] != kind[2]]
    return changing or kinds


def _moves(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    names = sorted({*before, *after})
    if before == after:
        kept = "  ".join(f"{deployment(name)} {after[name]}%" for name in names)
        return f"unchanged  {kept or 'none'}"
    return "  ".join(
        f"{deployment(name)} {before.get(name, 0)}% -> [bold]{after.get(name, 0)}%[/]"
        for name in names
    )


def _change(before: Any, after: Any) -> tuple[str, str]:
    """Before and after; weights that stayed as they were are no part of either."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        same = {key for key in before if before[key] == after.get(key, before)}
        if same != set(after):
            before, after = (
                {key: value for key, value in each.items() if key not in same}
                for each in (before, after)
            )
    return _essence(before), _essence(after)


def _essence(value: Any) -> str:
    """What a person needs of a state before or after: `blue 80, green 20`."""
    if not value:
        return "-"
    if not isinstance(value, Mapping):
        return safe(str(value))
    parts = []
    for key, inner in value.items():
        said = _essence(inner) if isinstance(inner, Mapping) else str(inner or "none")
        if key == "freeze":
            said = f"until {inner.split('|')[0]}" if inner else "none"
        parts.append(said if key == "traffic" else f"{key} {said}")
    return safe(", ".join(parts))
