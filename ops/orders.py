"""What the flags of cloud.fault ask for, as the drill channel takes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops import times
from ops.errors import UsageError

EFFECTS = ("delay", "status", "reset", "throttle", "stale", "fail", "count")
INSTANCES = ("kill", "freeze", "thaw", "slow", "refuse_start")
METHODS = ("GET", "HEAD", "PUT", "PATCH", "POST", "DELETE")
REMEDY = "invoke --help cloud.fault"


@dataclass(frozen=True, kw_only=True)
class Order:
    """One thing to ask of the drill channel; `thaw` names a deployment to be freed."""

    path: str
    body: dict[str, Any] | None = None  # None: it is to be deleted
    thaw: str = ""


def order(
    endpoint: str,
    *,
    on: str | None,
    effects: Mapping[str, Any],
    when: Mapping[str, Any],
    instances: Mapping[str, str | None],
    alert: Mapping[str, str | None],
    clear: str | None,
) -> Order | None:
    """What the flags of cloud.fault ask for; None: nothing but to be told."""
    whom = {name: value for name, value in instances.items() if value}
    rules = {name: value for name, value in alert.items() if value}
    kinds = [bool(on), bool(whom.keys() - {"instance"}), bool(rules), bool(clear)]
    if sum(kinds) > 1:
        raise UsageError(
            "One fault at a time: --on PATTERN, an instance's, an alert or --clear.",
            REMEDY,
        )
    if clear:
        return Order(path=_cleared(clear))
    if rules:
        return _alert(endpoint, rules)
    chosen = {name: value for name, value in effects.items() if value}
    if whom:
        return _on_instances(endpoint, whom, chosen, when)
    if on:
        return Order(path="faults", body={**_on_requests(on, chosen), **_when(when)})
    if chosen or any(when.values()):
        raise UsageError("What is it to strike? Say --on PATTERN.", REMEDY)
    return None


def _on_requests(on: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    methods, path = _pattern(on)
    effect = [name for name in EFFECTS if name in chosen]
    if len(effect) != 1:
        flags = ", ".join(f"--{name}" for name in EFFECTS)
        raise UsageError(f"--on takes one of {flags}.", REMEDY)
    do = effect[0]
    body: dict[str, Any] = {"do": do, "path": path}
    if methods:
        body["methods"] = methods
    if do in ("delay", "throttle", "stale"):
        body["seconds"] = times.duration(chosen[do], f"--{do}").total_seconds()
    if do == "status":
        body["status"] = whole(chosen[do], "--status", 400, 599)
    if "code" in chosen:
        body["code"] = chosen["code"]
    return body


def _on_instances(
    endpoint: str,
    whom: Mapping[str, str],
    chosen: Mapping[str, Any],
    when: Mapping[str, Any],
) -> Order:
    named = [name for name in INSTANCES if name in whom]
    if len(named) != 1:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in INSTANCES)
        raise UsageError(f"Say one of {flags}, with a deployment.", REMEDY)
    do = named[0]
    if do == "thaw":
        return Order(
            path="faults",
            thaw=f"/onlineendpoints/{endpoint}/deployments/{whom[do]}".lower(),
        )
    body: dict[str, Any] = {
        "do": do.removesuffix("_start"),
        "endpoint": endpoint,
        "deployment": whom[do],
        **({"instance": whom["instance"]} if "instance" in whom else {}),
        **_when(when),
    }
    if do == "slow":
        if "delay" not in chosen:
            raise UsageError("--slow takes --delay: by how much.", REMEDY)
        body["seconds"] = times.duration(chosen["delay"], "--delay").total_seconds()
    elif chosen:
        flag = f"--{do.replace('_', '-')}"
        raise UsageError(f"{flag} takes no --{next(iter(chosen))}.", REMEDY)
    return Order(path="faults", body=body)


def _alert(endpoint: str, rules: Mapping[str, str]) -> Order:
    if "resolve" in rules:
        return Order(
            path="alerts", body={"rule": rules["resolve"], "condition": "Resolved"}
        )
    if "rule" not in rules:
        raise UsageError("Which alert? Say --alert NAME.", REMEDY)
    body: dict[str, Any] = {"rule": rules["rule"], "endpoint": endpoint}
    if "severity" in rules:
        body["severity"] = whole(rules["severity"], "--severity", 0, 4)
    if "deployment" in rules:
        body["deployment"] = rules["deployment"]
    return Order(path="alerts", body=body)


def _pattern(text: str) -> tuple[list[str], str]:
    """`PUT,PATCH */onlineEndpoints/iris`: methods, if any are named, and a path."""
    first, _, rest = text.strip().partition(" ")
    methods = first.upper().split(",")
    if rest and all(each in METHODS for each in methods):
        return methods, rest.strip()
    if rest:
        allowed = ", ".join(METHODS)
        raise UsageError(f"--on: {first!r} is no list of methods ({allowed}).", REMEDY)
    return [], first


def _when(when: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if when["after"]:
        body["after"] = whole(when["after"], "--after", 0, 1_000_000)
    if when["times"]:
        body["times"] = whole(when["times"], "--times", 1, 1_000_000)
    if when["for"]:
        body["for_seconds"] = times.duration(when["for"], "--for").total_seconds()
    if when["late"]:
        body["late"] = True
    return body


def _cleared(text: str) -> str:
    if text == "all":
        return "faults"
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"--clear takes a fault's number or all, not {text!r}.")
    return f"faults/{text}"


def whole(text: str, flag: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
        raise UsageError(
            f"{flag} takes a whole number {least} to {most}, not {text!r}."
        )
    return int(text)
