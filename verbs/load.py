"""The verb that is an endpoint's callers."""

from ops.verbs import Call, changes


@changes(
    rps="Requests a second, up to 2000, whatever becomes of those before.",
    for_="How long: 30s, 2m; at most 24h.",
    deployment="Straight to this deployment, past the traffic rules.",
    file="A request's body, or a .jsonl file with one a line, sent in turn.",
    drift="Move a feature of every request: sepal_length=+1.5; repeatable.",
    steady="Evenly spaced. Default: at random, as callers come (Poisson).",
    retries="Send what fails again, up to so often, with the same request id.",
    timeout="How long to wait for an answer. Default: as the endpoint has, and 10s.",
    seed="A number: the same requests come at the same times again.",
    allow_errors="Answers of any status are fine; only what gets none fails.",
    json="Print the result as JSON.",
)
def load(
    call: Call,
    rps="10",
    for_="1m",
    deployment=None,
    file=None,
    drift=(),
    steady=False,
    retries="0",
    timeout=None,
    seed=None,
    allow_errors=False,
    json=False,
):
    """Send requests at a rate that waits for no answer.

    invoke load --rps 50 --for 2m
    """
    from ops import load
    from ops.views import loadview

    asked = load.Asked(
        rps=rps,
        duration=for_,
        deployment=deployment,
        file=file,
        drift=drift or (),
        steady=steady,
        retries=retries,
        timeout=timeout,
        seed=seed,
    )
    plan = load.plan(call.workspace, call.endpoint, asked)
    if call.dry_run:
        return loadview.plan(plan)
    call.approve(f"send {rps} requests a second to {call.endpoint} for {for_}")
    sending = load.run(call.workspace, call.endpoint, plan, reason=call.reason)
    report = loadview.follow(sending)
    call.show(report, loadview.report)
    load.require_answered(report, allow_errors)
