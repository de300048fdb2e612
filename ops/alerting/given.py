"""What the test of an alert rule is given: requests, lines and metrics in a sentence.

    from 12:00 for 10m:
      - 60 requests a minute on green, 5% with 500, 120 ms
      - 10% of it at 900 ms ...

Everything is spread evenly and nothing is drawn by chance: the same words always mean
the same rows. docs/alerts.md has the grammar.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ops import fields, times
from ops.errors import UsageError
from ops.times import Span

DAY = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday: every test's times are of this day
TIME = re.compile(r"([0-3]?[0-9]|4[0-7]):([0-5][0-9])")
SPAN = re.compile(r"from (\S+) (for|to) (\S+)")
COUNTED = re.compile(
    r"([0-9]+(?:\.[0-9]+)?) (request|line|event)s? (?:a|per) (second|minute|hour)"
    r"(?: on ([\w-]+))?"
)
SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?% (?:with ([1-5][0-9]{2})|at (.+))")
LATENCY = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(ms|s)")
STATUS = re.compile(r"with ([1-5][0-9]{2})")
MARKS = {
    "mirrored": {"OperationName": "mirror"},
    "probes": {"UserAgent": "aml-ops-probe"},
}
MOST_ROWS = 500_000
TABLES = {
    "request": "AmlOnlineEndpointTrafficLog",
    "line": "AmlOnlineEndpointConsoleLog",
    "event": "AmlOnlineEndpointEventLog",
}
USUAL_MS = 20.0
CALLED = {
    "OperationName": "score",
    "Method": "POST",
    "Path": "/score",
    "UserAgent": "client",
    "AuthType": "Key",
}
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Share:
    """Of the requests of a sentence so many end so, or take so long."""

    ratio: float
    columns: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Rows of one table that come evenly, over a span."""

    table: str
    span: Span
    per_second: float
    columns: Mapping[str, Any]
    shares: tuple[Share, ...] = ()

    @property
    def count(self) -> int:
        return int(self.span.seconds * self.per_second + 1e-6)

    def rows(self) -> Iterator[Row]:
        """One after the other, each in the middle of its own part of the time."""
        debts = [0.5] * len(self.shares)  # the first in the middle of its turn
        for number in range(self.count):
            at = self.span.start + timedelta(seconds=(number + 0.5) / self.per_second)
            row = {"TimeGenerated": at.isoformat(), **self.columns}
            for index, share in enumerate(self.shares):
                debts[index] += share.ratio
            for index, share in enumerate(self.shares):
                if debts[index] >= 1 - 1e-9:
                    debts[index] -= 1
                    row |= share.columns
                    break
            yield row


def flows(when: str, said: Any) -> Iterator[Flow | ValueError]:
    """What one entry of `given` means; each sentence that can't be read is told."""
    try:
        between = span(when)
    except ValueError as error:
        yield error
        return
    for each in said if isinstance(said, list) else [said]:
        try:
            yield flow(between, each)
        except ValueError as error:
            yield error


def flow(between: Span, said: Any) -> Flow:
    if isinstance(said, dict) and "table" in said:
        return _raw(between, said)
    if isinstance(said, dict) and len(said) == 1:  # `6 lines a minute: text`, unquoted
        ((before, after),) = said.items()
        said = f"{before}: {after}"
    counted = COUNTED.match(said) if isinstance(said, str) else None
    if counted is None:
        raise ValueError(
            f'{said!r} must read "60 requests a minute on green, 5% with 500, 120 ms", '
            '"6 lines a minute on green: TEXT", "1 event a minute on green: BackOff" '
            "or be {table: NAME, every: 10s, row: {COLUMN: VALUE}}"
        )
    number, kind, unit, deployment = counted.groups()
    rest = said[counted.end() :].strip()
    seconds = {"second": 1, "minute": 60, "hour": 3600}[unit]
    about = {"DeploymentName": deployment or ""}
    columns, shares = READERS[kind](rest, about)
    return _bounded(
        Flow(
            table=TABLES[kind],
            span=between,
            per_second=float(number) / seconds,
            columns=columns,
            shares=shares,
        )
    )


def _requests(rest: str, about: Row) -> tuple[Row, tuple[Share, ...]]:
    columns = {**about, **CALLED}
    columns |= _ended(200) | _took(USUAL_MS)
    shares = []
    for part in filter(None, (text.strip() for text in rest.split(","))):
        if found := SHARE.fullmatch(part):
            ratio, status, slow = found.groups()
            ended = _ended(int(status)) if status else _took(_milliseconds(slow))
            shares.append(Share(ratio=float(ratio) / 100, columns=ended))
        elif found := STATUS.fullmatch(part):
            columns |= _ended(int(found[1]))
        elif part in MARKS:
            columns |= MARKS[part]
        else:
            columns |= _took(_milliseconds(part))
    if sum(share.ratio for share in shares) > 1 + 1e-9:
        raise ValueError("the shares of a sentence are more than 100%")
    return columns, tuple(shares)


def _ended(status: int) -> Row:
    reached = status < 400 or status >= 500
    return {"ResponseCode": status, "ModelStatusCode": status if reached else None}


def _took(milliseconds: float) -> Row:
    return dict.fromkeys(("TotalDurationMs", "ResponseDurationMs"), round(milliseconds))


def _milliseconds(text: str) -> float:
    found = LATENCY.fullmatch(text)
    if not found:
        raise ValueError(
            f'{text!r} must be "5% with 500", "5% at 900 ms", "120 ms", "with 500", '
            '"mirrored" or "probes"'
        )
    return float(found[1]) * (1000 if found[2] == "s" else 1)


def _lines(rest: str, about: Row) -> tuple[Row, tuple[Share, ...]]:
    text = _after_colon(rest, "the line's text")
    instance = f"{about['DeploymentName']}-1"
    columns = {"InstanceId": instance, "ContainerName": "inference-server"}
    return {**about, **columns, "Message": text}, ()


def _events(rest: str, about: Row) -> tuple[Row, tuple[Share, ...]]:
    name, _, message = _after_colon(rest, "the event's name").partition(" ")
    instance = f"{about['DeploymentName']}-1"
    return {**about, "InstanceId": instance, "Name": name, "Message": message}, ()


def _after_colon(rest: str, what: str) -> str:
    if not rest.startswith(":") or not rest[1:].strip():
        raise ValueError(f"{what} must follow after a colon")
    return rest[1:].strip()


READERS = {"request": _requests, "line": _lines, "event": _events}


def _raw(between: Span, said: Row) -> Flow:
    """Any row of any table, each so often."""
    mistakes: list[fields.Mistake] = []
    known: fields.Known = {
        "table": ("table", str),
        "every": ("every", fields.seconds),
        "row": ("row", dict),
    }
    values = fields.read(said, "", known, mistakes)
    missing = [key for key in known if key not in said]
    if mistakes or missing:
        told = [str(each) for each in mistakes] + [
            f"{key}: is missing" for key in missing
        ]
        raise ValueError("; ".join(told))
    return _bounded(
        Flow(
            table=values["table"],
            span=between,
            per_second=1 / values["every"],
            columns=values["row"],
        )
    )


def _bounded(found: Flow) -> Flow:
    if found.count > MOST_ROWS:
        raise ValueError(f"is {found.count} rows; a sentence makes up to {MOST_ROWS}")
    return found


def span(text: Any) -> Span:
    """`from 12:00 for 10m`, `from 12:00 to 12:10`."""
    found = SPAN.fullmatch(str(text))
    if not found:
        raise ValueError('must read "from 12:00 for 10m" or "from 12:00 to 12:10"')
    start = moment(found[1])
    end = moment(found[3]) if found[2] == "to" else start + length(found[3])
    if end <= start:
        raise ValueError(f"{found[3]} does not come after {found[1]}")
    return Span(start=start, end=end)


def moment(text: Any) -> datetime:
    """12:07, a time of the tests' day; 26:30 is half past two of the next."""
    found = TIME.fullmatch(str(text))
    if not found:
        raise ValueError(f"{text!r} must be a time such as 12:07 (26:30: the next day)")
    return DAY + timedelta(hours=int(found[1]), minutes=int(found[2]))


def length(text: str) -> timedelta:
    try:
        return times.duration(text, "")
    except UsageError:
        raise ValueError(
            f"{text!r} must be a time with its unit, such as 10m"
        ) from None


def clock(at: datetime) -> str:
    """The same way back: 26:30."""
    minutes = int((at - DAY).total_seconds() // 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"
