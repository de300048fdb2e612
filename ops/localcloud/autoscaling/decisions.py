"""What the autoscale engine does next, and why: pure, from a setting and facts.

Azure: autoscale-understanding-settings, -flapping and -best-practices. The rule behind
each reason, its source and the test that holds it are listed in docs/autoscale.md.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ops.localcloud.autoscaling.profiles import chosen
from ops.localcloud.autoscaling.settings import Profile, Rule, Setting, Trigger
from ops.localcloud.autoscaling.triggers import SIGNS, fires


@dataclass(frozen=True, kw_only=True)
class Memory:
    """The last scale action that a rule caused: it cools down in both directions."""

    at: datetime | None = None
    until: datetime | None = None
    what: str = ""  # such as "scale-out 2 -> 3"


@dataclass(frozen=True, kw_only=True)
class Observed:
    """All that is known of the target when a decision is made."""

    instances: int  # asked for
    values: Mapping[Trigger, float | None] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    busy: str = ""  # why nothing can be done to it now


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The count that the target shall have; the present one to leave it so."""

    count: int
    reason: str  # one word, for machines: scale_out, cooldown, flapping...
    text: str  # the same for people, with the numbers
    profile: str = ""
    rule: Rule | None = None  # whose cooldown begins
    intended: int | None = None  # the rules' own wish, where flapping stood against it


def decide(setting: Setting, seen: Observed, now: datetime) -> Decision:
    """The first of these that holds: off, busy, out of bounds, out, missing, in."""
    if not setting.enabled:
        return _hold(seen, "disabled", "the setting is not enabled")
    if seen.busy:
        return _hold(seen, "busy", seen.busy)
    profile = chosen(setting, now)
    if profile is None:
        return _hold(seen, "no_profile", "no profile is made for this time")
    decision = (
        _within_bounds(profile, seen)
        or _out(profile, seen, now)
        or _missing(profile, seen)
        or _in(profile, seen, now)
        or _steady(profile, seen)
    )
    return Decision(**{**vars(decision), "profile": profile.name})


def _within_bounds(profile: Profile, seen: Observed) -> Decision | None:
    """A count outside the bounds is brought back at the next run, cooling or not."""
    count = _clamped(profile, seen.instances)
    if count == seen.instances:
        return None
    reason, bound = "above_maximum", "above the maximum"
    if count > seen.instances:
        reason, bound = "below_minimum", "below the minimum"
    text = f"{seen.instances} is {bound} of {count}"
    return Decision(count=count, reason=reason, text=text)


def _out(profile: Profile, seen: Observed, now: datetime) -> Decision | None:
    """Any rule is enough, and of several the one with the largest result wins."""
    fired = [rule for rule in profile.out if _fires(rule, seen)]
    if not fired:
        return None
    rule = max(fired, key=lambda each: result(each, seen.instances))
    count = _clamped(profile, result(rule, seen.instances))
    text = _told(rule, seen)
    if count == seen.instances:
        return _hold(seen, "at_maximum", f"{text}, with {count} at the maximum already")
    return _unless_cooling(
        seen, now, Decision(count=count, reason="scale_out", text=text, rule=rule)
    )


def _missing(profile: Profile, seen: Observed) -> Decision | None:
    """Without a metric nothing scales in, and fewer than the default become that."""
    lost = [each for each in profile.rules if seen.values.get(each.trigger) is None]
    if not lost:
        return None
    names = ", ".join(sorted({each.trigger.metric for each in lost}))
    text = f"{names} can't be read"
    if seen.instances < profile.default:
        return Decision(
            count=_clamped(profile, profile.default),
            reason="missing_default",
            text=f"{text}: the default of {profile.default} applies",
        )
    return _hold(seen, "missing", f"{text}: nothing scales in")


def _in(profile: Profile, seen: Observed, now: datetime) -> Decision | None:
    """All rules are needed, and of several the one with the largest result wins."""
    if not profile.in_ or not all(_fires(rule, seen) for rule in profile.in_):
        return None
    rule = max(profile.in_, key=lambda each: result(each, seen.instances))
    wish = _clamped(profile, result(rule, seen.instances))
    text = " and ".join(_told(each, seen) for each in profile.in_)
    if wish == seen.instances:
        return _hold(seen, "at_minimum", f"{text}, with {wish} at the minimum already")
    count = _without_flapping(profile, seen, wish)
    if count == seen.instances:
        return Decision(
            count=count,
            reason="flapping",
            text=f"{text}, but {_projected(profile, seen, wish)}",
            intended=wish,
        )
    if count > wish:
        text = f"{text}; to {count} and not {wish}, where "
        text += _projected(profile, seen, wish)
    decision = Decision(
        count=count,
        reason="scale_in" if count == wish else "scale_in_less",
        text=text,
        rule=rule,
        intended=wish,
    )
    return _unless_cooling(seen, now, decision)


def _without_flapping(profile: Profile, seen: Observed, wish: int) -> int:
    """The lowest count from `wish` up at which no rule would scale out again.

    Azure: autoscale-flapping: each metric is projected onto the fewer instances. Its
    example of 65 % on 30 instances ends at 27, where 72 % is above the limit of 70 %
    that it names; by the rule that it gives the first count is 28.
    """
    counts = range(wish, seen.instances)
    fit = (count for count in counts if not _flaps(profile, seen, count))
    return next(fit, seen.instances)


def _flaps(profile: Profile, seen: Observed, count: int) -> Rule | None:
    """The rule that would fire at fewer instances."""
    for rule in profile.out:
        if fires(rule.trigger, projection(seen, rule, count)):
            return rule
    return None


def projection(seen: Observed, rule: Rule, count: int) -> float:
    """What a metric would be if the same load met `count` instances."""
    found = seen.values[rule.trigger]
    assert found is not None, "_missing() has seen to it"
    return found * seen.instances / count


def _projected(profile: Profile, seen: Observed, count: int) -> str:
    rule = _flaps(profile, seen, count)
    assert rule is not None, "only a count that flaps is told of"
    limit = _limit(rule.trigger)
    would = number(projection(seen, rule, count))
    return f"{rule.trigger.metric} would be {would} on {count} ({limit})"


def _unless_cooling(seen: Observed, now: datetime, decision: Decision) -> Decision:
    """The last action's cooldown holds up all rules, in both directions."""
    until = seen.memory.until
    if until is None or now >= until:
        return decision
    what = seen.memory.what or "the last action"
    return _hold(
        seen,
        "cooldown",
        f"{decision.text}, but {what} cools down until {until:%H:%M:%S} UTC",
    )


def _steady(profile: Profile, seen: Observed) -> Decision:
    if not profile.rules:
        return _hold(seen, "no_rules", "the profile has bounds and no rules")
    values = {each.trigger.series: _read(each, seen) for each in profile.rules}
    return _hold(seen, "steady", f"no rule fires: {', '.join(values.values())}")


def _hold(seen: Observed, reason: str, text: str) -> Decision:
    return Decision(count=seen.instances, reason=reason, text=text)


def _fires(rule: Rule, seen: Observed) -> bool:
    value = seen.values.get(rule.trigger)
    return value is not None and fires(rule.trigger, value)


def result(rule: Rule, instances: int) -> int:
    """The count that a rule asks for, bounds aside; it never goes the other way.

    A share is rounded away from zero when it is added, and towards it, but to one at
    least, when it is taken: Azure documents neither.
    """
    up = rule.direction == "Increase"
    match rule.kind:
        case "ExactCount":
            return max(rule.amount, instances) if up else min(rule.amount, instances)
        case "PercentChangeCount":
            share = instances * rule.amount / 100
            step = math.ceil(share) if up else max(math.floor(share), 1)
        case "ServiceAllowedNextValue":
            step = 1
        case _:
            step = rule.amount
    return instances + step if up else instances - step


def _clamped(profile: Profile, count: int) -> int:
    return min(max(count, profile.minimum), profile.maximum)


def _told(rule: Rule, seen: Observed) -> str:
    return f"{_read(rule, seen)} ({_limit(rule.trigger)})"


def _read(rule: Rule, seen: Observed) -> str:
    value = seen.values.get(rule.trigger)
    return f"{rule.trigger.metric} is {'missing' if value is None else number(value)}"


def _limit(trigger: Trigger) -> str:
    return f"{SIGNS[trigger.operator]} {trigger.threshold:g}"


def number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
