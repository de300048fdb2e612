"""specs/<endpoint>/slo.yaml: service level objectives, in the terms of OpenSLO.

An objective says which share of requests must be good (`target`) in a rolling
`time_window`. Its indicator tells the good from all that count:

bad: [5xx, 408]   by how they ended: all count, and those that ended so are not good
within: 250ms     by how long they took: all that were served or cut off (408) count
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from ops import fields, specs
from ops.errors import InvalidSpec, NotFound
from ops.fields import Known, Mistake
from ops.settings import shown, specs_directory
from ops.yaml_file import read_yaml

FILE = "slo.yaml"
STATUS = re.compile(r"[1-5](?:[0-9]{2}|xx)")
NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")
SHORTEST, LONGEST = timedelta(days=1), timedelta(days=90)
LEAST, MOST = 0.5, 0.99999
LONGEST_ANSWER_MS = 180_000  # Azure's own request timeout at most


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One promise; either `bad` or `latency_ms` tells its good requests."""

    name: str
    target_ratio: float
    bad: tuple[str, ...] = ()  # statuses and their classes: 5xx, 408
    latency_ms: float | None = None

    @property
    def budget_ratio(self) -> float:
        """The share of requests that may be bad."""
        return 1 - self.target_ratio

    @property
    def counted_kql(self) -> str:
        """Which rows of the traffic log count; "" for all."""
        return "" if self.bad else "ResponseCode < 400 or ResponseCode == 408"

    @property
    def bad_kql(self) -> str:
        """Which of the rows that count are bad."""
        if self.latency_ms is not None:
            return f"TotalDurationMs > {self.latency_ms:g}"
        return " or ".join(_status_kql(status) for status in self.bad)


@dataclass(frozen=True, kw_only=True)
class Slo:
    """What one endpoint promises."""

    endpoint: str
    time_window: timedelta
    objectives: Mapping[str, Objective]

    def objective(self, name: str) -> Objective:
        if name not in self.objectives:
            names = ", ".join(self.objectives)
            raise NotFound(
                f"{FILE} of {self.endpoint} has no objective {name!r} (it has: {names})"
            )
        return self.objectives[name]

    @property
    def latency_ms(self) -> float | None:
        """Within what most requests must be answered; None for no such promise."""
        each = self.latency
        return each.latency_ms if each else None

    @property
    def latency(self) -> Objective | None:
        """The first objective that is about latency."""
        timed = (o for o in self.objectives.values() if o.latency_ms is not None)
        return next(timed, None)


def load(endpoint: str) -> Slo:
    """An endpoint's objectives; raise NotFound, or InvalidSpec with all problems."""
    path = path_of(endpoint)
    if not path.is_file():
        raise specs.missing(path, f"what {endpoint} promises")
    found, mistakes = check(read_yaml(path), endpoint)
    if found is None:
        raise InvalidSpec(f"{shown(path)}: {mistake}" for mistake in mistakes)
    return found


def find(endpoint: str) -> Slo | None:
    """As load(), or None where nothing is promised."""
    return load(endpoint) if path_of(endpoint).is_file() else None


def path_of(endpoint: str) -> Path:
    return specs_directory() / endpoint / FILE


def check(data: dict[str, Any], endpoint: str) -> tuple[Slo | None, list[Mistake]]:
    """The objectives that keys and values mean, or all that is wrong with them."""
    mistakes: list[Mistake] = []
    known: Known = {
        "time_window": ("time_window", _window),
        "objectives": ("objectives", partial(_objectives, mistakes)),
    }
    values = fields.read(data, "", known, mistakes)
    mistakes += [
        Mistake(field=key, text="must be given") for key in known if key not in data
    ]
    return (None if mistakes else Slo(endpoint=endpoint, **values)), mistakes


def _objectives(mistakes: list[Mistake], data: Any) -> dict[str, Objective]:
    if not isinstance(data, dict) or not data:
        raise ValueError("must hold at least one objective by its name")
    found = {}
    for name, item in data.items():
        at = f"objectives.{name}"
        before = len(mistakes)
        if not isinstance(name, str) or not NAME.fullmatch(name):
            text = "a name is small letters, digits, - and _, up to 31"
            mistakes.append(Mistake(field=at, text=text))
        values = fields.read(item, at, OBJECTIVE, mistakes)
        if isinstance(item, dict):
            mistakes += _left_out(item, at)
        if len(mistakes) == before:
            found[name] = Objective(name=name, **values)
    return found


def _left_out(item: dict[str, Any], at: str) -> list[Mistake]:
    found = [
        Mistake(field=f"{at}.{key}", text="must be given")
        for key in OBJECTIVE
        if key not in item
    ]
    indicator = item.get("indicator")
    if isinstance(indicator, dict) and len(indicator.keys() & INDICATOR.keys()) != 1:
        text = "must tell good requests in one way: by bad, or by within"
        found.append(Mistake(field=f"{at}.indicator", text=text))
    return found


def _window(value: Any) -> timedelta:
    found = timedelta(seconds=fields.seconds(value))
    if not SHORTEST <= found <= LONGEST:
        raise ValueError("must be from 1d to 90d, such as 30d")
    return found


def _target(value: Any) -> float:
    if type(value) not in (int, float) or not LEAST <= value <= MOST:
        hint = f" ({value:g} % is {value / 100:g})" if _is_percent(value) else ""
        raise ValueError(f"must be a ratio from {LEAST} to {MOST}{hint}")
    return float(value)


def _is_percent(value: Any) -> bool:
    return type(value) in (int, float) and LEAST <= value / 100 <= MOST


def _bad(value: Any) -> tuple[str, ...]:
    listed = [str(each) for each in value] if isinstance(value, list) else []
    if not listed or not all(STATUS.fullmatch(each) for each in listed):
        raise ValueError("must list statuses or their classes, such as [5xx, 408]")
    return tuple(dict.fromkeys(listed))


def _within(value: Any) -> float:
    found = fields.seconds(value) * 1000
    if not 1 <= found <= LONGEST_ANSWER_MS:
        raise ValueError("must be from 1ms to 180s, such as 250ms")
    return found


def _status_kql(status: str) -> str:
    if status.endswith("xx"):
        low = int(status[0]) * 100
        return f"ResponseCode between ({low} .. {low + 99})"
    return f"ResponseCode == {status}"


INDICATOR: Known = {"bad": ("bad", _bad), "within": ("latency_ms", _within)}
OBJECTIVE: Known = {"target": ("target_ratio", _target), "indicator": INDICATOR}
