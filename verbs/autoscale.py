"""Verbs for how deployments scale by themselves."""

from ops.verbs import Call, changes, reads


@changes(
    deployment="Only this one. Default: each that autoscale.yaml tells of.",
    force="Even rules of which one undoes what another does.",
)
def autoscale_apply(call: Call, deployment=None, force=False):
    """Make autoscale settings as autoscale.yaml says.

    invoke autoscale.apply --dry-run
    """
    from ops import autoscale
    from ops.autoscaling import scaleview

    steps = autoscale.plan(call.workspace, call.spec, deployment, force=force)
    if call.dry_run:
        return scaleview.plan(steps)
    call.approve(f"change how {call.endpoint} scales")
    done = autoscale.apply(call.workspace, call.endpoint, steps, reason=call.reason)
    scaleview.plan(done, done=True)


@reads()
def autoscale_show(call: Call):
    """Show rules, bounds and what would be done now, why."""
    from ops.autoscaling import scaleview, showing

    call.show(showing.show(call.workspace, call.endpoint), scaleview.show)


@reads(since="How far back: 2h, 7d; at most 90d.", most="How many of the latest.")
def autoscale_history(call: Call, since="7d", most="20"):
    """Show each scale action with its cause.

    invoke autoscale.history --since 2h
    """
    from ops import journal, times
    from ops.autoscaling import scaleview, showing

    asked = (times.duration(since, "--since"), journal.most(most))
    found = showing.history(call.workspace, call.endpoint, *asked)
    call.show(found, scaleview.history)


@reads(
    deployment="Whose rules.",
    since="Over what was measured in the last so long; at most 31d.",
    csv="Over this file: a row a minute, columns named cpu, memory, requests or as the "
    "metric, and perhaps time and instances.",
    day="Over a made-up day, seven times, as cpu=LOW-HIGH: the load of all instances "
    "together, 100 for a whole one; repeatable.",
    instances="How many to begin with. Default: as they were, else the minimum.",
    starting="How long a new instance takes until it serves.",
    force="Even rules of which one undoes what another does.",
)
def autoscale_simulate(
    call: Call,
    deployment="blue",
    since="7d",
    csv=None,
    day=(),
    instances=None,
    starting="5m",
    force=False,
):
    """Play autoscale.yaml over a load before it is applied.

    invoke autoscale.simulate --day cpu=20-250
    """
    from ops.autoscaling import playing, scaleview

    asked = playing.Asked(
        since=since,
        csv=csv,
        day=tuple(day or ()),
        instances=instances,
        starting=starting,
    )
    where = None if csv or day else call.workspace
    found = playing.simulate(where, call.spec, deployment, asked, force=force)
    call.show(found, scaleview.simulation)


@changes(
    deployment="Which deployment.",
    for_="For how long: 30m, 2h; at most 30d.",
    instances="How many it shall have meanwhile. Default: as many as it has.",
    off="End it before its time.",
)
def autoscale_suspend(
    call: Call, deployment=None, for_=None, instances=None, off=False
):
    """Keep the instance count for a time, then scale on.

    invoke autoscale.suspend --deployment blue --for 2h --reason "load test"
    """
    from ops import deployments
    from ops.autoscaling import scaleview, suspending

    where = (call.workspace, call.endpoint, deployments.named(deployment))
    call.approve(f"suspend or resume autoscaling of {deployment}")
    if off:
        return scaleview.pause(suspending.resume(*where, **call.how))
    asked = (suspending.length(for_), suspending.count(instances))
    scaleview.pause(suspending.suspend(*where, *asked, **call.how))


@reads(
    since="Measured over so long, at its busiest minute; at most 7d.",
    rps="For this many requests a second instead.",
    latency="At this latency instead: 80ms.",
    busy="How busy instances may be, in percent; the rest is for peaks.",
)
def capacity(call: Call, since="1h", rps=None, latency=None, busy="70"):
    """Tell how many instances the traffic needs.

    invoke capacity --rps 50
    """
    from ops.autoscaling import scaleview, sizing

    asked = sizing.asked(since, rps, latency, busy)
    found = sizing.sizes(call.workspace, call.endpoint, asked)
    call.show(found, scaleview.sizes)


@changes(deployment="Which deployment.")
def autoscale_delete(call: Call, deployment=None):
    """Delete an autoscale setting; instances stay.

    invoke autoscale.delete --deployment blue
    """
    from ops import autoscale, deployments
    from ops.views import render

    name = deployments.named(deployment)
    call.approve(f"stop autoscaling {name} of {call.endpoint}")
    render.line(autoscale.delete(call.workspace, call.endpoint, name, **call.how))
