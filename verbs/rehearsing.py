"""Verbs that try a rollout out before there is one."""

from ops.verbs import Call, reads


@reads(
    deployment="Which one would take over. Default: the one without traffic.",
    policy="A policy file. Default: specs/<endpoint>/rollout.yaml.",
    since="Over how long today's rate is read.",
    rate="Requests a minute, instead of today's.",
)
def plan(call: Call, deployment=None, policy=None, since="1h", rate=None):
    """Show what a rollout would take, and catch.

    invoke rollout.plan --rate 600
    """
    from ops.rollouts import forecast, forecastview

    asked = {"deployment": deployment, "policy": policy, "since": since, "rate": rate}
    found = forecast.plan(call.workspace, call.endpoint, **asked)
    call.show(found, forecastview.plan)


@reads(
    rate="Requests a minute.",
    errors="Percent of stable's requests that fail.",
    canary_errors="Percent of the canary's. Default: as of stable's.",
    slower="How many times as long the canary's requests take.",
    begins="When the canary becomes so: 30m, 2h. Default: at once.",
    tries="How often in all a request that fails is sent.",
    count_tries="Count each of them, as where callers send no request ids.",
    swing="By how many percent the rate goes up and down over a day.",
    rollouts="How many.",
    hours="How long each may take. Default: as its policy has it.",
    seed="A number: the same rollouts come again.",
    policy="A policy file. Default: specs/<endpoint>/rollout.yaml.",
)
def simulate(
    call: Call,
    rate="600",
    errors="0.5",
    canary_errors=None,
    slower="1",
    begins=None,
    tries="1",
    count_tries=False,
    swing="0",
    rollouts="1000",
    hours=None,
    seed="1",
    policy=None,
):
    """Run the policy against simulated traffic.

    invoke rollout.simulate --canary-errors 5
    """
    from ops.rollouts import forecastview, rehearsal

    asked = rehearsal.Asked(
        rate=rate,
        errors=errors,
        canary_errors=canary_errors,
        slower=slower,
        begins=begins,
        tries=tries,
        count_tries=count_tries,
        swing=swing,
        rollouts=rollouts,
        hours=hours,
        seed=seed,
        policy=policy,
    )
    trial = rehearsal.trial(call.endpoint, asked)
    found = forecastview.follow(rehearsal.run(trial), trial.rollouts)
    call.show(found, forecastview.summary)
