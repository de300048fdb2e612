"""Records as lines: for a person, for a program, or as the person's own template.

Nothing that a model has printed reaches the terminal as it is: controls are taken out,
and a message of several lines is indented, so that it can't pass for another record.
"""

import csv
import io
import json
import os
import re
import string
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from ops import logrecords, sieve
from ops.errors import UsageError
from ops.logrecords import Note, Record
from ops.tails import Tail
from ops.views import charts, render

FORMATS = ("text", "json", "raw", "csv")
FIELDS = (
    *("time", "kind", "deployment", "instance", "container", "level"),
    *("status", "duration_ms", "request_id", "message"),
)
PAINT = {"blue": "94", "green": "92"}
OTHERS = ("96", "95", "93", "36", "35", "33")
LEVEL = {"warning": "33", "error": "31", "critical": "1;31", "debug": "2"}
MARK = "1;7"  # what --include and --highlight have found
Line = Callable[[Record], str]
Shown = list[Record] | Note | Tail


def liner(
    output: str,
    template: str | None,
    marked: tuple[re.Pattern[str], ...] = (),
    *,
    colour: bool | None = None,
) -> Line:
    """The function that makes a line of a record; raise UsageError."""
    if template is not None:
        return _templated(template)
    if output == "json":
        return lambda record: json.dumps(as_dict(record), default=str)
    if output == "raw":
        return lambda record: render.clean(record.message)
    if output == "csv":
        return _csv
    painted = charts.coloured() if colour is None else colour
    return lambda record: text(record, marked, painted=painted)


def text(
    record: Record,
    marked: tuple[re.Pattern[str], ...] = (),
    *,
    painted: bool = False,
    now: datetime | None = None,
) -> str:
    """`14:05:01.123 blue-1a2b3c  message`, coloured by deployment and level."""
    who = record.instance or record.deployment or "-"
    if record.deployment and not who.startswith(record.deployment):
        who = f"{record.deployment}/{who}"
    if record.container not in ("", "inference-server"):
        who += f" {record.container}"
    at = f"{render.ago(record.time, now)}"
    at = at if len(at) > 8 else f"{at}.{record.time:%f}"[:12]
    who = _paint(f"{render.clean(who):<12}", _colour(record.deployment), painted)
    head = f"{_paint(at, '2', painted)} {who} "
    body = _body(record, marked, painted)
    return head + _kind(record, painted) + body


def as_dict(record: Record) -> dict[str, Any]:
    """The fields, and the row itself under "columns"."""
    fields = {name: getattr(record, name) for name in FIELDS}
    return fields | {"time": _iso(record.time), "columns": record.columns}


def header(output: str, template: str | None) -> str:
    return ",".join(FIELDS) if output == "csv" and template is None else ""


def show(records: Iterable[Record], line: Line) -> None:
    """Print records; a reader that has gone away ends it quietly."""
    with sieve.time_limit(sieve.BATCH_SECONDS):  # patterns mark what they find
        text = "".join(line(record) + "\n" for record in records)
    # What no terminal could show must not end the reading.
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


def print_all(shown: Iterable[Shown], line: Line, *, heading: str = "") -> None:
    """Print what logs.read() and logs.follow() yield; Ctrl-C is how a reader stops."""
    try:
        if heading:
            render.line(heading)
        for each in shown:
            _print(each, line)
    except KeyboardInterrupt:
        render.note("stopped")
    except BrokenPipeError:
        # The reader has gone: leave nothing for Python to flush to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def document(shown: Iterable[Shown]) -> list[Any]:
    """All of it as one list, for --json; notes go to stderr."""
    found: list[Any] = []
    for each in shown:
        if isinstance(each, list):
            found += [as_dict(record) for record in each]
        elif isinstance(each, Tail):
            found.append(render.plain(each))
        else:
            _print(each, str)
    return found


def _print(each: Shown, line: Line) -> None:
    if isinstance(each, list):
        show(each, line)
    elif isinstance(each, Tail):
        render.tails([each])
    else:
        render.note(render.clean(each.text))


def output(name: str | None, json: bool) -> str:
    """The value of --output, or of --json."""
    chosen = name or ("json" if json else "text")
    if chosen not in FORMATS:
        raise UsageError(f"--output takes {', '.join(FORMATS)}, not {chosen!r}.")
    return chosen


def _body(record: Record, marked: tuple[re.Pattern[str], ...], painted: bool) -> str:
    by, said = logrecords.shown(record.message)
    message = render.clean(said)
    if painted:
        message = _highlighted(message, marked, LEVEL.get(record.level, ""))
    if len(record.message) > logrecords.SHOWN:
        message += _paint(f" ... {len(record.message):,} characters", "2", painted)
    return _paint(f"{by} " if by else "", "2", painted) + message.replace(
        "\n", "\n             | "
    )


def _kind(record: Record, painted: bool) -> str:
    late = _paint("late ", "33", painted) if record.late else ""
    return late + (_paint("event ", "36", painted) if record.kind == "event" else "")


def _highlighted(message: str, marked: tuple[re.Pattern[str], ...], colour: str) -> str:
    """The message in one colour, with what the patterns find standing out."""
    spans = sorted(m.span() for each in marked for m in each.finditer(message))
    parts, at = [], 0
    for start, end in spans:
        start = max(start, at)
        if end > start:
            parts += [
                _paint(message[at:start], colour),
                _paint(message[start:end], MARK),
            ]
            at = end
    return "".join([*parts, _paint(message[at:], colour)])


def _paint(text: str, colour: str, painted: bool = True) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if painted and colour and text else text


def _colour(deployment: str) -> str:
    return PAINT.get(deployment) or OTHERS[sum(map(ord, deployment)) % len(OTHERS)]


def _csv(record: Record) -> str:
    stream = io.StringIO()
    values = [getattr(record, name) for name in FIELDS]
    values[0] = _iso(record.time)
    csv.writer(stream, lineterminator="").writerow(
        render.clean(str(value)) for value in values
    )
    return stream.getvalue()


def _templated(template: str) -> Line:
    """A template such as "{time} {deployment:>8} {message}"; names only.

    A field is a name of FIELDS with a short width at most: no attributes, no
    indexes, so that a template can't reach into what it is given.
    """
    template = template.replace(r"\n", "\n").replace(r"\t", "\t")
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise UsageError(f"--template {template!r}: {error}.") from None
    for _, name, spec, conversion in parts:
        if name is not None and (name not in FIELDS or conversion):
            raise UsageError(
                f"--template has no field {name!r} (there are: {', '.join(FIELDS)})."
            )
        if spec and not re.fullmatch(r"[<>^]?[0-9]{0,3}", spec):
            raise UsageError(f"--template takes a width such as :>8, not {spec!r}.")

    def line(record: Record) -> str:
        values = {name: render.clean(str(getattr(record, name))) for name in FIELDS}
        return template.format_map(values | {"time": _iso(record.time)})

    return line


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
