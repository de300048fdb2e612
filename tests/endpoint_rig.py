"""Endpoints as a test needs them, without any service."""

from datetime import UTC, datetime

from ops import tags
from ops.endpoints import to_deployment, to_endpoint
from ops.tags import Change
from ops.weights import Weights

NOW = datetime(2026, 11, 25, 14, 2, tzinfo=UTC)


def endpoint(traffic=None, mirror=None, kept=None, instances=1, **states):
    """An endpoint `iris` with these weights, tags, and deployments by state."""
    deployments = {
        name: to_deployment(
            {
                "name": name,
                "sku": {"capacity": instances},
                "properties": {"provisioningState": state},
            }
        )
        for name, state in (
            states or {"blue": "Succeeded", "green": "Succeeded"}
        ).items()
    }
    properties = {"traffic": traffic or {}, "mirrorTraffic": mirror or {}}
    body = {"name": "iris", "properties": properties, "tags": kept or {}}
    return to_endpoint(body, deployments)


def change(fence, before, after, verb="shift-traffic", **facts):
    """A change of live weights as the tags keep it."""
    known = {"id": f"{fence:012}", "who": "mara@desk", "at": NOW, "reason": ""}
    return Change(
        fence=fence,
        verb=verb,
        before=None if before is None else Weights(traffic=before),
        after=None if after is None else Weights(traffic=after),
        **known | facts,
    )


def ring(*changes):
    """The tags that keep these changes."""
    kept = {}
    for each in changes:
        kept |= tags.recorded(each, kept)
    return kept
