"""What scales an endpoint's deployments: rules, bounds, what would be done and was."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ops import endpoints
from ops.autoscaling import engine, sources, words
from ops.autoscaling.actions import SCALED, Event, rows, told
from ops.autoscaling.deployed import Setting, Suspension, live
from ops.autoscaling.engine import Case, Verdict
from ops.clients import Workspace
from ops.endpoints import Deployment
from ops.errors import NotFound

MOST = 20  # events whose cause is worked out: each takes a few reads of metrics
AZURE_KEEPS = timedelta(days=90)


@dataclass(frozen=True, kw_only=True)
class Look:
    """One deployment: what scales it, and what the engine would do now."""

    deployment: str
    instances: int | None  # None: the deployment is gone
    state: str
    setting: str
    lines: dict[str, str]  # the setting in words
    verdict: Verdict | None
    suspended: Suspension | None = None


def show(workspace: Workspace, endpoint_name: str) -> list[Look]:
    """Every setting of the endpoint's deployments; raise NotFound for none."""
    endpoint = endpoints.get(workspace, endpoint_name)
    settings = live(workspace, endpoint_name)
    if not settings:
        raise NotFound(
            f"No deployment of {endpoint_name} is autoscaled.", "invoke autoscale.apply"
        )
    now = workspace.now()
    there = {name.lower(): each for name, each in endpoint.deployments.items()}
    cases = {
        name: _case(workspace, setting, there[name], now)
        for name, setting in settings.items()
        if name in there
    }
    verdicts = dict(zip(cases, engine.decide(list(cases.values())), strict=True))
    return [
        Look(
            deployment=name,
            instances=there[name].instances if name in there else None,
            state=there[name].state if name in there else "gone",
            setting=setting.name,
            lines=words.described(setting.body),
            verdict=verdicts.get(name),
            suspended=setting.suspended(now),
        )
        for name, setting in settings.items()
    ]


def _case(
    workspace: Workspace, setting: Setting, deployment: Deployment, now: datetime
) -> Case:
    settled = deployment.state in ("Succeeded", "Failed")
    return Case(
        properties=setting.properties,
        now=now,
        instances=deployment.instances,
        readings=sources.readings(workspace, setting.properties, now),
        busy="" if settled else f"the deployment is {deployment.state}",
        memory=_memory(workspace, setting, now),
    )


def _memory(workspace: Workspace, setting: Setting, now: datetime) -> dict[str, str]:
    """What cools down, by the activity log and the metrics of then."""
    found = rows(workspace, setting, now - longest_pause(setting), now)
    events = told(setting.deployment, found)
    acted = [each for each in events if each.what in SCALED]
    last = max(acted, key=lambda each: each.at, default=None)
    if last is None:
        return {}
    (verdict,) = engine.decide([_then(workspace, setting, last)])
    return remembered(last, verdict)


def remembered(last: Event, again: Verdict) -> dict[str, str]:
    """The last action as the engine remembers it, if it was a rule that acted.

    What brings a count back into its bounds starts no cooldown.
    """
    if not again.cooldown_seconds or again.count != last.after:
        return {}
    until = last.at + timedelta(seconds=again.cooldown_seconds)
    return {
        "at": last.at.isoformat(),
        "until": until.isoformat(),
        "what": f"{last.what.replace(' ', '-')} {last.before} -> {last.after}",
    }


def longest_pause(setting: Setting) -> timedelta:
    pauses = (
        sources.seconds(rule["scaleAction"]["cooldown"])
        for profile in setting.profiles
        for rule in profile.get("rules") or ()
    )
    return max(pauses, default=timedelta(minutes=1))


def history(
    workspace: Workspace, endpoint_name: str, length: timedelta, most: int
) -> list[Event]:
    """What the engine did in the last so long, newest first, with each one's cause."""
    now = workspace.now()
    start = now - min(length, AZURE_KEEPS)
    settings = live(workspace, endpoint_name)
    if not settings:
        raise NotFound(
            f"No deployment of {endpoint_name} is autoscaled.", "invoke autoscale.apply"
        )
    found: list[tuple[Event, Setting]] = [
        (event, setting)
        for setting in settings.values()
        for event in told(setting.deployment, rows(workspace, setting, start, now))
    ]
    found.sort(key=lambda pair: pair[0].at, reverse=True)
    return explained(workspace, found[:most])


def explained(workspace: Workspace, found: list[tuple[Event, Setting]]) -> list[Event]:
    """The events, each scale action with the decision that the engine makes again.

    The activity log of Azure names no cause. The metrics of then are still there, and
    the same facts make the same decision; unless the rules were changed since.
    """
    events = [event for event, _ in found]
    wanted = [
        (index, event, setting)
        for index, (event, setting) in enumerate(found)
        if event.what in SCALED
    ][:MOST]
    cases = [_then(workspace, setting, event) for _, event, setting in wanted]
    for (index, event, _), verdict in zip(wanted, engine.decide(cases), strict=True):
        cause = verdict.text
        if verdict.count != event.after:
            cause = f"not by the rules of now, which say: {verdict.text}"
        events[index] = Event(**{**vars(event), "cause": cause})
    return events


def _then(workspace: Workspace, setting: Setting, event: Event) -> Case:
    """What the engine had before it when it acted."""
    return Case(
        properties={**setting.properties, "enabled": True},
        now=event.at,
        instances=event.before,
        readings=sources.readings(workspace, setting.properties, event.at),
    )
