"""Whether a live resource is what was asked for, however the service spells it.

A service adds to what it is sent: defaults, nulls, empty lists, fields of its own. Only
fields that a person can set count, and one that was not asked for counts unless it is
empty or what the service fills in. So a field that is taken out of a file is noticed.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

# Maps whose names people choose: every one of them counts.
FREE = ("customProperties", "webHookProperties", "properties")
DEFAULTS = {  # what Azure fills in where nothing was sent
    "autoMitigate": True,
    "criterionType": "StaticThresholdCriterion",
    "minFailingPeriodsToAlert": 1,
    "numberOfEvaluationPeriods": 1,
    "operation": "Scale",
    "scaleMode": "Disabled",
}
LENGTHS = (
    *("evaluationFrequency", "windowSize", "muteActionsDuration", "timeToResolve"),
    *("overrideQueryTimeRange", "timeGrain", "timeWindow", "cooldown"),
    "scaleLookAheadTime",
)
TIMES = ("start", "end")
COUNTS = ("minimum", "maximum", "default", "value")  # numbers, written as text
CASELESS = (
    *("targetResourceType", "metricNamespace", "targetResourceRegion"),
    *("targetResourceUri", "metricResourceUri"),
    *("operator", "direction", "type", "statistic", "timeAggregation"),
)


def alike(live: Any, wanted: Any, known: frozenset[str], key: str = "") -> bool:
    """Whether all of `wanted` is live, and no field of `known` is beside it."""
    if isinstance(wanted, Mapping) or isinstance(live, Mapping):
        return _maps_alike(live or {}, wanted or {}, known, key)
    if isinstance(wanted, list) or isinstance(live, list):
        return _lists_alike(live or [], wanted or [], known, key)
    if _empty(wanted):
        return _empty(live) or _default(live, key)
    return not _empty(live) and bool(_plain(live, key) == _plain(wanted, key))


def _maps_alike(live: Any, wanted: Any, known: frozenset[str], key: str) -> bool:
    if not (isinstance(live, Mapping) and isinstance(wanted, Mapping)):
        return False
    beside = live.keys() if key in FREE else live.keys() & known
    return all(
        alike(live.get(name), wanted.get(name), known, name)
        for name in wanted.keys() | beside
    )


def _lists_alike(live: Any, wanted: Any, known: frozenset[str], key: str) -> bool:
    if not (isinstance(live, list) and isinstance(wanted, list)):
        return False
    return len(live) == len(wanted) and all(
        alike(one, other, known, key) for one, other in zip(live, wanted, strict=True)
    )


def _empty(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})


def _default(live: Any, key: str) -> bool:
    return key in DEFAULTS and bool(DEFAULTS[key] == live)


def _plain(value: Any, key: str) -> Any:
    """The one spelling of a value that can be spelled in several ways."""
    if key in COUNTS:
        return str(value)
    if not isinstance(value, str):
        return value
    if key in LENGTHS:
        return _length(value)
    if key in TIMES:
        return datetime.fromisoformat(value).timestamp()
    if key in CASELESS or value.startswith("/subscriptions/"):
        return value.lower()
    return value


def _length(value: str) -> float:
    import isodate

    return float(isodate.parse_duration(value).total_seconds())
