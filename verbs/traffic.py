"""Verbs for who gets how many requests."""

from ops.verbs import Call, changes


@changes(
    green="Percentage of live traffic for green; blue gets the rest.",
    set="Percentages by name, where they aren't called blue and green.",
)
def shift_traffic(call: Call, green=None, set=None):
    """Shift live traffic between deployments.

    invoke shift-traffic --green 20
    """
    from ops import render, traffic

    asked = traffic.percentages(green, set)
    call.approve(f"shift traffic of {call.endpoint} to {traffic.described(asked)}")
    render.shift(traffic.shift(call.workspace, call.endpoint, asked, **call.how))


@changes(
    green="Percentage of live requests to copy to green; its answers are dropped.",
    set="The same for another deployment, as name=percentage.",
    off="Mirror nothing.",
)
def mirror(call: Call, green=None, set=None, off=False):
    """Mirror live traffic to a deployment.

    invoke mirror --green 10
    """
    from ops import render, traffic

    asked = traffic.mirrored(green, set, off)
    call.approve(f"mirror traffic of {call.endpoint} to {traffic.described(asked)}")
    render.shift(traffic.mirror(call.workspace, call.endpoint, asked, **call.how))
