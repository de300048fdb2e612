"""Verbs that bring a model out and take it away."""

from ops.verbs import Call, changes, reads, sends


@changes()
def train(call: Call):
    """Train the example's models, if they are stale."""
    from ops import training
    from ops.views import render

    render.line(training.train(call.endpoint, call.dry_run))


@reads(run="Also run init() and run() on the sample request, in the built environment.")
def validate(call: Call, run=False):
    """Check an endpoint's files before a deploy.

    invoke validate --run
    """
    from ops import dryrun, validate
    from ops.views import render

    found = validate.check(call.spec)
    found += validate.check_alerts(call.spec)
    found += validate.check_schema(call.spec, found)
    if run and not any(problem.fatal for problem in found):
        found += dryrun.check(call.spec)
    call.show(found, lambda value: render.problems(value, f"specs/{call.endpoint}"))
    validate.require_sound(found)


@changes(deployment="Which deployment file: blue (the default), green...")
def deploy(call: Call, deployment="blue"):
    """Create or update a deployment.

    invoke deploy --deployment green
    """
    from ops import deploy
    from ops.views import render

    plan = deploy.plan(call.workspace, call.spec, deployment)
    if call.dry_run:
        return render.plan(plan)
    call.approve(f"deploy {deployment} to {call.endpoint}")
    render.phases(deploy.run(call.workspace, plan, reason=call.reason))
    render.how_to_call(*deploy.how_to_call(call.workspace, plan), call.flags)


@sends(
    deployment="Straight to this deployment, past the traffic rules.",
    file="The request's body. Default: the model's sample request.",
    n="How many times to send it.",
)
def score(call: Call, deployment=None, file=None, n="1"):
    """Send requests to the endpoint.

    invoke score -n 100
    """
    from ops import payloads, scoring
    from ops.views import render

    count, body = scoring.times(n), payloads.one(file, call.endpoint, deployment)
    to = {"deployment": deployment, "count": count}
    answers = list(scoring.score(call.workspace, call.endpoint, body, **to))
    call.show(answers, render.answers)
    scoring.require_answered(answers)


@changes(deployment="Which deployment.", instances="How many instances it shall have.")
def scale(call: Call, deployment=None, instances=None):
    """Set the instance count.

    invoke scale --deployment blue --instances 3
    """
    from ops import deployments
    from ops.views import render

    deployment = deployments.named(deployment)
    count = deployments.instance_count(instances)
    call.approve(f"scale {deployment} of {call.endpoint} to {count}")
    render.scaling(
        deployments.scale(call.workspace, call.endpoint, deployment, count, **call.how)
    )


@changes(deployment="Which deployment.")
def delete_deployment(call: Call, deployment=None):
    """Delete a deployment without traffic.

    invoke delete-deployment --deployment blue
    """
    from ops import deployments, endpoints
    from ops.views import render

    name = deployments.named(deployment)
    endpoint = endpoints.get(call.workspace, call.endpoint)
    found = deployments.deletable(endpoint, name)
    call.approve(f"delete {name} of {call.endpoint}", always=True)
    render.line(deployments.delete(call.workspace, call.endpoint, found, **call.how))


@changes()
def delete_endpoint(call: Call):
    """Delete the endpoint with all its deployments."""
    from ops import deployments, endpoints
    from ops.views import render

    endpoint = endpoints.get(call.workspace, call.endpoint)
    call.approve(f"delete {deployments.described(endpoint)}", always=True)
    render.line(deployments.delete_endpoint(call.workspace, endpoint, **call.how))
