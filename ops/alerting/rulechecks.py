"""What is wrong between the fields of an alert rule that are right one by one."""

from collections.abc import Iterator
from datetime import timedelta
from string import Formatter
from typing import Any

from ops.alerting import logfields
from ops.alerting.rules import (
    DIMENSIONS,
    EVERY,
    WINDOW,
    Block,
    Failing,
    Log,
    Metric,
    plain,
)
from ops.fields import Mistake

CONDITIONS = ("log", "metric", "burn", "drift")
# Azure: windowSize and evaluationFrequency of scheduledQueryRules and metricAlerts.
MINUTES = {
    "log": (*(1, 5, 10, 15, 30, 45), *range(60, 361, 60), 1440, 2880),
    "metric": (1, 5, 15, 30, 60, 360, 720, 1440),
}
LONGEST_EVERY = {"log": 1440, "metric": 60}


def missing(data: dict[str, Any]) -> Iterator[Mistake]:
    for key in ("summary", "severity", "runbook"):
        if key not in data:
            yield Mistake(field=key, text="is missing")
    said = [key for key in CONDITIONS if key in data]
    if len(said) != 1:
        text = f"needs exactly one of {', '.join(CONDITIONS)}"
        more = f", not {' and '.join(said)}" if said else ""
        yield Mistake(field="condition", text=text + more)


def times(values: dict[str, Any], kind: str) -> Iterator[Mistake]:
    for key, most in (("window", MINUTES[kind][-1]), ("every", LONGEST_EVERY[kind])):
        allowed = [timedelta(minutes=m) for m in MINUTES[kind] if m <= most]
        if key in values and values[key] not in allowed:
            listed = ", ".join(plain(each) for each in allowed)
            text = f"{plain(values[key])} is none that Azure knows ({listed})"
            yield Mistake(field=key, text=text)
    window, every = values.get("window", WINDOW), values.get("every", EVERY)
    # A burn or drift block has a window of its own where the file gives none.
    known = "window" in values or not {"burn", "drift"} & set(values)
    if known and every > window:
        text = f"{plain(every)} is longer than the window of {plain(window)}"
        yield Mistake(field="every", text=f"{text}: what lies between is never seen")


def crossing(
    values: dict[str, Any],
    condition: Log | Metric | Block | None,
    by: tuple[str, ...],
) -> Iterator[Mistake]:
    """What is wrong between fields that are right one by one."""
    fixed = isinstance(condition, Metric) and condition.dynamic is None
    if fixed and values.get("failing", Failing()).of > 1:
        text = "Azure counts periods for learned thresholds and log rules only"
        yield Mistake(field="failing", text=f"{text}: take a longer window")
    if isinstance(condition, Log):
        yield from logfields.missing(values.get("by", ()), condition)
        if values.get("every", EVERY) == timedelta(minutes=1):
            for text in logfields.hurried(condition.query):
                yield Mistake(field="every", text=text)
    if isinstance(condition, Block) and by:
        text = f"a {condition.kind} block says itself what it is split by"
        yield Mistake(field="by", text=text)
    if isinstance(condition, Block) and condition.kind == "burn" and "window" in values:
        text = "a burn block says itself how far it looks back: by its speed"
        yield Mistake(field="window", text=text)


def unfilled(
    summary: str, data: dict[str, Any], condition: Log | Metric | Block | None
) -> Iterator[Mistake]:
    """Placeholders of a summary that nothing will be put in."""
    by = data.get("by", ())
    words = [
        each for each in (by if isinstance(by, list) else [by]) if isinstance(each, str)
    ]
    known = {"endpoint", "threshold", "window", *words}
    if "burn" in data or "drift" in data:
        known |= {"deployment", "feature"}
    if isinstance(condition, Metric) and condition.of != "endpoint":
        known.add("deployment")
    try:
        named = [name for _, name, _, _ in Formatter().parse(summary)]
    except ValueError as error:
        yield Mistake(field="summary", text=f"{summary!r}: {error}")
        return
    for name in named:
        if name is not None and name not in known:
            listed = ", ".join(f"{{{each}}}" for each in sorted(map(str, known)))
            hint = f"there are {listed}"
            if name in DIMENSIONS:
                hint = f"the rule is not split by it: by: [{name}]"
            text = f"nothing is known to fill in {{{name}}} ({hint})"
            yield Mistake(field="summary", text=text)
