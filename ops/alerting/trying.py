"""Alert rules tested: the cases of alerts/tests/ through the engine, offline."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ops import specs, suggestions
from ops.alerting import compiling, offline, resolving, rulefile, testfile
from ops.alerting.metricfields import CAPACITY
from ops.alerting.offline import WORKSPACE, Answer, Question, Track
from ops.alerting.places import Place, Scaled
from ops.alerting.rules import Rule
from ops.alerting.series import ENDPOINT
from ops.alerting.testfile import NOON, Case
from ops.autoscaling import scalefile
from ops.errors import NotFound, OpsError
from ops.fields import unknown
from ops.settings import shown

NOTHING = Question(rules=[], start=NOON, until=NOON, data={})


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One sentence, and whether it came so."""

    text: str
    met: bool
    on: tuple[str, ...] = ()  # of which deployment, feature ... it speaks
    times: tuple[datetime, ...] = ()  # of when
    was: str = ""  # what came instead


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One case of a rule."""

    rule: str
    case: str
    file: str
    start: datetime
    until: datetime
    threshold: float | None
    operator: str
    judged: list[Judged]
    problems: list[str]
    tracks: list[Track] = field(repr=False)

    @property
    def passed(self) -> bool:
        return not self.problems and all(each.met for each in self.judged)


@dataclass(frozen=True, kw_only=True)
class Report:
    """Every case that was tried, and the rules that have none."""

    tried: list[Tried]
    untested: list[str]

    @property
    def passed(self) -> bool:
        return not self.untested and all(each.passed for each in self.tried)


def run(rule: str | None, files: Iterable[str], endpoint: str | None = None) -> Report:
    """Try some files' cases, one rule's, or all; raise InvalidSpec for wrong files.

    With an endpoint only what is for it, by its own objectives.
    """
    rules = _rules(rule, endpoint)
    named = [Path(each).resolve() for each in files]
    paths = named or testfile.paths()
    wanted = [path for path in paths if rule in (None, path.stem)]
    cases = [
        replace(case, endpoint=case.endpoint or endpoint or "")
        for case in testfile.load(wanted, rulefile.load())
        if case.rule in rules and endpoint in (None, case.endpoint or endpoint)
    ]
    if named and not cases:
        raise NotFound("These files have no case of this rule and endpoint.")
    tested = {case.rule for case in cases}
    untested = [] if named else [each for each in rules if each not in tested]
    return Report(tried=_tried(rules, cases), untested=untested)


def _rules(rule: str | None, endpoint: str | None) -> dict[str, Rule]:
    """The rules that are asked for; raise NotFound for one that isn't there."""
    rules = rulefile.load()
    if rule is not None and rule not in rules:
        hint = unknown(rule, rules).removeprefix("unknown key ")
        raise NotFound(
            f"There is no rule {rule!r} {hint}.",
            *suggestions.remedies(rule, rules, "invoke alerts.show"),
        )
    if endpoint is not None:
        specs.load(endpoint)
    return {
        name: each
        for name, each in rules.items()
        if rule in (None, name)
        and (not each.endpoints or endpoint in (None, *each.endpoints))
    }


def _tried(rules: Mapping[str, Rule], cases: Sequence[Case]) -> list[Tried]:
    """What came of the cases, the engine asked once."""
    asked = [_asked(rules[case.rule], case) for case in cases]
    answers = iter(offline.ask([each for each in asked if isinstance(each, Question)]))
    return [
        judge(case, each, next(answers))
        if isinstance(each, Question)
        else judge(case, NOTHING, Answer(tracks=[], problems=[each]))
        for case, each in zip(cases, asked, strict=True)
    ]


def require_passed(report: Report) -> None:
    """End with a failure where a case failed; all of them have been shown."""
    failed = sum(not each.passed for each in report.tried)
    lacks = f"{len(report.untested)} without a test" if report.untested else ""
    told = [f"{failed} of {len(report.tried)} cases failed" if failed else "", lacks]
    if said := ", ".join(filter(None, told)):
        raise OpsError(f"Alert tests: {said}.")


def _asked(rule: Rule, case: Case) -> Question | str:
    """What the engine is asked, or why a rule means nothing for the endpoint."""
    try:
        return question(rule, case)
    except OpsError as error:
        return " ".join(str(error).split())


def question(rule: Rule, case: Case) -> Question:
    """What the engine is asked of a case: the rule as it would be applied."""
    place = placed(rule, case)
    meant, _ = resolving.resolved(rule, place.endpoint)
    wanted = compiling.compiled(meant, place)
    return Question(
        rules=[offline.resource(each.kind, each.name, each.body) for each in wanted],
        start=case.start,
        until=case.until,
        data={"tables": _tables(case, place.id), "metrics": _metrics(case, place)},
    )


def placed(rule: Rule, case: Case) -> Place:
    """An endpoint of the name, with the deployments that the case speaks of."""
    endpoint = case.endpoint or next(iter(rule.endpoints or specs.names()))
    of_endpoint = f"{WORKSPACE}/onlineEndpoints/{endpoint}"
    return Place(
        endpoint=endpoint,
        id=of_endpoint,
        location="offline",
        deployments={
            name: f"{of_endpoint}/deployments/{name}" for name in case.deployments
        },
        groups={name: f"{WORKSPACE}/{name}" for name in rule.notify or ()},
        scaled=dict(_scaled(endpoint, case.deployments)),
    )


def _scaled(endpoint: str, names: Iterable[str]) -> Iterator[tuple[str, Scaled]]:
    """The settings that autoscale.yaml means for the deployments of a case."""
    if not scalefile.path_of(endpoint).is_file():
        return
    for name, scaling in scalefile.load(endpoint).items():
        if name in names:
            # Named by the deployment, as sentences speak of it.
            id_ = f"{WORKSPACE}/autoscalesettings/{name}"
            yield name, Scaled(id=id_, maximum=scaling.bounds.maximum or 1)


def _tables(case: Case, resource: str) -> dict[str, list[dict[str, Any]]]:
    """Rows of the endpoint; a table that is empty is there too."""
    return {
        table: [{"_ResourceId": resource, **row} for row in rows]
        for table, rows in case.tables().items()
    }


def _metrics(case: Case, place: Place) -> list[dict[str, Any]]:
    return [
        {
            "resource": _measured(each.metric, each.where, place),
            "metric": each.metric,
            "dimensions": dict(each.dimensions),
            "values": each.points,
        }
        for each in case.metrics
    ]


def _measured(metric: str, where: str, place: Place) -> str:
    if metric == CAPACITY and where in place.scaled:
        return place.scaled[where].id
    return place.id if where == ENDPOINT else place.deployments[where]


def judge(case: Case, asked: Question, answer: Answer) -> Tried:
    """Hold each sentence against what the engine says came."""
    judged = []
    for each in case.expectations:
        met = each.met(answer.firings)
        own = [f for f in answer.firings if each.about(f.target, f.dimensions)]
        was = "" if met else "; ".join(f.said for f in own) or "nothing fired"
        times = each.times
        judged.append(Judged(text=each.text, met=met, on=each.on, times=times, was=was))
    threshold, operator = limit(asked.rules)
    return Tried(
        rule=case.rule,
        case=case.name,
        file=shown(case.path),
        start=case.start,
        until=case.until,
        threshold=threshold,
        operator=operator,
        judged=judged,
        problems=answer.problems,
        tracks=answer.tracks,
    )


def limit(bodies: Sequence[Mapping[str, Any]]) -> tuple[float | None, str]:
    """The threshold of a compiled rule and its operator; none for a learned one."""
    if not bodies:
        return None, ""
    criterion = bodies[0]["properties"]["criteria"]["allOf"][0]
    return criterion.get("threshold"), criterion.get("operator", "")
