"""Every verb that an engineer can type. What a verb does is in ops/."""

from invoke import Collection

from ops.verbs import Call, Unless, by_kind, changes, local, reads


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


@changes(deployment="Which deployment file: blue (the default), green...")
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
    instance="Only this one: the beginning or end of its id.",
    container="inference-server (the script) or storage-initializer (the build).",
    since="From so long ago: 30s, 15m, 2h30m, 1d. Default: 1h.",
    from_="From this time: 14:05, or 2026-11-23T14:05 (UTC).",
    to="Up to this time. Default: now.",
    lines="How many of the last. Default: 100, or all of a time asked for.",
    follow="Go on with every new line until Ctrl-C.",
    include="Only lines that match this pattern; repeatable.",
    exclude="No lines that match this pattern; repeatable.",
    highlight="Make what matches this pattern stand out; repeatable.",
    level="This level and above: debug, info, warning, error, critical.",
    console="The console lines, beside what else is asked for.",
    events="What happened to instances: started, probe failed, backed off, killed.",
    requests="The access log.",
    status="Requests with this status: 424, 5xx.",
    slower_than="Requests that took longer: 500ms.",
    request_id="One request: its access log and what the script wrote of it.",
    output="text, json (an object a line), raw (messages alone) or csv.",
    o="The same as --output.",
    template="Your own line: '{time} {deployment:>8} {status} {message}'.",
)
def logs(
    call: Call,
    deployment=None,
    instance=None,
    container=None,
    since=None,
    from_=None,
    to=None,
    lines=None,
    follow=False,
    include=(),
    exclude=(),
    highlight=(),
    level=None,
    console=False,
    events=False,
    requests=False,
    status=None,
    slower_than=None,
    request_id=None,
    output=None,
    o=None,
    template=None,
):
    """Show or follow what every deployment says.

    invoke logs --follow --include Error --exclude health
    """
    from ops import logs, logview, render, sieve

    which = sieve.sieve(
        deployment=deployment,
        instance=instance,
        container=container,
        level=level,
        status=status,
        slower_than=slower_than,
        patterns={"include": include, "exclude": exclude, "highlight": highlight},
    )
    asked = logs.asked(
        streams={"console": console, "event": events, "request": requests},
        times=(since, from_, to),
        lines=lines,
        request_id=request_id,
        which=which,
    )
    form = logview.output(output or o, call.json)
    line = logview.liner(form, template, which.marked)
    shown = (logs.follow if follow else logs.read)(call.workspace, call.endpoint, asked)
    if call.json and not follow:
        return render.as_json(logview.document(shown))
    logview.print_all(shown, line, heading=logview.header(form, template))


@reads(
    since="Of the last so long, against as long before. Default: 1h.",
    from_="From this time.",
    to="Up to this time. Default: now.",
    of="What is new on this deployment...",
    against="...that this one doesn't say.",
    include="Only lines that match this pattern; repeatable.",
    exclude="No lines that match this pattern; repeatable.",
    level="This level and above.",
)
def patterns(
    call: Call,
    since=None,
    from_=None,
    to=None,
    of="green",
    against="blue",
    include=(),
    exclude=(),
    level=None,
):
    """Group lines into patterns and show what is new.

    invoke logs.patterns --since 1h
    """
    from ops import patterns, resultview, sieve

    which = sieve.sieve(level=level, patterns={"include": include, "exclude": exclude})
    source = patterns.source(call.workspace, call.endpoint, which)
    span = patterns.span(since, from_, to)
    call.show(patterns.find(source, span, against=against, of=of), resultview.patterns)


@reads(
    kql="The query, in quotes.",
    file="The query in this file.",
    name="The query of this name.",
    list="List the named queries.",
    explain="Show the text as it would be sent, and the parameters.",
    param="A parameter, as name=value; repeatable.",
    since="Of the last so long: 30s, 15m, 2h30m, 1d. Default: 1h.",
    from_="From this time: 14:05, or 2026-11-23T14:05 (UTC).",
    to="Up to this time. Default: now.",
    all="Of the whole log workspace, not this endpoint's rows alone.",
    output="table, chart, json or csv. Default: what the query's render asks for.",
    o="The same as --output.",
)
def query(
    call: Call,
    kql=Unless("file", "name", "list"),
    file=None,
    name=None,
    list=False,
    explain=False,
    param=(),
    since=None,
    from_=None,
    to=None,
    all=False,
    output=None,
    o=None,
):
    """Ask Log Analytics in KQL.

    invoke query --name errors --since 6h
    """
    from ops import query, resultview

    if list:
        return call.show(query.listing(), resultview.listing)
    chosen = query.bound(query.chosen(kql, file, name), param)
    if explain:
        return call.show(chosen, resultview.explain)
    form = resultview.output(output or o, call.json)
    span = query.span(since, from_, to)
    scope = None if all else call.endpoint
    found = query.run(call.workspace, chosen, span, scope)
    resultview.show(found, form, chosen.title)


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
    from ops import live, render, screen, watch

    seen = watch.Watch(call.stage, call.endpoint, since)
    if call.json:
        return render.as_json(seen.look())
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


@changes()
def diagnostics_on(call: Call):
    """Let the endpoint's logs flow to Log Analytics."""
    from ops import diagnostics, render

    call.approve(f"turn on diagnostics of {call.endpoint}")
    render.line(diagnostics.turn_on(call.workspace, call.endpoint, **call.how))


@changes()
def diagnostics_off(call: Call):
    """Stop the flow; what has arrived stays."""
    from ops import diagnostics, render

    call.approve(f"turn off diagnostics of {call.endpoint}")
    render.line(diagnostics.turn_off(call.workspace, call.endpoint, **call.how))


@reads()
def diagnostics_show(call: Call):
    """Show what flows where."""
    from ops import diagnostics, resultview

    found = diagnostics.show(call.workspace, call.endpoint)
    call.show(found, resultview.diagnostics)


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
    call.approve(f"delete {deployments.described(endpoint)}", always=True)
    render.line(deployments.delete_endpoint(call.workspace, endpoint, **call.how))


@reads(most="How many of the latest changes.", all="Of every endpoint.")
def history(call: Call, most="20", all=False):
    """Show what was changed: when, by whom and why."""
    from ops import journal, render

    endpoint = None if all else call.endpoint
    found = journal.entries(call.stage.name, endpoint, journal.most(most))
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

    call.approve("delete all that localcloud holds", always=True, word="localcloud")
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
log = Collection("logs", patterns)
log.add_task(logs, name="show", default=True)
flow = Collection("diagnostics")
flow.add_task(diagnostics_show, name="show", default=True)
flow.add_task(diagnostics_on, name="on")
flow.add_task(diagnostics_off, name="off")
ns = Collection(train, validate, deploy, score, status, shift_traffic, mirror)
for verb in (
    query,
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
ns.add_collection(log)
ns.add_collection(flow)
ns.add_collection(key)
ns.add_collection(cloud)
