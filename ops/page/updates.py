"""What a browser asks the page to renew, checked before the library reads it.

The library takes whatever is sent to it, and ends in a traceback where that makes no
sense. Only what the page itself would send is passed on.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

PATH = "/_dash-update-component"
NONE = type(None)
TYPES: Mapping[str, tuple[type, ...]] = {
    "n_intervals": (int, NONE),
    "pathname": (str,),
    "search": (str, NONE),
    "data-address": (str, NONE),
    "data-stamp": (str, NONE),
    "className": (str, NONE),
    "clickData": (dict, NONE),
    "id": (dict,),
}


class Senseless(ValueError):
    """Why an update is not one that the page would ask for."""


def check(
    content: bytes, kind: str, callbacks: Mapping[str, Any], panels: Collection[str]
) -> None:
    """Raise Senseless unless it asks for one of the callbacks, and gives what it takes.

    `kind` is the content type; `panels` are the names that a panel's id may hold.
    """
    if kind != "application/json":
        raise Senseless("an update is JSON, and says so")
    body = _object(content)
    output = body.get("output")
    if not isinstance(output, str) or output not in callbacks:
        raise Senseless("there is no such output")
    known = callbacks[output]
    for part, wanted in (("inputs", known["inputs"]), ("state", known["state"])):
        _check_values(part, body.get(part, []), wanted, panels)
    _check_outputs(body.get("outputs"), known["output"], panels)
    changed = body.get("changedPropIds", [])
    if not isinstance(changed, list) or not all(isinstance(x, str) for x in changed):
        raise Senseless("changedPropIds is no list of names")


def _object(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise Senseless("it is no JSON") from None
    if not isinstance(body, dict):
        raise Senseless("it is no JSON object")
    return body


def _check_values(
    part: str,
    given: object,
    wanted: list[dict[str, Any]],
    panels: Collection[str],
) -> None:
    if not isinstance(given, list) or len(given) != len(wanted):
        raise Senseless(f"it takes {len(wanted)} {part}")
    for each, dependency in zip(given, wanted, strict=True):
        pattern = _pattern(dependency["id"])
        several = ["ALL"] in pattern.values()
        if several and not isinstance(each, list):
            raise Senseless(f"{dependency['property']} comes from all panels")
        for one in each if several else [each]:
            _check_value(one, dependency, pattern, panels)


def _check_value(
    given: object,
    dependency: dict[str, Any],
    pattern: dict[str, Any],
    panels: Collection[str],
) -> None:
    name = dependency["property"]
    if not isinstance(given, dict) or given.get("property") != name:
        raise Senseless(f"it takes {name}")
    if pattern:
        _check_id(given.get("id"), pattern, panels)
    elif given.get("id") != dependency["id"]:
        raise Senseless(f"it takes {name} of {dependency['id']}")
    value = given.get("value")
    if not isinstance(value, TYPES[name]) or isinstance(value, bool):
        raise Senseless(f"{name} can't be a {type(value).__name__}")
    if name == "id":
        _check_id(value, pattern, panels)


def _pattern(id_: str) -> dict[str, Any]:
    """The parts of an id that stands for several; {} for any other."""
    return dict(json.loads(id_)) if id_.startswith("{") else {}


def _check_id(given: object, pattern: dict[str, Any], panels: Collection[str]) -> None:
    if not isinstance(given, dict) or given.keys() != pattern.keys():
        raise Senseless("an id has other parts")
    for key, part in pattern.items():
        name = given[key]
        there = panels if isinstance(part, list) else (part,)
        if not isinstance(name, str) or name not in there:
            raise Senseless(f"there is no {key} of that name")


def _check_outputs(given: object, wanted: Any, panels: Collection[str]) -> None:
    places = given if isinstance(wanted, list) else [given]
    outputs = wanted if isinstance(wanted, list) else [wanted]
    if not isinstance(places, list) or len(places) != len(outputs):
        raise Senseless("it has another number of outputs")
    for place, output in zip(places, outputs, strict=True):
        name = output.component_property
        if not isinstance(place, dict) or place.get("property") != name:
            raise Senseless(f"{name} is an output")
        if isinstance(output.component_id, str):
            if place.get("id") != output.component_id:
                raise Senseless(f"{name} is one of {output.component_id}")
        else:
            _check_id(place.get("id"), _named(output.component_id), panels)


def _named(id_: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of an id, with a list for what stands for any panel."""
    return {k: v if isinstance(v, str) else [v] for k, v in id_.items()}
