"""The drill channel: localcloud's clock, its faults, and alerts that are to fire.

It is localcloud's own; Azure has nothing like it. All that changes something is
refused until drills are switched on.
"""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from ops.localcloud import alerts
from ops.localcloud.alerts import Firing
from ops.localcloud.clock import real_time
from ops.localcloud.faults import INSTANCES, REQUESTS, Fault, every
from ops.localcloud.records import Resource, normal_id
from ops.localcloud.wire import Answer, AzureError, Call, invalid

MOST_RATE = 600
LONGEST = 3600.0  # seconds of a delay and the like
FIELDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("do", "path", "code", "endpoint", "deployment", "instance"), str),
    **dict.fromkeys(("after", "times", "status"), int),
    **dict.fromkeys(("seconds", "for_seconds"), (int, float)),
    "late": bool,
    "methods": list,
}
NEED_SECONDS = ("delay", "throttle", "stale", "slow")
REQUEST = {"do", "path", "methods", "after", "times", "for_seconds"}
INSTANCE = {"do", "endpoint", "deployment"}
TAKES = {  # what each effect makes something of
    "delay": REQUEST | {"seconds", "late"},
    "status": REQUEST | {"status", "code", "late"},
    "reset": REQUEST | {"late"},
    "throttle": REQUEST | {"seconds"},
    "stale": REQUEST - {"methods"} | {"seconds"},
    "fail": REQUEST | {"code"},
    "count": REQUEST,
    "kill": INSTANCE | {"instance"},
    "freeze": INSTANCE | {"instance", "for_seconds"},
    "slow": INSTANCE | {"seconds", "for_seconds"},
    "refuse": INSTANCE | {"after", "times", "for_seconds"},
}


def show(call: Call) -> Answer:
    """Whether there is a drill, what its clock shows, and what it has done."""
    clock = call.state.clock
    now, rate = clock.now(), clock.setting().rate
    ahead = (now - real_time()).total_seconds()
    faults = [{**asdict(fault), "id": fault.id} for fault in every(call.state)]
    clock_told = {"now": now.isoformat(), "ahead_seconds": ahead, "rate": rate}
    fired = [alerts.essentials(each) for each in alerts.fired(call.state)]
    on = call.cloud.faults.on
    told = {"clock": clock_told, "faults": faults, "alerts": fired}
    return Answer(body={"on": on, "decorate": call.cloud.faults.decorating, **told})


def switch(call: Call) -> Answer:
    """Begin a drill, or end it: then all of its faults and fired alerts end too.

    While there is one, `decorate` has answers hold what Azure adds to resources.
    """
    sent = {name: call.body[name] for name in ("on", "decorate") if name in call.body}
    if not sent or not all(isinstance(each, bool) for each in sent.values()):
        raise AzureError(400, "BadRequest", "on and decorate must be true or false.")
    if "on" in sent:
        call.cloud.faults.switch(sent["on"])
    if "decorate" in sent:
        _require_on(call)
        call.cloud.faults.decorate(sent["decorate"])
    if not call.cloud.faults.on:
        _resolve(call, None)
    call.cloud.ring()
    return show(call)


def set_clock(call: Call) -> Answer:
    _require_on(call)
    advance, rate = call.body.get("advance_seconds", 0), call.body.get("rate")
    problems = []
    if not _number(advance) or not 0 <= advance <= timedelta(days=366).total_seconds():
        problems.append("advance_seconds must be 0 to a year's: it never goes back.")
    if rate is not None and (not _number(rate) or not 1 <= rate <= MOST_RATE):
        problems.append(f"rate must be 1 to {MOST_RATE}.")
    invalid(problems)
    try:
        call.state.clock.move(advance=advance, rate=rate)
    except ValueError as problem:
        raise AzureError(400, "BadRequest", f"{problem}.") from None
    return show(call)


def add_fault(call: Call) -> Answer:
    """Add a fault on requests, or on the instances of a deployment."""
    _require_on(call)
    body = call.body
    problems = [f"{name} is no property of a fault." for name in body.keys() - FIELDS]
    problems += [
        f"{name} has the wrong type."
        for name, kind in FIELDS.items()
        if name in body
        and (not isinstance(body[name], kind) or _is_bool(body[name]) != (kind is bool))
    ]
    problems = problems or _problems(body)
    invalid(problems)
    fault = call.cloud.faults.add(_fault(call, body))
    call.cloud.ring()
    return Answer(status=201, body={**asdict(fault), "id": fault.id})


def clear(call: Call) -> Answer:
    """End one fault, or all of them; what was frozen by it thaws."""
    number = call.names.get("number")
    if number is not None and not number.isdecimal():
        raise AzureError(404, "ResourceNotFound", f"There is no fault {number}.")
    cleared = call.cloud.faults.clear(None if number is None else int(number))
    if number is not None and not cleared:
        raise AzureError(404, "ResourceNotFound", f"There is no fault {number}.")
    call.cloud.ring()
    return Answer(body={"cleared": cleared})


def alert(call: Call) -> Answer:
    """Fire an alert of a rule on an endpoint or deployment, or resolve the rule's."""
    _require_on(call)
    rule, severity = call.body.get("rule"), call.body.get("severity", 1)
    if not isinstance(rule, str) or not rule or "/" in rule:
        raise AzureError(400, "BadRequest", "rule must be the name of an alert rule.")
    if call.body.get("condition") == "Resolved":
        return Answer(body={"resolved": _resolve(call, rule)})
    if type(severity) is not int or not 0 <= severity <= 4:
        raise AzureError(400, "BadRequest", "severity must be 0 to 4.")
    target = _target(call, call.body)
    text = str(call.body.get("description") or "Fired by a drill.")
    firing = Firing(
        rule=f"{call.cloud.group}/providers/microsoft.insights"
        f"/scheduledqueryrules/{rule}",
        severity=severity,
        target=target.body["id"],
        description=text,
    )
    alerts.trim(call.state, call.now)
    return Answer(status=201, body=alerts.fire(call.state, firing, call.now).body)


def _resolve(call: Call, rule: str | None) -> int:
    """Resolve the fired alerts of a rule, or all; return how many there were."""
    fired = alerts.fired(call.state, rule)
    # Those of alert rules have a context, and are resolved by their evaluation alone.
    found = [each for each in fired if each.properties["context"] is None]
    for each in found:
        alerts.resolve(call.state, each, call.now)
    return len(found)


def _require_on(call: Call) -> None:
    if not call.cloud.faults.on:
        message = "Drills are switched off: nothing is made to fail by accident."
        raise AzureError(403, "DrillsAreOff", message)


def _problems(body: dict[str, Any]) -> list[str]:
    do = body.get("do")
    if do not in (*REQUESTS, *INSTANCES):
        allowed = ", ".join((*REQUESTS, *INSTANCES))
        return [f"do must be one of {allowed}, not {do!r}."]
    problems = [f"{do} takes no {name}." for name in sorted(body.keys() - TAKES[do])]
    if do == "stale" and "methods" in body:
        problems.append("Name the path alone: every read after a write of it is stale.")
    if do in REQUESTS and not body.get("path"):
        problems.append("A fault on requests needs the path that it strikes.")
    if do in INSTANCES and not (body.get("endpoint") and body.get("deployment")):
        problems.append("A fault on instances needs endpoint and deployment.")
    if do in NEED_SECONDS and not 0 < body.get("seconds", 0) <= LONGEST:
        problems.append(f"{do} needs seconds, up to {LONGEST:g}.")
    if do == "status" and not 400 <= body.get("status", 0) <= 599:
        problems.append("status must be 400 to 599.")
    if body.get("after", 0) < 0 or body.get("times", 1) < 1:
        problems.append("after must be 0 or more, times 1 or more.")
    if not all(isinstance(each, str) for each in body.get("methods", [])):
        problems.append("methods must be a list of words.")
    if body.get("for_seconds", 1) <= 0:
        problems.append("for_seconds must be above 0.")
    return problems


def _fault(call: Call, body: dict[str, Any]) -> Fault:
    kept = ("do", "path", "after", "times", "seconds", "late", "status", "code")
    until = None
    if "for_seconds" in body:
        until = (call.now + timedelta(seconds=body["for_seconds"])).isoformat()
    deployment, instances = "", list[str]()
    if body["do"] in INSTANCES:
        deployment = _target(call, body).id
        instances = _instances(call, deployment, body.get("instance"))
    return Fault(
        number=0,
        methods=tuple(each.upper() for each in body.get("methods", [])),
        until=until,
        deployment=deployment,
        instances=instances,
        **{name: body[name] for name in kept if name in body},
    )


def _target(call: Call, body: dict[str, Any]) -> Resource:
    """The deployment that is named, or the endpoint where none is."""
    id_ = f"{call.cloud.workspace}/onlineEndpoints/{body.get('endpoint')}"
    if body.get("deployment"):
        id_ += f"/deployments/{body['deployment']}"
    resource = call.state.resource(id_)
    if resource is None:
        message = f"There is no {id_.split('/', 9)[-1]}."
        raise AzureError(404, "ResourceNotFound", message)
    return resource


def _instances(call: Call, deployment: str, wanted: str | None) -> list[str]:
    """The instances that run now: the one that is named, or all."""
    running = [
        each.id for each in call.state.instances(normal_id(deployment)) if each.pid
    ]
    if wanted and wanted not in running:
        there = ", ".join(running) or "none"
        message = f"No instance {wanted} runs there (there are: {there})."
        raise AzureError(404, "ResourceNotFound", message)
    return [wanted] if wanted else running


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)
