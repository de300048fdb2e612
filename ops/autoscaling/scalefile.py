"""specs/<endpoint>/autoscale.yaml: its keys, and all that is wrong with them.

What each key does is told in docs/autoscale.md and in the example of specs/.
"""

import difflib
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ops import fields, specs
from ops.autoscaling import rulefields, timefields, zones
from ops.autoscaling import rules as scalerules
from ops.autoscaling.rules import MOST_RULES, SHORT, crossing
from ops.autoscaling.schedules import Bounds
from ops.autoscaling.setting import DEFAULT, MOST_PROFILES, Scaling, profiles
from ops.autoscaling.timefields import BOUNDS
from ops.errors import InvalidSpec
from ops.fields import Known, Mistake
from ops.settings import shown, specs_directory
from ops.yaml_file import parse_yaml, read_text

FILE = "autoscale.yaml"


def path_of(endpoint: str) -> Path:
    return specs_directory() / endpoint / FILE


def load(endpoint: str, known: Iterable[str] | None = None) -> dict[str, Scaling]:
    """By deployment; raise NotFound, or InvalidSpec with all that is wrong.

    `known` are the deployments that there are files for.
    """
    path = path_of(endpoint)
    if not path.is_file():
        raise specs.missing(path, f"how {endpoint} scales")
    found, mistakes = check(parse_yaml(read_text(path), shown(path)), known)
    if mistakes:
        raise InvalidSpec(f"{shown(path)}: {mistake}" for mistake in mistakes)
    return found


def check(
    data: Any, known: Iterable[str] | None = None
) -> tuple[dict[str, Scaling], list[Mistake]]:
    """What a file's keys mean, and all that is wrong with them."""
    mistakes: list[Mistake] = []
    top: Known = {
        "zone": ("zone", zones.read),
        "deployments": ("deployments", lambda value: value),
    }
    values = fields.read(data, "", top, mistakes)
    zone = values.get("zone", "UTC")
    listed = values.get("deployments")
    if not isinstance(listed, dict) or not listed:
        text = "must name at least one deployment, such as blue: {maximum: 4, cpu: 60}"
        mistakes.append(Mistake(field="deployments", text=text))
        return {}, mistakes
    found = {}
    for name, each in listed.items():
        at = f"deployments.{name}"
        if known is not None and name not in (names := list(known)):
            near = difflib.get_close_matches(str(name), names, n=1)
            hint = (
                f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
            )
            text = f"no file describes a deployment of this name ({hint})"
            mistakes.append(Mistake(field=at, text=text))
        before = len(mistakes)
        scaling = _scaling(str(name), each, at, zone, mistakes)
        if scaling and len(mistakes) == before:
            mistakes += [Mistake(field=f, text=t) for f, t in _wrong(scaling, at)]
            found[str(name)] = scaling
    return found, mistakes


def _scaling(
    name: str, data: Any, at: str, zone: str, mistakes: list[Mistake]
) -> Scaling | None:
    values = fields.read(data, at, _keys(at, mistakes), mistakes)
    zone = values.pop("zone", zone)
    if "dates" in values:
        values["dates"] = timefields.dates(
            values["dates"], f"{at}.dates", zone, mistakes
        )
    bounds = {key: values.pop(key, None) for key in BOUNDS}
    bounds["minimum"] = 1 if bounds["minimum"] is None else bounds["minimum"]
    if bounds["maximum"] is None:
        if isinstance(data, dict) and "maximum" not in data:
            mistakes.append(Mistake(field=at, text="needs a maximum"))
        return None
    if bounds["default"] is None:
        bounds["default"] = bounds["minimum"]
    full = values.pop("rules", ())
    pairs = [
        rule
        for key in SHORT
        if "over" in values.get(key, {})
        for rule in scalerules.short(key, values[key], bounds["minimum"])
    ]
    rest = {key: value for key, value in values.items() if key not in SHORT}
    return Scaling(
        deployment=name,
        bounds=Bounds(**bounds),
        zone=zone,
        rules=(*pairs, *full),
        **rest,
    )


def _keys(at: str, mistakes: list[Mistake]) -> Known:
    """How each key of a deployment is read; what is nested tells its own mistakes."""
    return {
        **BOUNDS,
        "zone": ("zone", zones.read),
        "enabled": ("enabled", fields.flag),
        **{key: (key, partial(_short, key, at, mistakes)) for key in SHORT},
        "rules": (
            "rules",
            lambda data: rulefields.rules(data, f"{at}.rules", mistakes),
        ),
        "schedules": (
            "windows",
            lambda data: timefields.windows(data, f"{at}.schedules", mistakes),
        ),
        "dates": ("dates", lambda data: data),
        "notify": {
            "emails": ("emails", _emails),
            "webhooks": ("webhooks", _webhooks),
        },
        "tags": ("tags", _tags),
    }


def _short(key: str, at: str, mistakes: list[Mistake], data: Any) -> dict[str, Any]:
    """`cpu: 60`, or {over, under, step, window, cooldown}."""
    given = data if isinstance(data, dict) else {"over": data}
    before = len(mistakes)
    known = rulefields.short_fields(key)
    values = fields.read(given, f"{at}.{key}", known, mistakes)
    if "over" not in values and len(mistakes) == before:
        mistakes.append(Mistake(field=f"{at}.{key}", text="needs over"))
    return values


def _wrong(scaling: Scaling, at: str) -> Iterator[tuple[str, str]]:
    """What is wrong between fields that are right one by one."""
    for name, bounds, rules in scaling.profiles():
        where = at if name == DEFAULT else f"{at} ({name})"
        least, most, default = bounds.minimum, bounds.maximum, bounds.default
        if least > most:
            yield where, f"minimum {least} is over the maximum of {most}"
        elif not least <= default <= most:
            yield where, f"default {default} must be from {least} to {most}"
        if len(rules) > MOST_RULES:
            text = f"has {len(rules)} rules; Azure takes {MOST_RULES} a profile"
            yield f"{where}.rules", text
        for text in crossing(rules):
            yield f"{where}.rules", text
    count = len(list(profiles(scaling, {})))
    if count > MOST_PROFILES:
        yield (
            at,
            (
                f"becomes {count} profiles, two for each schedule; Azure takes "
                f"{MOST_PROFILES}"
            ),
        )
    names = [name for name, _, _ in scaling.profiles()]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield at, f"two of its schedules and dates are named {name!r}"


def _emails(value: Any) -> tuple[str, ...]:
    addresses = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str) and "@" in each for each in addresses):
        raise ValueError("must be a list of email addresses")
    return tuple(addresses)


def _webhooks(value: Any) -> tuple[dict[str, Any], ...]:
    hooks = value if isinstance(value, list) else [value]
    found = []
    for hook in hooks:
        told = hook if isinstance(hook, dict) else {"url": hook}
        url, properties = told.get("url"), told.get("properties", {})
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            raise ValueError("must be HTTPS addresses, or {url, properties}")
        if set(told) - {"url", "properties"} or not isinstance(properties, dict):
            raise ValueError("takes url and properties, which map names to text")
        found.append({"serviceUri": url, "properties": properties})
    return tuple(found)


def _tags(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(
        isinstance(v, str) for v in value.values()
    ):
        raise ValueError("must map names to text")
    return value
