"""What people, tools and the service do to an endpoint in a search."""

from datetime import timedelta

from ops import (
    deployments,
    door,
    freeze,
    mirroring,
    rollback,
    shifting,
    tags,
    traffic,
    undo,
)
from ops.mirroring import Asked
from ops.tags import Heartbeat
from ops.weights import Weights


def yes(question):
    """Who types it means it."""


def shift(workspace, name, number):
    asked = traffic.split({"blue": 100 - number % 101, "green": number % 101})
    return list(shifting.run(workspace, name, asked, verb="shift-traffic", approve=yes))


def change(workspace, name, number):
    """As a runner does it: decided under the lock, upon what is live then."""

    def on(endpoint):
        green = (endpoint.traffic.get("green", 0) + 5 + number % 20) % 101
        return Weights(traffic={"blue": 100 - green, "green": green})

    return [traffic.change(workspace, name, on, verb="shift-traffic")]


def mirror(workspace, name, number):
    shares = {"red": 1 + number % 50} if number % 4 else {}
    lasts = timedelta(seconds=10 + number % 90) if shares else None
    asked = Asked(percentages=shares, lasts=lasts, wait=False)
    return list(mirroring.run(workspace, name, asked, approve=yes))


def back(workspace, name, number):
    decide = rollback.decide(workspace, name, None)
    how = rollback.how(force=bool(number % 2))
    return list(
        shifting.run(workspace, name, decide, verb="rollback", approve=yes, how=how)
    )


def undone(workspace, name, number):
    row = undo.last(workspace, name)
    return list(undo.run(workspace, name, row, approve=yes))


def frozen(workspace, name, number):
    lasts = timedelta(seconds=5 + number % 60)
    return [freeze.freeze(workspace, name, lasts, reason="Black Friday")]


def unfrozen(workspace, name, number):
    return [freeze.unfreeze(workspace, name)]


def scale(workspace, name, number):
    return [deployments.scale(workspace, name, "green", 1 + number % 9)]


def heartbeat(workspace, name, number):
    """As a rollout's runner says that it lives."""
    sign = tags.beating(Heartbeat(at=workspace.now(), limit_seconds=60))
    door.tag(workspace, name, {tags.HEARTBEAT: sign}, "heartbeat")
    return []


def watch(workspace, name, number):
    return [traffic.clear_due_mirror(workspace, name)]


VERBS = (
    *(shift, shift, shift, change, change, mirror, back, back),
    *(undone, frozen, unfrozen, scale, heartbeat, watch),
)


def edited(body, number):
    """A GET's body as a tool writes it back, with other weights."""
    green = number % 101
    traffic = {"blue": 100 - green, "green": green} if number % 7 else {}
    mirrored = {} if number % 3 or not traffic else {"red": 7}
    properties = {**body["properties"], "traffic": traffic, "mirrorTraffic": mirrored}
    return {"location": "local", "tags": body.get("tags"), "properties": properties}


def from_file(body, number):
    """The same from a file that knows nothing of what stands in the tags."""
    return {**edited(body, number), "tags": {"team": f"ml{number % 3}"}}


def wrong(body, number):
    """What the SDK sends without a word, and Azure refuses."""
    whole = edited(body, number)
    whole["properties"]["traffic"] = {"blue": 90, "green": 20}
    return whole


def tagged(body, number):
    """A PATCH of a tag, with the others carried over; every third time without."""
    kept = body.get("tags") or {} if number % 3 else {}
    return {"tags": {**kept, "owner": f"team{number % 5}"}}
