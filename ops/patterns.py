"""What an endpoint keeps saying: its lines grouped into templates, and what is new.

Numbers, ids, paths and quoted texts of a line become marks; lines of the same length
that then agree in most words are one template, with `<*>` where they differ (the idea
of Drain: He et al., ICWS 2017). Lines of JSON are told by their event, status, level
and reason alone.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from ops import logrows, times
from ops.clients import Workspace
from ops.logrecords import LEVELS, Record, spoken, structured
from ops.logrows import Source
from ops.sieve import Sieve
from ops.times import Span
from ops.views import render

MASKS = [
    (re.compile(pattern), mark)
    for pattern, mark in (
        (
            r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?",
            "<time>",
        ),
        (r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b", "<id>"),
        (r"\bhttps?://\S+", "<url>"),
        (r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b", "<ip>"),
        (r"\b0x[0-9a-fA-F]+\b|\b(?=[a-f]*\d)[0-9a-f]{8,}\b", "<hex>"),
        (r'"[^"]*"', '"<text>"'),
        (r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", "<n>"),
    )
]
TOLD = ("event", "level", "severity", "status", "reason", "message", "msg", "error")
ALIKE = 0.6  # of the words that two lines of one template share
MOST_WORDS = 60
MOST_TEMPLATES = 2000
READ = 200_000  # lines of each span


@dataclass(kw_only=True)
class Pattern:
    """One template and how often it was seen: in the span, and in the one before."""

    words: list[str]
    now: Counter[str] = field(default_factory=Counter)  # by deployment
    before: Counter[str] = field(default_factory=Counter)
    level: str = ""
    example: str = ""
    last: datetime | None = None

    @property
    def text(self) -> str:
        return " ".join(self.words)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A template with its counts, ready to be shown."""

    pattern: str
    counts: dict[str, int]  # by deployment, in the span
    before: int  # of all deployments, in the span before
    level: str
    new: str  # what it is new against: "on green", "since 14:05", or ""
    last: datetime | None
    example: str


class Miner:
    """Sorts messages into templates, one after another."""

    def __init__(self) -> None:
        self._groups: dict[tuple[int, str], list[Pattern]] = {}
        self._known: dict[str, Pattern] = {}
        self.patterns: list[Pattern] = []

    def pattern(self, message: str) -> Pattern:
        """The template of a message, made or widened for it."""
        masked = mask(message)
        if masked in self._known:
            return self._known[masked]
        words = masked.split()[:MOST_WORDS] or ["(empty)"]
        group = self._groups.setdefault((len(words), words[0]), [])
        best = max(group, key=lambda p: likeness(p.words, words), default=None)
        if best is None or likeness(best.words, words) < ALIKE:
            best = self._new(words, group)
        else:
            best.words = [
                a if a == b else "<*>" for a, b in zip(best.words, words, strict=True)
            ]
        self._known[masked] = best
        return best

    def _new(self, words: list[str], group: list[Pattern]) -> Pattern:
        if len(self.patterns) >= MOST_TEMPLATES:  # lines of noise: one for them all
            return self.patterns[-1]
        self.patterns.append(Pattern(words=words))
        group.append(self.patterns[-1])
        return self.patterns[-1]


def find(source: Source, span: Span, *, against: str, of: str) -> list[Found]:
    """The templates of a span, what is new first, then by count.

    New on `of` is what the deployment `against` doesn't say in the span; new since is
    what nobody said in a span as long, just before.
    """
    earlier = Span(start=span.start - (span.end - span.start), end=span.start)
    now, _ = logrows.newest(source, span, READ)
    before, _ = logrows.newest(source, earlier, READ)
    return compare(now, before, against=against, of=of, since=span.start)


def compare(
    now: Iterable[Record],
    before: Iterable[Record],
    *,
    against: str,
    of: str,
    since: datetime,
) -> list[Found]:
    """Group both spans' records with one set of templates and tell what is new."""
    miner = Miner()
    said = set()
    for record in filter(_says_something, before):
        miner.pattern(record.message).before[record.deployment] += 1
        said.add(record.deployment)
    earlier = bool(said)  # with nothing before, all would be new
    for record in filter(_says_something, now):
        pattern = miner.pattern(record.message)
        pattern.now[record.deployment] += 1
        pattern.level = record.level or pattern.level
        pattern.last, pattern.example = record.time, record.message
        said.add(record.deployment)
    found = [
        Found(
            pattern=each.text,
            counts=dict(each.now),
            before=each.before.total(),
            level=each.level,
            new=_new_on(each, of, against if against in said else None)
            or ("" if each.before or not earlier else f"since {since:%H:%M}"),
            last=each.last,
            example=each.example,
        )
        for each in miner.patterns
        if each.now
    ]
    return sorted(found, key=_order)


def mask(message: str) -> str:
    """A message with marks for what differs from line to line."""
    message = render.clean(message)  # first: a mark within an escape would break it
    told = structured(message)
    if told:
        parts = [
            f"{name}={told[name]}" for name in TOLD if told.get(name) not in (None, "")
        ]
        status = [part for part in parts if part.startswith("status=")]
        rest = " ".join(part for part in parts if part not in status)
        return " ".join([*status, _masked(rest)]) if parts else "{...}"
    return _masked(spoken(message)[1][:2000])


def likeness(a: list[str], b: list[str]) -> float:
    """The share of places where two lists of words agree; marks agree with all."""
    if len(a) != len(b):
        return 0.0
    same = sum(x == y or x == "<*>" for x, y in zip(a, b, strict=True))
    return same / len(a)


def _masked(text: str) -> str:
    for pattern, mark in MASKS:
        text = pattern.sub(mark, text)
    return text


def _new_on(pattern: Pattern, of: str, against: str | None) -> str:
    if against is None or not pattern.now[of]:
        return ""
    said = pattern.now[against] + pattern.before[against]
    return "" if said else f"on {of}"


def _order(found: Found) -> tuple[bool, int, int]:
    """What is new first, then what is worst, then what is most frequent."""
    rank = LEVELS.index(found.level) if found.level in LEVELS else 1
    return not found.new, -rank, -sum(found.counts.values())


def _says_something(record: Record) -> bool:
    return bool(record.message.strip())


def span(since: str | None, from_: str | None, to: str | None, now: datetime) -> Span:
    """What --since, --from and --to mean now."""
    return times.span(since, from_, to, now=now)


def source(workspace: Workspace, endpoint: str, which: Sieve) -> Source:
    return Source(
        workspace=workspace, endpoint=endpoint, kinds=("console",), sieve=which
    )
