"""The alert engine for whoever asks by JSON: what rules would have made of given data.

The rules are evaluated by exactly the code behind the evaluator, over tables that are
given (in a log store of their own, in memory), over metrics, or over values that were
aggregated already. Nothing is kept.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ops.localcloud.alerting.evaluation import EPOCH, Key, Turn, due, evaluate
from ops.localcloud.alerting.given import (
    GivenSignals,
    Unfit,
    fill,
    given_metrics,
    given_values,
    in_memory,
)
from ops.localcloud.alerting.machine import Series
from ops.localcloud.alerting.payloads import Said, context
from ops.localcloud.alerting.processing import Told, processed
from ops.localcloud.alerting.queries import unmeasurable
from ops.localcloud.alerting.readings import Signals
from ops.localcloud.alerting.rules import Rule, rule
from ops.localcloud.catalog import kind_of
from ops.localcloud.intervals import moment
from ops.localcloud.kql import QueryError
from ops.localcloud.logstore import LogStore
from ops.localcloud.metrics import Wrong, named

MOST_EVALUATIONS = 500_000  # an hour of a rule's minutes is 60


@dataclass
class Play:
    """What was asked, and what has become of it so far."""

    rules: list[Rule]
    processing: Sequence[Mapping[str, Any]]
    signals: Signals
    memory: dict[str, dict[Key, Series]] = field(default_factory=dict)
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)  # by rule: why it is
    problems: dict[str, None] = field(default_factory=dict)  # in order, each once


def answers(told: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Any:
    """An answer, or one to each of several questions.

    They share no data, but a log store: a query is translated once for all of them.
    """
    store = in_memory()
    try:
        if isinstance(told, Mapping):
            return answer(told, store)
        return [answer(each, store) for each in told]
    finally:
        store.close()


def answer(told: Mapping[str, Any], store: LogStore) -> dict[str, Any]:
    """Evaluations, alerts and problems; see the README of localcloud for the shapes.

    The store is emptied, and filled with what is given.
    """
    problems: dict[str, None] = {}
    rules = list(_rules(told.get("rules") or (), problems))
    try:
        span = moment(told["from"]), moment(told["until"])
        signals = _signals(told, rules, store)
    except (Unfit, ValueError, KeyError) as problem:
        return {"evaluations": [], "alerts": [], "problems": [*problems, str(problem)]}
    play = Play(rules, told.get("actionRules") or (), signals, problems=problems)
    _run(play, span)
    if "values" in told:
        play.problems |= {f"{name}: {why}": None for name, why in play.broken.items()}
    else:
        _complain(play, store)
    return {
        "evaluations": play.evaluations,
        "alerts": [_shown(alert) for alert in play.alerts],
        "problems": list(play.problems),
    }


def _rules(
    bodies: Sequence[Mapping[str, Any]], problems: dict[str, None]
) -> Iterator[Rule]:
    for number, body in enumerate(bodies):
        name = body.get("name") or f"rules[{number}]"
        try:
            yield rule(body)
        except (ValueError, TypeError, KeyError) as problem:
            problems[f"{name}: {problem}"] = None


def _signals(
    told: Mapping[str, Any], rules: Sequence[Rule], store: LogStore
) -> Signals:
    """From where values come; raises Unfit."""
    if "values" in told:
        return given_values(told["values"])
    fill(store, told.get("tables") or {}, rules)
    return GivenSignals(store, given_metrics(told.get("metrics") or ()))


def _complain(play: Play, store: LogStore) -> None:
    """Say of each rule that could not be evaluated, or that found no value, why not."""
    valued = {each["rule"] for each in play.evaluations if each["value"] is not None}
    for asked in play.rules:
        reason = play.broken.get(asked.name, "")
        if reason or asked.name not in valued:
            try:
                reason = _unfit(asked, store) or reason
            except (QueryError, Wrong) as plainer:
                reason = _told(plainer)
        if reason:
            play.problems[f"{asked.name}: {reason}"] = None


def _unfit(asked: Rule, store: LogStore) -> str:
    """Why the conditions of a rule can't be measured; "" where they can."""
    for condition in asked.conditions:
        if condition.metric:
            for scope in asked.scopes:
                named(kind_of(scope), condition.metric)
            continue
        query = f"{condition.query.rstrip().rstrip(';')}\n| take 0"
        columns = store.query(query, now=EPOCH).tables[0].columns
        if reason := unmeasurable(condition, columns):
            return reason
    return ""


def _told(error: Exception) -> str:
    if not isinstance(error, QueryError) or error.line is None:
        return str(error)
    return f"{error.message} (line {error.line}, position {error.position})"


def _run(play: Play, span: tuple[datetime, datetime]) -> None:
    """Evaluate each rule at all its times within the span, in order of time."""
    start, until = span
    before = start - timedelta(microseconds=1)  # `from` itself is a time to evaluate at
    times = [
        (at, number)
        for number, each in enumerate(play.rules)
        if each.enabled
        for at in due(each, before, until)
    ]
    if len(times) > MOST_EVALUATIONS:
        most = f"{MOST_EVALUATIONS:,} can be asked for at once"
        play.problems[f"{len(times):,} evaluations are too many: {most}"] = None
        return
    for at, number in sorted(times):
        if play.rules[number].name not in play.broken:
            _evaluate(play, play.rules[number], at)


def _evaluate(play: Play, asked: Rule, at: datetime) -> None:
    memory = play.memory.setdefault(asked.id, {})
    try:
        turns = evaluate(asked, memory, at, play.signals, _exists)
    except (QueryError, Wrong, KeyError) as problem:
        play.broken[asked.name] = _told(problem)
        return
    for turn in turns:
        if turn.step.series.worth_keeping:
            memory[turn.key] = turn.step.series
        else:
            memory.pop(turn.key, None)
        _record(play, asked, turn, at)


def _exists(target: str) -> bool:
    return True  # who asks has no resources


def _record(play: Play, asked: Rule, turn: Turn, at: datetime) -> None:
    value = turn.reading.value if turn.reading else None
    state = "fired" if turn.step.series.fired or turn.step.event == "fired" else "ok"
    play.evaluations.append(
        {
            "at": at.isoformat(),
            "rule": asked.name,
            "target": turn.target,
            "dimensions": dict(turn.dimensions),
            "value": value,
            "met": turn.met,
            "state": state,
        }
    )
    if turn.step.event == "fired":
        play.alerts.append(_alert(play, asked, turn, at))
    elif turn.step.series.fired or turn.step.event == "resolved":
        alert = _open(play, asked, turn)
        if turn.step.event == "resolved":
            alert["resolved"] = at.isoformat()
        elif value is not None:
            alert["peak"] = _worse(asked)(alert["peak"], value)


def _alert(play: Play, asked: Rule, turn: Turn, at: datetime) -> dict[str, Any]:
    assert turn.reading is not None
    said = Said(
        rule=asked,
        target=turn.target,
        dimensions=turn.dimensions,
        reading=turn.reading,
        at=at,
    )
    told = Told(
        rule=asked.id,
        rule_name=asked.name,
        target=turn.target,
        severity=asked.severity,
        signal=asked.signal,
        service=asked.service,
        condition="Fired",
        description=asked.description,
        context=context(said),
    )
    suppressed = bool(processed(play.processing, told, at).suppressed_by)
    return {
        "key": (asked.id, *turn.key),
        "rule": asked.name,
        "target": turn.target,
        "dimensions": dict(turn.dimensions),
        "severity": asked.severity,
        "fired": at.isoformat(),
        "resolved": None,
        "value": turn.reading.value,
        "peak": turn.reading.value,
        "muted": turn.step.muted or suppressed,
    }


def _open(play: Play, asked: Rule, turn: Turn) -> dict[str, Any]:
    key = (asked.id, *turn.key)
    return next(alert for alert in reversed(play.alerts) if alert["key"] == key)


def _worse(asked: Rule) -> Callable[[float, float], float]:
    return min if asked.conditions[0].operator.startswith("Less") else max


def _shown(alert: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in alert.items() if name != "key"}
