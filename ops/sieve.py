"""Which records a person wants to see: stern's include and exclude, and our own.

A line is left out if any --exclude matches, kept if any --include does, or if there is
none. Patterns are Python's; they are tried on this side, for the service's own have
another grammar.
"""

import re
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import FrameType

from ops import logrecords, times
from ops.errors import UsageError
from ops.logrecords import LEVELS, Record
from ops.tails import container_name
from ops.views import render

BATCH_SECONDS = 5.0  # a pattern that takes longer on one batch never ends


@dataclass(frozen=True, kw_only=True)
class Sieve:
    """What to keep."""

    include: tuple[re.Pattern[str], ...] = ()
    exclude: tuple[re.Pattern[str], ...] = ()
    highlight: tuple[re.Pattern[str], ...] = ()
    deployment: str = ""
    instance: str = ""  # the beginning or the end of an instance's name
    container: str = ""
    level: str = ""  # this one and above
    status: tuple[int, int] = (0, 0)  # from, up to and including
    slower_than: timedelta | None = None

    @property
    def marked(self) -> tuple[re.Pattern[str], ...]:
        """What to show bold: what was asked for, as stern does."""
        return self.include + self.highlight

    def keep(self, records: Iterable[Record]) -> list[Record]:
        """Those of a batch that pass; raise UsageError if a pattern never ends."""
        if not (self.include or self.exclude):  # may be done in any thread
            return [record for record in records if self._fits(record)]
        with time_limit(BATCH_SECONDS):
            return [record for record in records if self.passes(record)]

    def keep_lines(self, lines: Iterable[str]) -> list[str]:
        """The same of lines that are no records, as getLogs has them."""
        if not (self.include or self.exclude):
            return list(lines)
        with time_limit(BATCH_SECONDS):
            return [line for line in lines if self.matches(line)]

    def passes(self, record: Record) -> bool:
        return self._fits(record) and self.matches(record.message)

    def matches(self, message: str) -> bool:
        """Whether no --exclude and some --include is in a line."""
        if not (self.include or self.exclude):
            return True
        texts = faces(message)
        if any(each.search(text) for each in self.exclude for text in texts):
            return False
        return not self.include or any(
            each.search(text) for each in self.include for text in texts
        )

    def _fits(self, record: Record) -> bool:
        low, high = self.status
        name = record.instance
        return (
            (not self.deployment or record.deployment == self.deployment)
            and (
                not self.instance
                or name.startswith(self.instance)
                or name.endswith(self.instance)
            )
            and (not self.container or record.container == self.container)
            and (not self.level or _rank(record.level) >= _rank(self.level))
            and (not high or any(low <= each <= high for each in record.statuses))
            and (
                self.slower_than is None
                or record.duration_ms > self.slower_than / timedelta(milliseconds=1)
            )
        )


def sieve(
    *,
    patterns: Mapping[str, Sequence[str]],
    deployment: str | None = None,
    instance: str | None = None,
    container: str | None = None,
    level: str | None = None,
    status: str | None = None,
    slower_than: str | None = None,
) -> Sieve:
    """What the flags mean together; raise UsageError."""
    compiled = {name: _patterns(f"--{name}", texts) for name, texts in patterns.items()}
    return Sieve(
        **compiled,
        deployment=deployment or "",
        instance=instance or "",
        container=container_name(container),
        level=_level(level),
        status=_status(status),
        slower_than=times.duration(slower_than, "--slower-than")
        if slower_than
        else None,
    )


def faces(message: str) -> set[str]:
    """A line as it came, and as it stands on the screen, with its logger and without.

    A person looks for what they see: `status=200`, where the line is JSON.
    """
    by, said = logrecords.shown(message)
    shown = render.clean(said)
    return {message, shown, f"{by} {shown}"}


def _patterns(flag: str, texts: Sequence[str]) -> tuple[re.Pattern[str], ...]:
    """Compile what --include and its like were given; raise UsageError."""
    return tuple(_pattern(flag, text) for text in texts)


def _level(text: str | None) -> str:
    if text and text.lower() not in LEVELS:
        raise UsageError(f"--level takes one of {', '.join(LEVELS)}, not {text!r}.")
    return (text or "").lower()


def _status(text: str | None) -> tuple[int, int]:
    """`424` or `5xx` as a range; (0, 0) for nothing."""
    if not text:
        return (0, 0)
    if re.fullmatch(r"[1-5][0-9]{2}", text):
        return (int(text), int(text))
    if re.fullmatch(r"[1-5][xX]{2}", text):
        return (int(text[0]) * 100, int(text[0]) * 100 + 99)
    raise UsageError(f"--status takes a status such as 424 or 5xx, not {text!r}.")


def _pattern(flag: str, text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f"{flag} {text!r} is no pattern: {error}.") from None


def _rank(level: str) -> int:
    return LEVELS.index(level) if level else LEVELS.index("info")


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise UsageError in the main thread when `seconds` have gone by.

    `re` looks for signals while it matches, so this ends even a pattern that would
    run for years.
    """

    def end(number: int, frame: FrameType | None) -> None:
        raise UsageError(
            "A pattern takes for ever on these lines; "
            "nested repeats such as (a+)+ do that."
        )

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
