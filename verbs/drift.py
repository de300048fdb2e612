"""Verbs for whether the data is still what the model learned."""

from ops.verbs import Call, reads


@reads(
    deployment="Only this one. Default: every deployment.",
    against="Another deployment, such as blue. Default: the model's own baseline.",
    since="How far back: 6h, 7d, at most 90d.",
)
def drift(call: Call, deployment=None, against="baseline", since="7d"):
    """Say what moved away from training, and since when.

    invoke drift --deployment green --against blue --since 1h
    """
    from ops import drift, endpoints
    from ops.views import driftview

    span = drift.span(since, call.now)
    live = endpoints.get(call.workspace, call.endpoint)
    found = drift.measure(call.workspace, call.spec, live, span, deployment, against)
    call.show(found, driftview.show)
    drift.require_steady(found)


@reads(
    deployment="Whose model's data is watched.",
    reference="The registered data it was trained on: azureml:NAME:VERSION.",
    email="Whom Azure tells: addresses, comma between.",
)
def monitor(call: Call, deployment="blue", reference=None, email=""):
    """Print Azure ML's own monitor, for az ml schedule.

    invoke drift.monitor --reference azureml:iris-train:1 > monitor.yaml
    """
    from ops.drifting import monitor
    from ops.views import render

    found = monitor.schedule(call.spec, deployment, reference, email)
    call.show(found, lambda schedule: render.line(monitor.text(schedule)))
