"""Verbs for who gets how many requests."""

from ops.verbs import Call, changes, reads


@changes(
    green="Percentage of live traffic for green; blue gets the rest.",
    set="Percentages by name, where they aren't called blue and green.",
    force="Even where what gains has too few instances.",
)
def shift_traffic(call: Call, green=None, set=None, force=False):
    """Shift live traffic between deployments.

    invoke shift-traffic --green 20
    """
    from ops import shifting, traffic, weights
    from ops.views import trafficview

    asked = traffic.split(weights.percentages(green, set, call.endpoint))
    how = {"verb": call.verb, "how": traffic.How(force=force)} | call.how
    trafficview.shifting(
        shifting.run(call.workspace, call.endpoint, asked, approve=call.approve, **how)
    )


@changes(
    green="Percentage of live requests to copy to green; its answers are dropped.",
    set="The same for another deployment, as name=percentage.",
    off="Mirror nothing.",
    for_="How long, by the service's clock: 30m, 2h. Default: 1h. Azure itself ends "
    "nothing: after that the next changing verb or `invoke watchdog` does, or --wait.",
    wait="Stay until the time is over, and end it.",
)
def mirror(call: Call, green=None, set=None, off=False, for_=None, wait=False):
    """Mirror live traffic to a deployment, for a time.

    invoke mirror --green 10 --for 30m
    """
    from ops import mirroring
    from ops.views import trafficview

    asked = mirroring.asked(green, set, off, for_, wait)
    how = {"approve": call.approve} | call.how
    trafficview.mirroring(mirroring.run(call.workspace, call.endpoint, asked, **how))


@changes(
    to="Back to the weights that this change made: its number in `invoke history`.",
    step="Take back one step only, where the last change was a rollout.",
    force="Even to what is sicker, has too few instances, or to no traffic at all.",
)
def rollback(call: Call, to=None, step=False, force=False):
    """Go back to the weights before the last change.

    invoke rollback --reason "green answers 424"
    """
    from ops import history, reversal, rollback, shifting
    from ops.views import trafficview

    number = history.number(to) if to else None
    decide = rollback.decide(call.workspace, call.endpoint, number, step)
    verb = reversal.STEP if step else reversal.ROLLBACK
    how = {"verb": verb, "how": rollback.how(force)} | call.how
    trafficview.shifting(
        shifting.run(call.workspace, call.endpoint, decide, approve=call.approve, **how)
    )


@changes(
    deployment="What to promote.",
    bake="How long what served before is kept and the new one watched.",
    then="scale-down (to 1 instance), delete or keep what served before.",
)
def promote_green(call: Call, deployment="green", bake="30m", then="scale-down"):
    """Give green all traffic, bake, then retire blue.

    invoke promote-green --bake 30m --then delete
    """
    from ops import promote
    from ops.views import trafficview

    how = {"bake": promote.bake(bake), "then": promote.then(then)} | call.how
    how |= {"canary": deployment, "approve": call.approve}
    trafficview.promoting(promote.run(call.workspace, call.endpoint, **how))


@changes(for_="For how long, by the service's clock: 30m, 8h, 2d.")
def freeze(call: Call, for_="8h"):
    """Refuse every change but a rollback, for a time.

    invoke freeze --reason "Black Friday" --for 8h
    """
    from ops import freeze
    from ops.views import render

    lasts, reason = freeze.lasts(for_), freeze.reason(call.reason)
    call.approve(f"freeze {call.endpoint}")
    how = {"reason": reason, "dry_run": call.dry_run}
    render.line(freeze.freeze(call.workspace, call.endpoint, lasts, **how))


@changes()
def unfreeze(call: Call):
    """End a freeze before its time."""
    from ops import freeze
    from ops.views import render

    call.approve(f"unfreeze {call.endpoint}")
    render.line(freeze.unfreeze(call.workspace, call.endpoint, **call.how))


@changes()
def undo(call: Call):
    """Undo the last change, where that can be done.

    invoke undo --dry-run
    """
    from ops import undo
    from ops.views import trafficview

    row = undo.last(call.workspace, call.endpoint)
    how = {"approve": call.approve} | call.how
    trafficview.undoing(undo.run(call.workspace, call.endpoint, row, **how))


@reads()
def split(call: Call):
    """Show how live requests really split.

    invoke split
    """
    from ops import shifting
    from ops.views import trafficview

    found = shifting.observed(call.workspace, call.endpoint)
    call.show(found, trafficview.split)
