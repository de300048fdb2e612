"""Verbs for how an endpoint does."""

from ops.verbs import Call, reads


@reads()
def status(call: Call):
    """Show weights, instances, states and versions."""
    from ops import endpoints
    from ops.alerting import fired
    from ops.rollouts import rolloutview
    from ops.views import firedview, render, trafficview

    found, now = endpoints.get(call.workspace, call.endpoint), call.workspace.now()
    call.show(found, render.status)
    rolloutview.mention(found, now)
    trafficview.mention(found, now)
    firedview.mention(fired.at_hand(call.workspace, call.endpoint))


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
    from ops import metrics
    from ops.views import live, panels

    looker = metrics.Looker(call.workspace, call.endpoint, since, grain)
    if watch:
        seconds = live.interval(interval)
        return live.paint(looker.patiently, panels.sight, seconds=seconds)
    call.show(looker.look(), metrics.print_csv if csv else panels.show)


@reads(since="Rates and percentiles over how long.", interval="How often it looks.")
def watch(call: Call, since="15m", interval="5s"):
    """Show a live screen of the endpoint until Ctrl-C.

    invoke watch --interval 2s
    """
    from ops import watch
    from ops.views import live, render, screen

    call.sign_in()
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
    from ops import diagnose
    from ops.views import screen

    span = diagnose.span(since, call.now)
    found = diagnose.diagnose(call.workspace, call.endpoint, span, flags=call.flags)
    call.show(found, screen.findings)
    diagnose.require_healthy(found)


@reads(most="How many of the latest changes.", all="Of every endpoint.")
def history(call: Call, most="20", all=False):
    """Show what was changed: when, by whom and why."""
    from ops import endpoints, history, journal
    from ops.views import trafficview

    count = journal.most(most)
    if all:
        found = history.of_all(call.stage.name, count)
    else:
        found = history.of(call.workspace, call.endpoint, count)
        if not found:  # of a deleted endpoint the journal tells; of none, nothing
            endpoints.get(call.workspace, call.endpoint)
    call.show(found, lambda rows: trafficview.history(rows, call.now))


@reads(
    port="Which port of this machine; 0 takes any free one.",
    allow_changes="Let the page steer a rollout; who has the printed address may.",
    open="Let every user of this machine read it, by an address without a key.",
)
def dashboard(call: Call, port="0", allow_changes=False, open=False):
    """Serve the dashboards as a live page until Ctrl-C.

    invoke dashboard --allow-changes
    """
    import sys

    from ops.page import serving
    from ops.views import render

    call.sign_in()
    page = serving.opened(
        call, serving.port(port), allow_changes=allow_changes, to_all=open
    )
    call.show({"address": page.address}, lambda _: render.line(page.address))
    render.note("Ctrl-C ends it")
    sys.stdout.flush()  # whoever reads a pipe waits for the address
    page.serve()
