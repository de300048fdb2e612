"""Whether what a deployment is asked, and what it answers, is still what it learned.

The log engine counts and computes (ops/drifting/drift.kql); what is drift is judged by
a known error rate (ops/drifting/judging.py). docs/drift.md tells what that guarantees.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ops import endpoints, specs, times
from ops.clients import Workspace
from ops.drifting import asking, baseline, chance, judging
from ops.drifting.asking import Measured, Question
from ops.drifting.baseline import Baseline, Column
from ops.endpoints import Deployment, Endpoint
from ops.errors import Refused, Unhealthy, UsageError
from ops.specs import EndpointSpec
from ops.times import Span

LONGEST = timedelta(days=90)
BASELINE = "baseline"


@dataclass(frozen=True, kw_only=True)
class ColumnDrift:
    """One column of a deployment, judged."""

    name: str
    kind: str  # feature, score, prediction
    state: str  # drift, steady, too few, vanished
    measured: Measured
    by_chance: dict[str, float]  # what 99 of 100 windows without drift stay below
    where: str  # "above 7.05", "1.45 to 1.55"
    share: float  # of the rows there, now
    baseline_share: float
    first_day: datetime | None
    last_day: datetime | None
    quality: tuple[str, ...]  # what is wrong with the values themselves


@dataclass(frozen=True, kw_only=True)
class Drift:
    """What was found of one deployment."""

    endpoint: str
    deployment: str
    model: str
    against: str  # "baseline", or a deployment
    span: Span
    rows: int
    effective: float
    baseline_rows: int
    columns: tuple[ColumnDrift, ...]
    odd_rows: int  # of another number of values than there are features
    strange_rows: int  # of another version of the model
    needed: dict[float, int | None]  # rows that show a shift of so many deviations

    @property
    def drifted(self) -> list[ColumnDrift]:
        return [each for each in self.columns if each.state == "drift"]

    @property
    def faulty(self) -> list[ColumnDrift]:
        return [each for each in self.columns if each.quality]


def span(since: str, now: datetime) -> Span:
    """What --since means: at most 90 days."""
    length = times.duration(since, "--since")
    if length > LONGEST:
        raise UsageError(f"--since goes back at most 90 days, not {since}.")
    return Span(start=now - length, end=now)


def measure(
    workspace: Workspace,
    spec: EndpointSpec,
    endpoint: Endpoint,
    span: Span,
    deployment: str | None,
    against: str | None,
) -> list[Drift]:
    """Each deployment's drift, or one's against another or its baseline."""
    judged = list(_judged(endpoint, deployment, against))
    other = "" if against in (None, BASELINE) else str(against)
    if other:
        endpoints.require(endpoint, other)
    return [_measure(workspace, spec, endpoint, each, other, span) for each in judged]


def require_steady(found: Sequence[Drift]) -> None:
    """Raise Unhealthy, exit status 3, where something has moved or is broken."""
    moved = [(each, c) for each in found for c in each.columns if _wrong(c)]
    if not moved:
        return _require_sight(found)
    listed = ", ".join(f"{column.name} of {each.deployment}" for each, column in moved)
    deployment = moved[0][0].deployment
    raise Unhealthy(
        f"Drift: {listed}.",
        f"invoke logs --deployment {deployment} --include features   # what is sent",
        "invoke drift --since 30d   # since when",
    )


def _require_sight(found: Sequence[Drift]) -> None:
    """Raise Unhealthy where every row has lost a feature, or has a new one."""
    for each in found:
        if each.odd_rows and not each.rows:
            raise Unhealthy(
                f"Drift of {each.deployment} can't be told: a feature has vanished "
                "from its logs, or is new there.",
                f"invoke logs --deployment {each.deployment} --include features",
            )


def judge(
    base: Baseline, rows: Sequence[Measured], endpoint: str, against: str, span: Span
) -> Drift:
    """A deployment's measured columns, judged: pure."""
    spend = judging.level()
    whole = {each.column: each for each in rows if each.day is None}
    known = [each for each in base.columns if each.name in whole]
    evidence = {each.name: whole[each.name].evidence for each in known}
    flagged = judging.discoveries(evidence, spend) if evidence else set()
    broken = _broken(known, whole, spend)
    enough = judging.least_evidence(spend, max(len(base.columns), 1))
    size = max((whole[each.name].effective for each in known), default=0.0)
    from_rows = min((whole[e.name].baseline_effective for e in known), default=0.0)
    from_rows = from_rows or (0 if against else min(e.rows for e in base.columns))
    needed = {
        shift: judging.rows_needed(shift, from_rows, 48, enough) if from_rows else None
        for shift in judging.SHIFTS
    }
    columns = tuple(
        _column(each, whole[each.name], rows, each.name in flagged, broken, needed)
        for each in known
    )
    first = next(iter(rows), None)
    return Drift(
        endpoint=endpoint,
        deployment=first.deployment if first else "",
        model=f"{base.model}:{base.version}",
        against=against or BASELINE,
        span=span,
        rows=max((_all(whole[each.name]) for each in known), default=0),
        effective=size,
        baseline_rows=round(from_rows),
        columns=columns,
        odd_rows=_count(whole.get(asking.ODD)),
        strange_rows=_count(whole.get(asking.STRANGE)),
        needed=needed,
    )


def _measure(
    workspace: Workspace,
    spec: EndpointSpec,
    endpoint: Endpoint,
    deployment: Deployment,
    against: str,
    span: Span,
) -> Drift:
    base = baseline.of(spec, deployment)
    versions = {base.version}
    if against:
        versions.add(endpoint.deployments[against].model.partition(":")[2])
    question = Question(
        baseline=base,
        deployments=(deployment.name,),
        versions=tuple(sorted(versions)),
        against=against,
    )
    rows = asking.ask(workspace, endpoint.name, question, span)
    found = judge(base, rows, endpoint.name, against, span)
    return replace(found, deployment=deployment.name)


def _judged(
    endpoint: Endpoint, deployment: str | None, against: str | None
) -> Iterator[Deployment]:
    if deployment:
        if deployment == against:
            raise UsageError("--deployment and --against name the same deployment.")
        yield endpoints.require(endpoint, deployment)
        return
    others = [each for name, each in endpoint.deployments.items() if name != against]
    if not others:
        if endpoint.deployments:
            raise Refused(f"{endpoint.name} has {against} alone: nothing is beside it.")
        raise Refused(
            f"{endpoint.name} has no deployment to measure.",
            specs.first_deploy(endpoint.name),
        )
    yield from others


def _column(
    column: Column,
    found: Measured,
    rows: Sequence[Measured],
    moved: bool,
    broken: set[str],
    needed: dict[float, int | None],
) -> ColumnDrift:
    days = sorted(
        (each for each in rows if each.column == column.name and each.day),
        key=lambda each: str(each.day),
    )
    first, last = judging.first_and_last(days) if moved else (None, None)
    where, share, before = judging.where(column, found)
    return ColumnDrift(
        name=column.name,
        kind=column.kind,
        state=_state(found, moved, needed),
        measured=found,
        by_chance=chance.by_chance(found, column),
        where=where,
        share=share,
        baseline_share=before,
        first_day=first.day if first else None,
        last_day=last.day if last else None,
        quality=tuple(_quality(column, found, broken)),
    )


def _state(found: Measured, moved: bool, needed: dict[float, int | None]) -> str:
    if found.rows == 0:
        return "vanished"
    if moved:
        return "drift"
    least = needed.get(1.0) or needed.get(2.0)
    return "too few" if least is None or found.effective < least else "steady"


def _quality(column: Column, found: Measured, broken: set[str]) -> Iterator[str]:
    everything = _all(found)
    if found.rows == 0:
        yield f"vanished: none of {everything:,} rows has a value"
        return
    if f"{column.name} faulty" in broken:
        parts = ((found.missing, "missing"), (found.not_numbers, "NaN or infinite"))
        for count, word in parts:
            if count:
                yield f"{_percent(count / everything)} {word}"
    if f"{column.name} out" in broken:
        low, high = column.edges[0], column.edges[-1]
        share = _percent(found.out_of_range / found.rows)
        yield f"{share} outside of {low:.4g} to {high:.4g}, all that training saw"


def _broken(
    known: Sequence[Column], whole: dict[str, Measured], spend: float
) -> set[str]:
    """What is wrong with values, by the same procedure over all columns."""
    evidence = {}
    for column in known:
        if column.kind == "feature":
            found = whole[column.name]
            evidence[f"{column.name} faulty"] = found.faulty_evidence
            evidence[f"{column.name} out"] = found.out_evidence
    return judging.discoveries(evidence, spend) if evidence else set()


def _wrong(column: ColumnDrift) -> bool:
    return column.state in ("drift", "vanished") or bool(column.quality)


def _all(found: Measured) -> int:
    return found.rows + found.missing + found.not_numbers


def _count(found: Measured | None) -> int:
    return _all(found) if found else 0


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
