"""alerts/*.yaml: one rule a file, its keys, and all that is wrong with all of them.

What each key does is told in docs/alerts.md.
"""

import difflib
import re
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from ops import fields, specs
from ops.alerting import burnrates, logfields, metricfields, rulechecks
from ops.alerting.rules import (
    Block,
    Failing,
    Log,
    Metric,
    Rule,
)
from ops.drifting import alerting
from ops.errors import InvalidSpec, NotFound
from ops.fields import Known, Mistake
from ops.settings import alerts_directory, shown
from ops.yaml_file import parse_yaml, read_text

NAME = re.compile(r"[a-z0-9](-?[a-z0-9])*")
MOST_CHARACTERS = 100  # of a rule's name; with the endpoint's it is a resource's
FAILING = re.compile(r"(\d+) of (\d+)")
MOST_PERIODS = 6  # Azure: scheduledQueryRules, metricAlerts: numberOfEvaluationPeriods
MOST_DIMENSIONS = 6  # Azure: alerts-create-log-alert-rule, "Split by dimensions"


def load() -> dict[str, Rule]:
    """Every rule by name; raise InvalidSpec with all that is wrong with any of them."""
    found, problems = read(alerts_directory())
    if problems:
        raise InvalidSpec(problems)
    return found


def read(directory: Path) -> tuple[dict[str, Rule], list[str]]:
    """The rules of a directory that are right, and what is wrong with the others."""
    if not directory.is_dir():
        raise NotFound(
            f"{shown(directory)} does not exist: nothing says what to alert on."
        )
    found: dict[str, Rule] = {}
    problems: list[str] = []
    seen: dict[str, Path] = {}
    for path in sorted([*directory.glob("*.yaml"), *directory.glob("*.yml")]):
        if path.stem in seen:
            text = f"is the rule {path.stem!r} as {seen[path.stem].name} is"
            problems.append(f"{shown(path)}: {text}: a name means one rule")
            continue
        seen[path.stem] = path
        try:
            data = parse_yaml(read_text(path), shown(path))
        except InvalidSpec as error:
            problems += [line[4:] for line in error.problem.splitlines()[1:]]
            continue
        rule, mistakes = check(path, data)
        problems += [f"{shown(path)}: {mistake}" for mistake in mistakes]
        if rule:
            found[rule.name] = rule
    return found, problems


def check(path: Path, data: Any) -> tuple[Rule | None, list[Mistake]]:
    """What a file's keys mean; no rule where something is wrong with them."""
    mistakes: list[Mistake] = []
    values = fields.read(data, "", _keys(path), mistakes)
    mistakes += rulechecks.missing(data)
    condition = _condition(values, mistakes)
    by = values.get("by", ())
    try:
        values["by"] = _split(by, condition)
    except ValueError as error:
        mistakes.append(Mistake(field="by", text=str(error)))
    mistakes += rulechecks.times(values, "metric" if "metric" in data else "log")
    mistakes += rulechecks.crossing(values, condition, by)
    mistakes += rulechecks.unfilled(values.get("summary", ""), data, condition)
    if not NAME.fullmatch(path.stem) or len(path.stem) > MOST_CHARACTERS:
        text = "the file's name is the rule's: lower-case letters, digits and -"
        mistakes.append(Mistake(field="name", text=text))
    if mistakes or condition is None:
        return None, mistakes
    kept = {
        key: value for key, value in values.items() if key not in rulechecks.CONDITIONS
    }
    return Rule(name=path.stem, path=path, condition=condition, **kept), []


def _split(
    by: tuple[str, ...], condition: Log | Metric | Block | None
) -> tuple[str, ...]:
    """The columns or dimensions that `by` means; raise ValueError for what is none."""
    if isinstance(condition, Metric):
        found = metricfields.dimensions(by, condition)
    else:
        found = logfields.columns(by)
    if twice := {each for each in found if found.count(each) > 1}:
        raise ValueError(f"names {', '.join(sorted(twice))} twice")
    if len(found) > MOST_DIMENSIONS:
        text = f"{len(found)} dimensions; Azure splits a rule by {MOST_DIMENSIONS}"
        raise ValueError(text)
    return tuple(found)


def _condition(
    values: dict[str, Any], mistakes: list[Mistake]
) -> Log | Metric | Block | None:
    found: Log | Metric | Block | None = None
    if "log" in values:
        found = logfields.log(values["log"], "log", mistakes)
    if "metric" in values:
        found = metricfields.metric(values["metric"], "metric", mistakes)
    if "burn" in values:
        mistakes += burnrates.check(values["burn"])[1]
    if "drift" in values:
        mistakes += alerting.check(values["drift"])[1]
    for kind in ("burn", "drift"):
        if kind in values:
            found = Block(kind=kind, given=values[kind])
    return found


# How fields are read


def _keys(path: Path) -> Known:
    return {
        "summary": ("summary", _text),
        "severity": ("severity", fields.whole(0, 4)),
        "runbook": ("runbook", partial(_runbook, path.parent / "runbooks")),
        "endpoints": ("endpoints", _endpoints),
        "window": ("window", _length),
        "every": ("every", _length),
        "failing": ("failing", _failing),
        "by": ("by", _words),
        "resolve": ("resolves", lambda value: fields.choice(*RESOLVE)(value) == "auto"),
        "notify": ("notify", _words),
        "next": ("next", _command),
        **{key: (key, lambda value: value) for key in ("log", "metric")},
        **{key: (key, _mapping) for key in ("burn", "drift")},
    }


RESOLVE = ("auto", "never")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text")
    return " ".join(value.split())


def _command(value: Any) -> str:
    if not isinstance(value, str) or not value.startswith("invoke "):
        raise ValueError("must be a command to type: invoke ...")
    return value


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("must hold keys and values")
    return value


def _runbook(folder: Path, value: Any) -> Path:
    named = _is_text(value) and len(value) <= MOST_CHARACTERS and NAME.fullmatch(value)
    path = folder / f"{value}.md"
    if not named or not path.is_file():
        there = sorted(each.stem for each in folder.glob("*.md"))
        near = difflib.get_close_matches(str(value), there, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"names no file of {shown(folder)}, such as errors.md{hint}")
    return path


def _endpoints(value: Any) -> tuple[str, ...]:
    wanted, there = _words(value), specs.names()
    if not wanted:
        raise ValueError("must name an endpoint, or be left out for all of them")
    for name in wanted:
        if name not in there:
            near = difflib.get_close_matches(name, there, n=1) or there
            raise ValueError(
                f"names {name!r}, which has no folder in specs (there is "
                f"{', '.join(near) or 'none'})"
            )
    return wanted


def _words(value: Any) -> tuple[str, ...]:
    words = value if isinstance(value, list) else [value]
    if not all(isinstance(word, str) and word for word in words):
        raise ValueError("must be a list of words")
    return tuple(words)


def _length(value: Any) -> timedelta:
    return timedelta(seconds=fields.seconds(value))


def _failing(value: Any) -> Failing:
    found = FAILING.fullmatch(value) if isinstance(value, str) else None
    count, of = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= count <= of <= MOST_PERIODS:
        raise ValueError(f'must be "1 of 1" to "{MOST_PERIODS} of {MOST_PERIODS}"')
    return Failing(count=count, of=of)
