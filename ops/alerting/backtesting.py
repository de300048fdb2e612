"""Alert rules over real history: when each would have fired, how long, how often.

The values at every evaluation are read in few questions (past.py); what would have come
of them says the engine, with its delays and failing periods.
"""

import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from ops import endpoints, suggestions, times
from ops.alerting import (
    compiling,
    offline,
    past,
    pastmetrics,
    resolving,
    rulefile,
    sliding,
)
from ops.alerting.compiling import LOG_RULES, Wanted
from ops.alerting.coverage import Data, coverage
from ops.alerting.expecting import Firing
from ops.alerting.offline import Question
from ops.alerting.past import Past, Points
from ops.alerting.places import Place, place_of, settings
from ops.alerting.rules import Rule
from ops.clients import Workspace
from ops.errors import InvalidSpec, NotFound, UsageError
from ops.fields import unknown
from ops.settings import shown
from ops.times import Span
from ops.yaml_file import parse_yaml, read_text

LONGEST = timedelta(days=90)  # Azure keeps metrics for 93 days
MONTH = timedelta(days=30)
REQUESTS = "AmlOnlineEndpointTrafficLog"


@dataclass(frozen=True, kw_only=True)
class Firings:
    """What one version of one rule would have done."""

    rule: str
    version: str  # where it is written
    firings: list[Firing]
    since: datetime  # evaluated from here on, or from where its data begin
    until: datetime
    notes: list[str] = field(default_factory=list)
    told: bool = True  # false: nothing could be measured

    @property
    def active(self) -> timedelta:
        """How long alerts would have been fired, together."""
        lengths = ((f.resolved or self.until) - f.fired for f in self.firings)
        return sum(lengths, timedelta())

    @property
    def per_month(self) -> float:
        lasted = self.until - self.since
        return len(self.firings) / (lasted / MONTH) if lasted else 0.0


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """The versions of some rules over some history."""

    endpoint: str
    span: Span
    found: list[Firings]
    data: list[Data]


def run(
    workspace: Workspace,
    endpoint: str,
    since: str,
    rule: str | None = None,
    against: str | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Backtest:
    """Every rule of an endpoint, or one, and perhaps another version of it."""
    length = times.duration(since, "--since")
    if length > LONGEST:
        raise UsageError(f"--since takes up to {LONGEST.days}d, not {since}.")
    if against and not rule:
        raise UsageError("--against needs --rule: which rule it is another version of.")
    end = workspace.now().replace(second=0, microsecond=0)
    span = Span(start=end - length, end=end)
    chosen = list(_chosen(endpoint, rule, against))
    groups, scaled = _groups(each for each, _ in chosen), settings(workspace, endpoint)
    place = place_of(workspace, endpoints.get(workspace, endpoint), groups, scaled)
    names = {REQUESTS}.union(*(_tables(each, endpoint) for each, _ in chosen))
    data = [coverage(workspace, endpoint, name, span) for name in sorted(names)]
    read = []
    for number, (each, version) in enumerate(chosen, 1):
        tell(f"reading {number} of {len(chosen)}: {each.name}")
        read.append(_read(workspace, place, each, version, span))
    tell("asking the engine")
    found = list(_firings(read, span, _begun(data)))
    tell("")
    return Backtest(endpoint=endpoint, span=span, found=found, data=data)


def _chosen(
    endpoint: str, name: str | None, against: str | None
) -> Iterator[tuple[Rule, str]]:
    """The rules and where each is written."""
    rules = rulefile.load()
    if name is not None and name not in rules:
        hint = unknown(name, rules).removeprefix("unknown key ")
        raise NotFound(
            f"There is no rule {name!r} {hint}.",
            *suggestions.remedies(name, rules, "invoke alerts.show"),
        )
    for each in [rules[name]] if name else rules.values():
        if not each.endpoints or endpoint in each.endpoints:
            yield each, shown(each.path)
    if name and against:
        yield other(rules[name], against), against


def other(rule: Rule, against: str) -> Rule:
    """Another version of a rule: a file's, or the rule's own file at a commit."""
    path = Path(against)
    text = read_text(path) if path.is_file() else _at_commit(rule.path, against)
    found, mistakes = rulefile.check(rule.path, parse_yaml(text, against))
    if found is None:
        raise InvalidSpec(f"{against}: {mistake}" for mistake in mistakes)
    return found


def _at_commit(path: Path, commit: str) -> str:
    name = f"{commit}:./{path.name}"
    command = ["git", "show", "--end-of-options", name]
    done = subprocess.run(
        command, cwd=path.parent, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotFound(
            f"--against {commit} is neither a file nor a commit that has {shown(path)}."
        )
    return done.stdout


def _groups(rules: Iterable[Rule]) -> dict[str, str]:
    """Nobody is told of a backtest: the names stand for themselves."""
    return {name: name for rule in rules for name in rule.notify or ()}


def _tables(rule: Rule, endpoint: str) -> set[str]:
    meant, _ = resolving.resolved(rule, endpoint)
    return sliding.tables(getattr(meant.condition, "query", ""))


@dataclass(frozen=True, kw_only=True)
class Read:
    """A version of a rule and what was read for it."""

    rule: Rule
    version: str
    known: list[tuple[Wanted, Past]]
    unknown: list[str]  # why nothing could be read


def _read(
    workspace: Workspace, place: Place, rule: Rule, version: str, span: Span
) -> Read:
    """The past of all the resources that a rule becomes."""
    meant, _ = resolving.resolved(rule, place.endpoint)
    wanted = compiling.compiled(meant, place)
    read = [(each, _past(workspace, place, each, span)) for each in wanted]
    return Read(
        rule=rule,
        version=version,
        known=[(each, found) for each, found in read if isinstance(found, Past)],
        unknown=[found for _, found in read if isinstance(found, str)],
    )


def _firings(read: list[Read], span: Span, begun: datetime | None) -> Iterator[Firings]:
    """What the engine, asked once, makes of all that was read."""
    questions = [_question(*pair, span) for each in read for pair in each.known]
    answers = iter(offline.ask(questions))
    for each in read:
        own = [next(answers) for _ in each.known]
        since = _since(each.known, span, begun)
        notes = [note for _, found in each.known for note in found.notes]
        problems = [text for answer in own for text in answer.problems]
        fired = [firing for answer in own for firing in answer.firings]
        yield Firings(
            rule=each.rule.name,
            version=each.version,
            firings=sorted(fired, key=lambda firing: firing.fired),
            since=since or span.start,
            until=span.end,
            notes=list(dict.fromkeys([*each.unknown, *notes, *problems])),
            told=since is not None,
        )


def _begun(data: Iterable[Data]) -> datetime | None:
    """When rows began to come at all; None for none.

    Of one table alone it can't be said: without events there may be nothing to tell.
    """
    return min((each.first for each in data if each.first), default=None)


def _past(workspace: Workspace, place: Place, wanted: Wanted, span: Span) -> Past | str:
    """What was measured, or why that can't be told."""
    properties = wanted.body["properties"]
    if wanted.kind == LOG_RULES:
        return past.of_log(workspace, place.endpoint, properties, span)
    if "alertSensitivity" in properties["criteria"]["allOf"][0]:
        return "only Azure knows the threshold that it would have learned by then"
    return pastmetrics.of_metric(workspace, properties, span)


def _question(wanted: Wanted, found: Past, span: Span) -> Question:
    start = max(span.start, found.start) + timedelta(microseconds=1)
    values = [
        {
            "rule": wanted.name,
            "dimensions": dict(own),
            "points": [[at.isoformat(), value] for at, value in points.items()],
        }
        for own, points in found.values.items()
    ]
    body = offline.resource(wanted.kind, wanted.name, wanted.body)
    return Question(rules=[body], start=start, until=span.end, data={"values": values})


def _since(
    known: list[tuple[Wanted, Past]], span: Span, begun: datetime | None
) -> datetime | None:
    """From when on a rule had anything to look at: rows, or minutes of its metric."""
    if not known:
        return None
    values = [points for _, found in known for points in found.values.values()]
    firsts = list(filter(None, map(_first, values)))
    of_log = any(wanted.kind == LOG_RULES for wanted, _ in known)
    first = begun if of_log else min(firsts, default=None)
    if first is None:
        return None
    return max(span.start, first, *(found.start for _, found in known))


def _first(points: Points) -> datetime | None:
    return next((at for at, value in points.items() if value is not None), None)
