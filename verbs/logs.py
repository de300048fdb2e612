"""Verbs for what an endpoint says, and for its flow."""

from ops.verbs import Call, Unless, changes, reads


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
    status="Requests with this status, or of which the model said so: 424, 5xx.",
    slower_than="Requests that took longer: 500ms.",
    request_id="One request: its access log and what the script wrote of it.",
    output="text, json (an object a line), raw (messages alone) or csv.",
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
    template=None,
):
    """Show or follow what every deployment says.

    invoke logs --follow --include Error --exclude health
    """
    from ops import logs, sieve
    from ops.views import logview, render

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
        now=call.now,
        lines=lines,
        request_id=request_id,
        which=which,
    )
    form = logview.output(output, call.json)
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
    from ops import patterns, sieve
    from ops.views import resultview

    which = sieve.sieve(level=level, patterns={"include": include, "exclude": exclude})
    source = patterns.source(call.workspace, call.endpoint, which)
    span = patterns.span(since, from_, to, call.now)
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
):
    """Ask Log Analytics in KQL.

    invoke query --name errors --since 6h
    """
    from ops import query
    from ops.views import resultview

    if list:
        return call.show(query.listing(), resultview.listing)
    chosen = query.bound(query.chosen(kql, file, name), param)
    if explain:
        return call.show(chosen, resultview.explain)
    form = resultview.output(output, call.json)
    span = query.span(since, from_, to, call.now)
    scope = None if all else call.endpoint
    found = query.run(call.workspace, chosen, span, scope)
    resultview.show(found, form, chosen.title)


@changes()
def diagnostics_on(call: Call):
    """Let the endpoint's logs flow to Log Analytics."""
    from ops import diagnostics
    from ops.views import render

    call.approve(f"turn on diagnostics of {call.endpoint}")
    render.line(diagnostics.turn_on(call.workspace, call.endpoint, **call.how))


@changes()
def diagnostics_off(call: Call):
    """Stop the flow; what has arrived stays."""
    from ops import diagnostics
    from ops.views import render

    call.approve(f"turn off diagnostics of {call.endpoint}")
    render.line(diagnostics.turn_off(call.workspace, call.endpoint, **call.how))


@reads()
def diagnostics_show(call: Call):
    """Show what flows where."""
    from ops import diagnostics
    from ops.views import resultview

    found = diagnostics.show(call.workspace, call.endpoint)
    call.show(found, resultview.diagnostics)
