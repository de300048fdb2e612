"""Verbs for localcloud itself."""

from ops.verbs import Call, local


@local()
def up(call: Call):
    """Start localcloud, if it isn't running."""
    from ops import cloud
    from ops.views import render

    render.cloud(cloud.up(call.stage.port))


@local()
def down(call: Call):
    """Stop localcloud and its processes; what it holds stays."""
    from ops import cloud
    from ops.views import render

    render.line(cloud.run("down"))


@local(json="Print JSON instead of a table.")
def status_(call: Call, json=False):
    """Show whether localcloud runs, and where."""
    from ops import cloud
    from ops.views import render

    found = cloud.find()
    if found is None:
        cloud.require_state()
    call.show(found, render.cloud)


@local(yes="Do not ask.")
def reset(call: Call, yes=False):
    """Stop localcloud and delete all it holds."""
    from ops import cloud
    from ops.views import render

    call.approve("delete all that localcloud holds", always=True, word="localcloud")
    render.line(cloud.run("reset"))


@local()
def repair(call: Call):
    """Bring back damaged state; what serves goes on."""
    from ops import cloud
    from ops.views import render

    render.line(cloud.run("repair"))


@local(
    on="Let faults and the moved clock be asked for.",
    off="End every fault, resolve its alerts; the clock goes at its usual rate.",
    decorate="on or off: answers hold what Azure adds to resources.",
    json="Print JSON instead of a table.",
)
def drills(call: Call, on=False, off=False, decorate=None, json=False):
    """Switch drills on or off; show what there is."""
    from ops import drills
    from ops.views import drillview

    drill = drills.switch(call.localcloud, on=on, off=off, decorate=decorate)
    call.show(drill, drillview.drill)


@local(
    advance="Set it ahead by so much: 30s, 2h, 1d. It never goes back.",
    rate="From now on it goes so many times as fast, 1 to 600.",
    json="Print JSON instead of a line.",
)
def clock(call: Call, advance=None, rate=None, json=False):
    """Show localcloud's clock, or move it.

    invoke cloud.clock --advance 2h
    """
    from ops import drills
    from ops.views import drillview

    call.show(drills.move_clock(call.localcloud, advance, rate), drillview.clock)


@local(
    on="Which requests: a path, * for anything, with methods before it or without.",
    delay="Hold the request for so long; with --slow, by how much.",
    status="Answer this status, 400 to 599.",
    reset="Reset the connection.",
    throttle="Answer 429; the client is told to wait for so long.",
    stale="For so long after a write, show what there was before it.",
    fail="Accept the write, then have its operation fail.",
    count="Do nothing, but count.",
    code="The error's code, for --status and --fail.",
    late="Strike when the work is done, instead of before.",
    after="Let so many pass first.",
    times="Strike so often at most.",
    for_="End after so long, by localcloud's clock.",
    kill="Kill the instances of this deployment, once.",
    freeze="Freeze them (SIGSTOP) until --thaw or --clear.",
    thaw="Let those that were frozen go on.",
    slow="Have the answers of this deployment come later by --delay.",
    refuse_start="Let no instance of this deployment start.",
    instance="Only this instance, by its id.",
    alert="Fire an alert of a rule of this name.",
    severity="Its severity, 0 to 4. Default: 1.",
    deployment="Which deployment it is about. Default: the endpoint.",
    resolve="Resolve the fired alerts of this rule.",
    clear="End the fault of this number, or all.",
    endpoint="Whose deployments. Default: that of invoke.yaml.",
    json="Print JSON instead of a table.",
)
def fault(
    call: Call,
    on=None,
    delay=None,
    status=None,
    reset=False,
    throttle=None,
    stale=None,
    fail=False,
    count=False,
    code=None,
    late=False,
    after=None,
    times=None,
    for_=None,
    kill=None,
    freeze=None,
    thaw=None,
    slow=None,
    refuse_start=None,
    instance=None,
    alert=None,
    severity=None,
    deployment=None,
    resolve=None,
    clear=None,
    endpoint=None,
    json=False,
):
    """Make something fail, or show what does.

    invoke cloud.fault --on "PUT */onlineEndpoints/iris" --status 500 --times 1
    """
    from ops import drills, orders
    from ops.views import drillview

    order = orders.order(
        call.endpoint,
        on=on,
        effects={
            "delay": delay,
            "status": status,
            "reset": reset,
            "stale": stale,
            "throttle": throttle,
            "fail": fail,
            "count": count,
            "code": code,
        },
        when={"late": late, "after": after, "times": times, "for": for_},
        instances={
            "kill": kill,
            "freeze": freeze,
            "thaw": thaw,
            "slow": slow,
            "refuse_start": refuse_start,
            "instance": instance,
        },
        alert={
            "rule": alert,
            "severity": severity,
            "deployment": deployment,
            "resolve": resolve,
        },
        clear=clear,
    )
    call.show(drills.carry_out(call.localcloud, order), drillview.drill)
