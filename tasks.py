"""Every verb that an engineer can type. What a verb does is in ops/."""

from invoke import Collection

from ops.verbs import Call, by_kind, changes, local, reads


@changes()
def train(call: Call):
    """Train the example's models, if they are stale."""
    from ops import render, training

    render.line(training.train(call.dry_run))


@reads(run="Also run init() and run() on the sample request, in the built environment.")
def validate(call: Call, run=False):
    """Check an endpoint's files before a deploy.

    invoke validate --run
    """
    from ops import dryrun, render, validate

    found = validate.check(call.spec) + validate.check_schema(call.spec)
    if run and not any(problem.fatal for problem in found):
        found += dryrun.check(call.spec)
    call.show(found, lambda value: render.problems(value, f"specs/{call.endpoint}"))
    validate.require_sound(found)


@changes(deployment="Which deployment file: blue, green...")
def deploy(call: Call, deployment="blue"):
    """Create or update a deployment.

    invoke deploy --deployment green
    """
    from ops import deploy, render

    plan = deploy.plan(call.workspace, call.spec, deployment)
    if call.dry_run:
        return render.plan(plan)
    call.approve(f"deploy {deployment} to {call.endpoint}")
    render.phases(deploy.run(call.workspace, plan, reason=call.reason))
    render.how_to_call(*deploy.how_to_call(call.workspace, plan), call.flags)


@reads(
    deployment="Straight to this deployment, past the traffic rules.",
    file="The request's body. Default: the model's sample request.",
    n="How many times to send it.",
)
def score(call: Call, deployment=None, file=None, n="1"):
    """Send requests to the endpoint.

    invoke score -n 100
    """
    from ops import render, scoring

    count, body = scoring.times(n), scoring.payload(file, call.endpoint, deployment)
    to = {"deployment": deployment, "count": count}
    answers = list(scoring.score(call.workspace, call.endpoint, body, **to))
    call.show(answers, render.answers)
    scoring.require_answered(answers)


@reads()
def status(call: Call):
    """Show weights, instances, states and versions."""
    from ops import endpoints, render

    call.show(endpoints.get(call.workspace, call.endpoint), render.status)


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


@reads(
    deployment="Only this one. Default: each deployment of the endpoint.",
    lines="How many of the last lines, up to 5000.",
    container="inference-server (the script) or storage-initializer (the build).",
)
def logs(call: Call, deployment=None, lines="50", container="inference-server"):
    """Show what a deployment wrote last.

    invoke logs --deployment green
    """
    from ops import logs, render

    which = {
        "lines": logs.line_count(lines),
        "container": logs.container_name(container),
    }
    found = logs.tails(call.workspace, call.endpoint, deployment, **which)
    call.show(found, render.tails)


@reads(
    since="How far back: 15m, 2h, 1d.",
    grain="How long each point of the charts is, from 1m.",
    watch="Repaint it every --interval until Ctrl-C.",
    interval="How often --watch looks.",
    csv="Print the points over time as CSV.",
)
def metrics(call: Call, since="1h", grain="1m", watch=False, interval="5s", csv=False):
    """Show rate, errors, latency, CPU by deployment.

    invoke metrics --since 30m --watch
    """
    from ops import live, metrics, panels

    look = metrics.looker(call.workspace, call.endpoint, since, grain)
    if watch:
        return live.paint(look, panels.metrics, seconds=live.interval(interval))
    call.show(look(), metrics.print_csv if csv else panels.show)


@reads(since="Rates and percentiles over how long.", interval="How often it looks.")
def watch(call: Call, since="15m", interval="5s"):
    """Show a live screen of the endpoint until Ctrl-C.

    invoke watch --interval 2s
    """
    from ops import live, screen, watch

    seen = watch.Watch(call.stage, call.endpoint, since)
    seconds = live.interval(interval)
    live.paint(seen.look, screen.watch, seconds=seconds, whole_screen=True)


@reads(since="How far back to look.")
def diagnose(call: Call, since="1h"):
    """Say what is wrong, by evidence, and what to do.

    invoke diagnose --since 15m
    """
    from ops import diagnose, screen

    span = diagnose.span(since)
    found = diagnose.diagnose(call.workspace, call.endpoint, span, flags=call.flags)
    call.show(found, screen.findings)
    diagnose.require_healthy(found)


@changes(deployment="Which deployment.", instances="How many instances it shall have.")
def scale(call: Call, deployment=None, instances=None):
    """Set the instance count.

    invoke scale --deployment blue --instances 3
    """
    from ops import deployments, render

    deployment = deployments.named(deployment)
    count = deployments.instance_count(instances)
    call.approve(f"scale {deployment} of {call.endpoint} to {count}")
    render.scaling(
        deployments.scale(call.workspace, call.endpoint, deployment, count, **call.how)
    )


@reads(
    show_keys="Print the keys whole.",
    header="Print only the Authorization header, for curl -H @-.",
)
def keys(call: Call, show_keys=False, header=False):
    """Show the endpoint's keys, masked unless asked.

    invoke keys --show-keys
    """
    from ops import keys, render, scoring

    if header:
        return render.line(scoring.header(call.workspace, call.endpoint))
    found = keys.read(call.workspace, call.endpoint)
    call.show(found if show_keys else found.masked(), render.keys)


@changes(key="primary or secondary.")
def rotate(call: Call, key=None):
    """Replace one of the two keys.

    invoke keys.rotate --key secondary
    """
    from ops import keys, render

    which = keys.key_name(key)
    call.approve(f"replace the {which} key of {call.endpoint}")
    render.line(keys.rotate(call.workspace, call.endpoint, which, **call.how))


@changes(deployment="Which deployment.")
def delete_deployment(call: Call, deployment=None):
    """Delete a deployment without traffic.

    invoke delete-deployment --deployment blue
    """
    from ops import deployments, render

    name = deployments.named(deployment)
    found = deployments.deletable(call.workspace, call.endpoint, name)
    call.approve(f"delete {name} of {call.endpoint}", always=True)
    render.line(deployments.delete(call.workspace, call.endpoint, found, **call.how))


@changes()
def delete_endpoint(call: Call):
    """Delete the endpoint with all its deployments."""
    from ops import deployments, endpoints, render

    endpoint = endpoints.get(call.workspace, call.endpoint)
    call.approve(f"delete {call.endpoint} and all its deployments", always=True)
    render.line(deployments.delete_endpoint(call.workspace, endpoint, **call.how))


@reads(most="How many of the latest changes.", all="Of every endpoint.")
def history(call: Call, most="20", all=False):
    """Show what was changed: when, by whom and why."""
    from ops import journal, render

    endpoint = None if all else call.endpoint
    found = journal.entries(call.stage_name, endpoint, journal.most(most))
    call.show(found, render.history)


@local()
def up(call: Call):
    """Start localcloud, if it isn't running."""
    from ops import cloud, render

    render.cloud(cloud.up(call.stage.port))


@local()
def down(call: Call):
    """Stop localcloud and its processes; what it holds stays."""
    from ops import cloud, render

    render.line(cloud.run("down"))


@local(json="Print JSON instead of a table.")
def status_(call: Call, json=False):
    """Show whether localcloud runs, and where."""
    from ops import cloud, render

    call.show(cloud.find(), render.cloud)


@local(yes="Do not ask.")
def reset(call: Call, yes=False):
    """Stop localcloud and delete all it holds."""
    from ops import cloud, render

    call.approve("delete every endpoint, model and log of localcloud", always=True)
    render.line(cloud.run("reset"))


@local()
def verbs(call: Call):
    """Show the verbs by what they are for."""
    from ops import render

    render.verbs(by_kind(ns))


cloud = Collection("cloud", up, down, reset)
cloud.add_task(status_, name="status")
key = Collection("keys", rotate)
key.add_task(keys, name="show", default=True)
ns = Collection(train, validate, deploy, score, status, shift_traffic, mirror, logs)
for verb in (
    metrics,
    watch,
    diagnose,
    scale,
    delete_deployment,
    delete_endpoint,
    history,
):
    ns.add_task(verb)
ns.add_task(verbs, default=True)
ns.add_collection(key)
ns.add_collection(cloud)
