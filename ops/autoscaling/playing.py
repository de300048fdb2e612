"""autoscale.yaml played before it is applied, by the engine's own decisions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops import suggestions
from ops.autoscaling import engine, scalefile, setting, sources
from ops.autoscaling import loads as scaleloads
from ops.autoscaling.engine import Action, Play
from ops.autoscaling.loads import Key, Load
from ops.autoscaling.setting import Scaling
from ops.autoscaling.sources import Values
from ops.clients import Workspace
from ops.endpoints import MOST_INSTANCES
from ops.errors import NotFound, Refused, UsageError
from ops.hints import again
from ops.specs import EndpointSpec
from ops.times import duration


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which load is played, as it was typed."""

    since: str = "7d"
    csv: str | None = None
    day: tuple[str, ...] = ()
    instances: str | None = None  # to begin with
    starting: str = "5m"  # until a new instance serves


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """What would have come of a deployment's rules."""

    deployment: str
    source: str
    start: datetime
    minutes: int
    begun_with: int
    instance_minutes: int
    lowest: int
    highest: int
    short_minutes: int  # the load was over a scale-out limit
    short_at_maximum: int  # of those, with all instances that are allowed
    without_data: int
    flaps: int
    deferred: dict[str, int]
    actions: list[Action]
    counts: list[int]  # by minute
    loads: Mapping[str, Values] = field(repr=False, default_factory=dict)
    notes: list[str] = field(default_factory=list)


def simulate(
    workspace: Workspace | None,
    spec: EndpointSpec,
    deployment: str,
    asked: Asked,
    *,
    force: bool = False,
) -> Simulation:
    """Play the rules of one deployment; raise Refused where they flap by themselves.

    Only a load that was measured needs a workspace.
    """
    wanted = scalefile.load(spec.folder.name, spec.deployments)
    if deployment not in wanted:
        raise NotFound(
            f"{scalefile.FILE} of {spec.folder.name} says nothing of {deployment!r} "
            f"(it tells of: {', '.join(wanted)}).",
            *suggestions.remedies(deployment, wanted),
        )
    rules = wanted[deployment]
    if (flaps := rules.flaps()) and not force:
        listed = "\n".join(f"  - {text}" for text in flaps)
        raise Refused(f"These rules would flap:\n{listed}", again("--force"))
    target = f"/{spec.folder.name}/deployments/{deployment}"
    properties = {**setting.to_wire(rules, target, "-")["properties"], "enabled": True}
    load = _load(workspace, spec.folder.name, rules, properties, asked)
    instances = first(asked, load.instances)
    starting = duration(asked.starting, "--starting").total_seconds() / 60
    play = engine.play(properties, told(load), load.start, instances, round(starting))
    return summed(play, load, deployment=deployment, begun_with=instances)


def summed(play: Play, load: Load, deployment: str, begun_with: int) -> Simulation:
    """A play in numbers."""
    return Simulation(
        deployment=deployment,
        source=load.source,
        start=load.start,
        begun_with=begun_with,
        loads={metric: values for (metric, _), values in load.values.items()},
        notes=load.notes,
        minutes=len(play.counts),
        instance_minutes=sum(play.counts),
        lowest=min(play.counts),
        highest=max(play.counts),
        short_minutes=play.short_minutes,
        short_at_maximum=play.short_at_maximum,
        without_data=play.without_data,
        flaps=sum(action.flap for action in play.actions),
        deferred=play.deferred,
        actions=play.actions,
        counts=play.counts,
    )


def _load(
    workspace: Workspace | None,
    endpoint: str,
    rules: Scaling,
    properties: Mapping[str, Any],
    asked: Asked,
) -> Load:
    """What is played: a file, a made-up day, or what was measured."""
    triggers = {key(each): each for each in sources.triggers(properties)}
    now = workspace.now() if workspace else datetime.now(UTC)
    start, least = scaleloads.monday(rules.zone, now), rules.bounds.minimum
    if asked.csv and asked.day:
        raise UsageError("Say either --csv or --day, not both.")
    if not triggers:
        return Load(
            source="no metric, schedules alone",
            start=start,
            values={("none", "-"): [0.0] * scaleloads.WEEK},
            instances=least,
        )
    if asked.csv:
        return scaleloads.from_csv(Path(asked.csv), triggers, least)
    if asked.day:
        return scaleloads.made_up(asked.day, list(triggers), start, least)
    assert workspace is not None, "only a load that is made needs none"
    name = rules.deployment
    return scaleloads.measured(workspace, endpoint, name, triggers, asked.since)


def key(trigger: Mapping[str, Any]) -> Key:
    return trigger["metricName"], trigger["metricResourceUri"]


def told(load: Load) -> list[dict[str, Any]]:
    """A load as the engine is told of it."""
    found = []
    for (metric, resource), values in load.values.items():
        split = scaleloads.utilization(metric)
        about = {"metric": metric, "resource": resource, "values": values}
        found.append({**about, "shared": split, "most": 100.0 if split else None})
    return found


def first(asked: Asked, known: int) -> int:
    if asked.instances is None:
        return known
    text = asked.instances
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= MOST_INSTANCES:
        raise UsageError(f"--instances takes 1 to {MOST_INSTANCES}, not {text!r}.")
    return int(text)
