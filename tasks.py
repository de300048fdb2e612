"""The verbs that an engineer can type; each is in verbs/, what it does in ops/."""

import sys

from invoke import Collection

from ops import commandline
from ops.verbs import Call, by_kind, local
from verbs import (
    alerts,
    autoscale,
    cloud,
    dashboards,
    drift,
    keys,
    load,
    logs,
    looking,
    rehearsing,
    rollout,
    shipping,
    traffic,
)

# Invoke has turned this off. What verbs import when they run is worth keeping compiled.
sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)


@local()
def verbs(call: Call):
    """Show the verbs by what they are for."""
    from ops.views import render

    render.verbs(by_kind(ns))


ns = Collection(
    shipping.train,
    shipping.validate,
    shipping.deploy,
    shipping.score,
    load.load,
    shipping.scale,
    autoscale.capacity,
    shipping.delete_deployment,
    shipping.delete_endpoint,
    traffic.shift_traffic,
    traffic.mirror,
    traffic.rollback,
    traffic.promote_green,
    traffic.freeze,
    traffic.unfreeze,
    traffic.undo,
    traffic.split,
    looking.status,
    looking.metrics,
    looking.watch,
    looking.dashboard,
    looking.diagnose,
    looking.history,
    logs.query,
    rollout.watchdog,
)
ns.add_task(verbs, default=True)

for name, default, others in (
    ("logs", logs.logs, {"patterns": logs.patterns}),
    ("drift", drift.drift, {"monitor": drift.monitor}),
    ("keys", keys.keys, {"rotate": keys.rotate}),
    (
        "diagnostics",
        logs.diagnostics_show,
        {"on": logs.diagnostics_on, "off": logs.diagnostics_off},
    ),
    (
        "autoscale",
        autoscale.autoscale_show,
        {
            "apply": autoscale.autoscale_apply,
            "history": autoscale.autoscale_history,
            "simulate": autoscale.autoscale_simulate,
            "suspend": autoscale.autoscale_suspend,
            "delete": autoscale.autoscale_delete,
        },
    ),
):
    group = Collection(name)
    group.add_task(default, name="show", default=True)
    for verb, task in others.items():
        group.add_task(task, name=verb)
    ns.add_collection(group)

alerting = Collection("alerts")
alerting.add_task(alerts.alerts_list, name="list", default=True)
for verb, task in {
    "show": alerts.alerts_show,
    "apply": alerts.alerts_apply,
    "test": alerts.alerts_test,
    "backtest": alerts.alerts_backtest,
    "ack": alerts.alerts_ack,
    "close": alerts.alerts_close,
    "mute": alerts.alerts_mute,
    "unmute": alerts.alerts_unmute,
    "notify-test": alerts.alerts_notify_test,
    "relay": alerts.alerts_relay,
}.items():
    alerting.add_task(task, name=verb)
ns.add_collection(alerting)

boards = Collection("dashboards")
boards.add_task(dashboards.dashboards_show, name="show", default=True)
boards.add_task(dashboards.dashboards_apply, name="apply")
boards.add_task(dashboards.dashboards_export, name="export")
boards.add_task(dashboards.dashboards_open, name="open")
ns.add_collection(boards)

rollouts = Collection(
    "rollout",
    rehearsing.plan,
    rehearsing.simulate,
    rollout.start,
    rollout.pause,
    rollout.resume,
    rollout.promote,
    rollout.abort,
    rollout.watch,
    rollout.replay,
)
rollouts.add_task(rollout.status, default=True)
ns.add_collection(rollouts)

local_verbs = Collection(
    *("cloud", cloud.up, cloud.down, cloud.reset, cloud.repair),
    *(cloud.drills, cloud.clock, cloud.fault),
)
local_verbs.add_task(cloud.status_, name="status")
ns.add_collection(local_verbs)

commandline.install(ns)
