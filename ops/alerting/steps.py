"""What apply would do about one resource, and what differs."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.alerting.monitor import Live

CREATE, UPDATE, DELETE = "create", "update", "delete"
UNCHANGED, SKIP, FOREIGN = "unchanged", "skip", "foreign"


@dataclass(frozen=True, kw_only=True)
class Step:
    """What apply would do about one resource, and why."""

    endpoint: str  # "" for an action group
    rule: str  # or the action group's name
    kind: str
    name: str
    action: str
    deployment: str = ""
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    keeps: bool = False  # of one that is skipped: what is live stays as it is
    body: dict[str, Any] = field(default_factory=dict, repr=False)
    live: Live | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """`errors`, `cpu/blue`, `group on-call`."""
        if not self.endpoint:
            return f"group {self.rule}"
        return f"{self.rule}/{self.deployment}" if self.deployment else self.rule

    @property
    def writes(self) -> bool:
        return self.action in (CREATE, UPDATE, DELETE)


def skipped(endpoint: str, rule: str, note: str, *, keeps: bool = False) -> Step:
    """One that can't be, or need not be, and why."""
    return Step(
        endpoint=endpoint,
        rule=rule,
        kind="",
        name="",
        action=SKIP,
        notes=(note,),
        keeps=keeps,
    )


def compared(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """`~ severity: 2 -> 1` for each field that differs; a query line by line."""
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if old is not None and new is not None and "\n" in old + new:
            yield f"~ {key}:"
            lines = difflib.ndiff(old.splitlines(), new.splitlines())
            yield from (f"    {each}" for each in lines if each[0] in "+-")
        elif old is None:
            yield f"+ {key}: {new}"
        elif new is None:
            yield f"- {key}: {old}"
        else:
            yield f"~ {key}: {old} -> {new}"
