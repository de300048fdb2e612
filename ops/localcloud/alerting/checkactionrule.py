"""What Azure refuses of an alert processing rule, as sentences that name the field.

Azure: actionRules 2021-08-08, alerts-processing-rules. Times of a schedule are local
to its time zone, so that none of them has an offset.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, time
from typing import Any

from ops.localcloud.alerting.checkqueryrule import Kinds
from ops.localcloud.autoscaling.zones import is_zone
from ops.localcloud.fields import (
    Problems,
    Told,
    flag,
    objects,
    one_of,
    short,
    strings,
    under,
)

MOST_TEXT = 2048
MOST_VALUES = 5
ADD, REMOVE = "AddActionGroups", "RemoveAllActionGroups"
TEXTS = ("Equals", "NotEquals", "Contains", "DoesNotContain")
FIELDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("AlertContext", "AlertRuleId", "AlertRuleName"), TEXTS),
    **dict.fromkeys(("Description", "TargetResource", "TargetResourceGroup"), TEXTS),
    "TargetResourceType": TEXTS,
    **dict.fromkeys(
        ("MonitorCondition", "MonitorService", "Severity", "SignalType"), TEXTS[:2]
    ),
}
VALUES = {
    "Severity": tuple(f"Sev{number}" for number in range(5)),
    "MonitorCondition": ("Fired", "Resolved"),
    "SignalType": ("Metric", "Log", "Health", "Unknown"),
}
DAYS = (
    *("Sunday", "Monday", "Tuesday", "Wednesday"),
    *("Thursday", "Friday", "Saturday"),
)
OF_DAY = re.compile(r"\d\d:\d\d:\d\d")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?")


def problems(told: dict[str, Any], *, kinds: Kinds) -> list[str]:
    """All that is wrong with a rule's properties."""
    return list(_rule(told, kinds))


def _rule(told: Told, kinds: Kinds) -> Problems:
    yield from short("", told, "description", MOST_TEXT)
    yield from flag("", told, "enabled")
    yield from strings("", told, "scopes", 1)
    scopes = told.get("scopes")
    for place, each in enumerate(scopes if isinstance(scopes, list) else ()):
        if isinstance(each, str) and kinds(each) is None:
            yield f"scopes[{place}]: the resource '{each}' was not found."
    yield from _actions(told.get("actions"), kinds)
    yield from _conditions(told.get("conditions"))
    if told.get("schedule") is not None:
        yield from _schedule(told["schedule"])


def _actions(told: Any, kinds: Kinds) -> Problems:
    actions = objects(told)
    if actions is None or len(actions) != 1:
        yield "actions must hold exactly one action."
        return
    (action,) = actions
    yield from one_of("actions[0]", action, "actionType", (ADD, REMOVE))
    if action.get("actionType") != ADD:
        return
    yield from strings("actions[0]", action, "actionGroupIds", 1)
    ids = action.get("actionGroupIds")
    for place, each in enumerate(ids if isinstance(ids, list) else ()):
        if isinstance(each, str) and kinds(each) != "actiongroups":
            at = f"actions[0].actionGroupIds[{place}]"
            yield f"{at}: the action group '{each}' was not found."


def _conditions(told: Any) -> Problems:
    conditions = objects(told or [])
    if conditions is None:
        yield "conditions must be a list of objects."
        return
    named = [each.get("field") for each in conditions]
    for place, each in enumerate(conditions):
        at = f"conditions[{place}]"
        field = str(each.get("field"))
        if field not in FIELDS:
            yield from one_of(at, each, "field", FIELDS)
            continue
        if named.index(field) < place:
            yield f"{at}.field {field} is used more than once."
        yield from one_of(at, each, "operator", FIELDS[field])
        yield from strings(at, each, "values", 1)
        values = each.get("values")
        if not isinstance(values, list):
            continue
        if len(values) > MOST_VALUES:
            yield f"{at}.values must be at most {MOST_VALUES}, not {len(values)}."
        for value in values:
            if field in VALUES and value not in VALUES[field]:
                yield f"{at}.values: '{value}' is none of {', '.join(VALUES[field])}."


def _schedule(told: Any) -> Problems:
    if not isinstance(told, dict):
        yield "schedule must be an object."
        return
    name = told.get("timeZone", "UTC")
    if not is_zone(name):
        yield f"schedule.timeZone '{name}' is not the Windows name of a time zone."
    ends = []
    for field in ("effectiveFrom", "effectiveUntil"):
        if told.get(field) is None:
            continue
        moment = _local(told[field])
        if moment is None:
            yield (
                f"schedule.{field} must be a time such as 2026-11-25T10:00:00, "
                "without an offset: schedule.timeZone says where."
            )
        else:
            ends.append(moment)
    if len(ends) == 2 and ends[0] >= ends[1]:
        yield "schedule.effectiveFrom must be before effectiveUntil."
    recurrences = objects(told.get("recurrences") or [])
    if recurrences is None:
        yield "schedule.recurrences must be a list of objects."
        return
    for place, each in enumerate(recurrences):
        yield from _recurrence(f"schedule.recurrences[{place}]", each)


def _recurrence(at: str, told: Told) -> Problems:
    yield from one_of(at, told, "recurrenceType", ("Daily", "Weekly", "Monthly"))
    start, end = (_of_day(told.get(name)) for name in ("startTime", "endTime"))
    daily = told.get("recurrenceType") == "Daily"
    for name, value in (("startTime", start), ("endTime", end)):
        if value is None and (daily or told.get(name) is not None):
            yield f"{under(at, name)} must be a time of day such as 17:30:00."
    if told.get("recurrenceType") == "Weekly":
        yield from strings(at, told, "daysOfWeek", 1)
        for day in _listed(told, "daysOfWeek"):
            if day not in DAYS:
                yield f"{at}.daysOfWeek: '{day}' is none of {', '.join(DAYS)}."
    if told.get("recurrenceType") == "Monthly":
        days = list(_listed(told, "daysOfMonth"))
        if not days or not all(type(day) is int and 1 <= day <= 31 for day in days):
            yield f"{at}.daysOfMonth must be a list of days from 1 to 31."


def _listed(told: Told, name: str) -> Iterator[Any]:
    value = told.get(name)
    yield from value if isinstance(value, list) else ()


def _local(text: Any) -> datetime | None:
    if not isinstance(text, str) or not MOMENT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _of_day(text: Any) -> time | None:
    try:
        return time.fromisoformat(text) if OF_DAY.fullmatch(text) else None
    except (TypeError, ValueError):
        return None
