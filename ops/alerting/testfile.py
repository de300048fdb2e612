"""alerts/tests/<rule>.yaml: cases of a rule, and all that is wrong with them.

cases:
  green fails, and is mended:
    given:
      from 12:00 to 13:00:
        - 600 requests a minute on blue
      from 12:10 for 10m:
        - 60 requests a minute on green, 50% with 500
    metrics:
      CpuUtilizationPercentage on green: 40x10 95x20
    expect:
      - fired on green by 12:13
      - resolved on green by 12:40
      - silent on blue
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ops import fields, specs
from ops.alerting.expecting import Expectation, expectation
from ops.alerting.given import Flow, clock, flows, moment
from ops.alerting.series import ENDPOINT, Series, series
from ops.errors import InvalidSpec
from ops.fields import Known, Mistake
from ops.settings import alerts_directory, shown
from ops.yaml_file import parse_yaml, read_text

NOON = moment("12:00")


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a rule is given, and what it must do."""

    rule: str
    name: str
    path: Path
    start: datetime  # evaluated from here on
    until: datetime
    flows: tuple[Flow, ...] = ()
    metrics: tuple[Series, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    endpoint: str = ""  # "": the first one that the rule is for

    @property
    def deployments(self) -> list[str]:
        """Those that it speaks of."""
        of_rows = [str(flow.columns.get("DeploymentName", "")) for flow in self.flows]
        of_metrics = [each.where for each in self.metrics if each.where != ENDPOINT]
        return sorted({name for name in (*of_rows, *of_metrics) if name})

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for flow in self.flows:
            found.setdefault(flow.table, []).extend(flow.rows())
        return found


def folder() -> Path:
    return alerts_directory() / "tests"


def paths() -> list[Path]:
    return sorted(folder().glob("*.yaml"))


def load(wanted: list[Path], rules: Mapping[str, object]) -> list[Case]:
    """The cases of some files; raise InvalidSpec with all that is wrong with any."""
    cases: list[Case] = []
    problems: list[str] = []
    for path in wanted:
        if path.stem not in rules:
            text = fields.unknown(path.stem, rules).removeprefix("unknown key ")
            problems.append(f"{shown(path)}: there is no such rule {text}")
            continue
        try:
            data = parse_yaml(read_text(path), shown(path))
        except InvalidSpec as error:
            problems += [line[4:] for line in error.problem.splitlines()[1:]]
            continue
        found, mistakes = check(path, data)
        cases += found
        problems += [f"{shown(path)}: {mistake}" for mistake in mistakes]
    if problems:
        raise InvalidSpec(problems)
    return cases


def check(path: Path, data: dict[str, Any]) -> tuple[list[Case], list[Mistake]]:
    mistakes: list[Mistake] = []
    known: Known = {
        "endpoint": ("endpoint", _endpoint),
        "cases": ("cases", partial(_cases, path, mistakes)),
    }
    values = fields.read(data, "", known, mistakes)
    if "cases" not in data:
        mistakes.append(Mistake(field="cases", text="must be given"))
    endpoint = values.get("endpoint", "")
    cases = [
        Case(**{**vars(case), "endpoint": endpoint}) for case in values.get("cases", ())
    ]
    return cases, mistakes


def _cases(path: Path, mistakes: list[Mistake], data: Any) -> list[Case]:
    if not isinstance(data, dict) or not data:
        raise ValueError("must hold at least one case by its name")
    found = []
    for name, item in data.items():
        at, before = f"cases.{name}", len(mistakes)
        values = fields.read(item, at, _case(at, mistakes), mistakes)
        if isinstance(item, dict):
            mistakes += _missing(item, at)
        if len(mistakes) == before:
            case = _made(path, str(name), values)
            mistakes += _impossible(case, at)
            found.append(case)
    return found


def _case(at: str, mistakes: list[Mistake]) -> Known:
    return {
        "from": ("start", _time),
        "until": ("until", _time),
        "given": ("flows", partial(_flows, f"{at}.given", mistakes)),
        "metrics": ("metrics", partial(_metrics, f"{at}.metrics", mistakes)),
        "expect": ("expectations", partial(_expectations, f"{at}.expect", mistakes)),
    }


def _missing(item: dict[str, Any], at: str) -> Iterator[Mistake]:
    if "expect" not in item:
        yield Mistake(field=f"{at}.expect", text="must be given")


def _made(path: Path, name: str, values: dict[str, Any]) -> Case:
    """A case; it goes on until all that is given and expected is over."""
    flows, given = values.get("flows", ()), values.get("metrics", {})
    start = values.get("start") or min((f.span.start for f in flows), default=NOON)
    metrics = tuple(series(key, text, start) for key, text in given.items())
    expected = values["expectations"]
    until = values.get("until") or max(
        (
            start,
            *(flow.span.end for flow in flows),
            *(each.end for each in metrics),
            *(each.latest for each in expected if each.latest),
        )
    )
    return Case(
        rule=path.stem,
        name=name,
        path=path,
        start=start,
        until=until,
        flows=flows,
        metrics=metrics,
        expectations=expected,
    )


def _impossible(case: Case, at: str) -> Iterator[Mistake]:
    """Times at which nothing is evaluated: whatever is expected there means nothing."""
    if case.until < case.start:
        text = f"{clock(case.until)} is before {clock(case.start)}, where it begins"
        yield Mistake(field=f"{at}.until", text=text)
        return
    evaluated = f"evaluated is from {clock(case.start)} until {clock(case.until)}"
    for number, each in enumerate(case.expectations):
        for time in each.times:
            if not case.start <= time <= case.until:
                text = f"nothing happens at {clock(time)}: {evaluated}"
                yield Mistake(field=f"{at}.expect[{number}]", text=text)


def _time(value: Any) -> datetime:
    # YAML 1.1 takes an unquoted 12:30 for a number to the base of 60.
    text = f"{value // 60}:{value % 60:02}" if type(value) is int else value
    try:
        return moment(text)
    except ValueError:
        raise ValueError("must be a time such as 12:07 (26:30: the next day)") from None


def _endpoint(value: Any) -> str:
    if value not in specs.names():
        raise ValueError(
            f"has no folder in specs (there are: {', '.join(specs.names())})"
        )
    return str(value)


def _flows(at: str, mistakes: list[Mistake], data: Any) -> tuple[Flow, ...]:
    found = []
    for when, said in _mapping(data).items():
        for each in flows(when, said):
            if isinstance(each, Flow):
                found.append(each)
            else:
                mistakes.append(Mistake(field=f"{at}.{when}", text=str(each)))
    return tuple(found)


def _metrics(at: str, mistakes: list[Mistake], data: Any) -> dict[str, Any]:
    """Kept as they are written: when they start is known once all of a case is."""
    for name, text in _mapping(data).items():
        try:
            series(str(name), text, NOON)
        except ValueError as error:
            mistakes.append(Mistake(field=f"{at}.{name}", text=str(error)))
    return {str(name): text for name, text in data.items()}


def _expectations(
    at: str, mistakes: list[Mistake], data: Any
) -> tuple[Expectation, ...]:
    if not isinstance(data, list) or not data:
        raise ValueError('must list sentences, such as "fired on green by 12:07"')
    found = []
    for number, text in enumerate(data):
        try:
            found.append(expectation(text))
        except ValueError as error:
            mistakes.append(Mistake(field=f"{at}[{number}]", text=str(error)))
    return tuple(found)


def _mapping(data: Any) -> dict[Any, Any]:
    if not isinstance(data, dict) or not data:
        raise ValueError("must hold keys and values")
    return data
