"""What Azure refuses of an autoscale setting, as sentences that name the field.

Azure: the REST API's autoscaleSettings 2022-10-01 and autoscale-understanding-settings.
Where the words of a refusal are known they are Azure's.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from ops.localcloud.autoscaling.settings import DAYS, local
from ops.localcloud.autoscaling.triggers import AGGREGATIONS, OPERATORS, STATISTICS
from ops.localcloud.autoscaling.zones import is_zone
from ops.localcloud.fields import DAY, HOUR, MINUTE, Problems, between, length, one_of

MOST_PROFILES = 20
MOST_RULES = 10
LONGEST_FIXED = timedelta(days=365)
DIRECTIONS = ("None", "Increase", "Decrease")
KINDS = ("ChangeCount", "PercentChangeCount", "ExactCount", "ServiceAllowedNextValue")


def problems(properties: dict[str, Any]) -> list[str]:
    """All that is wrong with a setting in itself; its target is another matter."""
    return list(_setting(properties))


def _setting(told: dict[str, Any]) -> Problems:
    if not isinstance(told.get("targetResourceUri"), str):
        yield "targetResourceUri must be the id of the resource to scale."
    if not isinstance(told.get("enabled", False), bool):
        yield "enabled must be true or false."
    policy = told.get("predictiveAutoscalePolicy") or {"scaleMode": "Disabled"}
    if not isinstance(policy, dict) or policy.get("scaleMode") != "Disabled":
        yield "predictiveAutoscalePolicy is supported for virtual machine scale sets "
        yield "only: its scaleMode must be Disabled."
    yield from _profiles(told.get("profiles"))
    yield from _notifications(told.get("notifications"))


def _profiles(told: Any) -> Problems:
    if not isinstance(told, list) or not all(isinstance(each, dict) for each in told):
        yield "profiles must be a list of objects."
        return
    if not 1 <= len(told) <= MOST_PROFILES:
        yield f"profiles must be 1 to {MOST_PROFILES}, not {len(told)}."
    names = [str(each.get("name")) for each in told]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"profiles: the name '{name}' is used more than once."
    plain = [e for e in told if not e.get("fixedDate") and not e.get("recurrence")]
    if len(plain) > 1:
        yield "profiles: only one may be without fixedDate and recurrence."
    for number, each in enumerate(told):
        at = f"profiles[{number}]"
        if not isinstance(each.get("name"), str) or not each["name"]:
            yield f"{at}.name must be given."
        yield from _capacity(at, each.get("capacity"))
        yield from _rules(f"{at}.rules", each.get("rules"))
        yield from _times(at, each)


def _capacity(at: str, told: Any) -> Problems:
    if not isinstance(told, dict):
        yield f"{at}.capacity must be an object."
        return
    found = {}
    for name in ("minimum", "maximum", "default"):
        text = told.get(name)
        if not isinstance(text, str) or not text.isdecimal():
            yield f"{at}.capacity.{name} must be a number, as a string."
        else:
            found[name] = int(text)
    if len(found) < 3:
        return
    least, most, default = found["minimum"], found["maximum"], found["default"]
    if least > most:
        yield (
            f"The minimum capacity value '{least}' that you specified in the autoscale "
            f"setting is greater than the maximum capacity of '{most}'."
        )
    elif least > default:
        yield (
            f"The minimum capacity value '{least}' that you specified in the autoscale "
            f"setting is greater than the default capacity of '{default}'.  Enter a "
            f"minimum capacity less than '{default}'."
        )
    elif default > most:
        yield (
            f"The default capacity value '{default}' that you specified in the "
            f"autoscale setting is greater than the maximum capacity of '{most}'."
        )


def _rules(at: str, told: Any) -> Problems:
    if told is None:
        return
    if not isinstance(told, list) or not all(isinstance(each, dict) for each in told):
        yield f"{at} must be a list of objects."
        return
    if len(told) > MOST_RULES:
        yield f"{at} must be at most {MOST_RULES}, not {len(told)}."
    for number, each in enumerate(told):
        trigger, action = each.get("metricTrigger"), each.get("scaleAction")
        if not isinstance(trigger, dict) or not isinstance(action, dict):
            yield f"{at}[{number}] must have a metricTrigger and a scaleAction."
            continue
        yield from _trigger(f"{at}[{number}].metricTrigger", trigger)
        yield from _action(f"{at}[{number}].scaleAction", action)


def _trigger(at: str, told: dict[str, Any]) -> Problems:
    if not isinstance(told.get("metricName"), str) or not told["metricName"]:
        yield f"{at}.metricName must be given."
    yield from one_of(at, told, "statistic", STATISTICS)
    yield from one_of(at, told, "timeAggregation", AGGREGATIONS)
    yield from one_of(at, told, "operator", OPERATORS)
    if type(told.get("threshold")) not in (int, float):
        yield f"{at}.threshold must be a number."
    if not isinstance(told.get("dividePerInstance", False), bool):
        yield f"{at}.dividePerInstance must be true or false."
    yield from between(at, told, "timeGrain", MINUTE, 12 * HOUR)
    yield from between(at, told, "timeWindow", 5 * MINUTE, 12 * HOUR)
    grain, window = length(told.get("timeGrain")), length(told.get("timeWindow"))
    if grain and window and window < grain:
        yield f"{at}.timeWindow must not be shorter than timeGrain."
    for number, each in enumerate(told.get("dimensions") or ()):
        yield from _dimension(f"{at}.dimensions[{number}]", each)


def _dimension(at: str, told: Any) -> Problems:
    if not isinstance(told, dict) or not isinstance(told.get("DimensionName"), str):
        yield f"{at}.DimensionName must be given."
        return
    yield from one_of(at, told, "Operator", ("Equals", "NotEquals"))
    values = told.get("Values")
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        yield f"{at}.Values must be a list of strings."
    elif not values:
        yield f"{at}.Values must hold at least one value."


def _action(at: str, told: dict[str, Any]) -> Problems:
    yield from one_of(at, told, "direction", DIRECTIONS)
    yield from one_of(at, told, "type", KINDS)
    yield from between(at, told, "cooldown", MINUTE, 7 * DAY)
    text = told.get("value", "1")
    if not isinstance(text, str) or not text.isdecimal() or int(text) < 1:
        yield f"{at}.value must be a number from 1, as a string."


def _times(at: str, told: dict[str, Any]) -> Problems:
    fixed, recurrence = told.get("fixedDate"), told.get("recurrence")
    if fixed and recurrence:
        yield f"{at}: fixedDate and recurrence can't both be given."
    elif fixed:
        yield from _fixed(f"{at}.fixedDate", fixed)
    elif recurrence:
        yield from _recurrence(f"{at}.recurrence", recurrence)


def _fixed(at: str, told: Any) -> Problems:
    if not isinstance(told, dict):
        yield f"{at} must be an object."
        return
    if told.get("timeZone") and not is_zone(told["timeZone"]):
        yield f"{at}.timeZone '{told['timeZone']}' is not supported."
        return
    moments: dict[str, datetime] = {}
    for name in ("start", "end"):
        try:
            moments[name] = local(told[name], told)
        except (KeyError, TypeError, ValueError):
            yield f"{at}.{name} must be a time of ISO 8601."
    if len(moments) == 2 and not (
        timedelta(0) < moments["end"] - moments["start"] <= LONGEST_FIXED
    ):
        yield f"{at}: start must be before end, by 365 days at most."


def _recurrence(at: str, told: Any) -> Problems:
    schedule = told.get("schedule") if isinstance(told, dict) else None
    if not isinstance(schedule, dict):
        yield f"{at}.schedule must be an object."
        return
    if told.get("frequency") != "Week":
        yield f"{at}.frequency must be Week, not '{told.get('frequency')}'."
    if not is_zone(schedule.get("timeZone")):
        yield f"{at}.schedule.timeZone '{schedule.get('timeZone')}' is not supported."
    known: dict[str, Callable[[Any], bool]] = {
        "days": lambda day: isinstance(day, str) and day.capitalize() in DAYS,
        "hours": lambda hour: type(hour) is int and 0 <= hour <= 23,
        "minutes": lambda minute: type(minute) is int and 0 <= minute <= 59,
    }
    for name, right in known.items():
        values = schedule.get(name)
        if not isinstance(values, list) or not values or not all(map(right, values)):
            yield f"{at}.schedule.{name} must be a list of {name}."


def _notifications(told: Any) -> Problems:
    for number, each in enumerate(told or ()):
        at = f"notifications[{number}]"
        if not isinstance(each, dict) or str(each.get("operation")) != "Scale":
            yield f"{at}.operation must be Scale."
            continue
        email = each.get("email") or {}
        if any(email.get(f"sendToSubscription{who}") for who in ADMINISTRATORS):
            yield f"{at}.email: sending to administrators is no longer supported."
        for place, hook in enumerate(each.get("webhooks") or ()):
            uri = hook.get("serviceUri") if isinstance(hook, dict) else None
            if not isinstance(uri, str) or not uri.startswith(HOOKS):
                yield f"{at}.webhooks[{place}].serviceUri must be a valid HTTPS URI."


ADMINISTRATORS = ("Administrator", "CoAdministrators")
HOOKS = ("https://", "http://127.0.0.1", "http://localhost")  # Azure: https alone
