"""Verbs for a deployment that takes over step by step, and is judged meanwhile."""

from ops.verbs import Call, changes, reads

DETACH = "Go on as a process of its own; its output goes to a file that is named."


@changes(
    deployment="Which one is to take over. Default: the one without traffic.",
    policy="A policy file. Default: specs/<endpoint>/rollout.yaml.",
    detach=DETACH,
)
def start(call: Call, deployment=None, policy=None, detach=False):
    """Roll a deployment out, judged at every step.

    invoke rollout.start --reason "a better model"
    """
    from ops import rollout
    from ops.rollouts import detached, preflight, rolloutview

    asked = {"deployment": deployment, "policy": policy, "reason": call.reason}
    found = preflight.ready(call.workspace, call.endpoint, **asked)
    rolloutview.ready(found)
    call.approve(f"roll out {found.beginning.canary} of {call.endpoint}")
    if detach and not call.dry_run:
        return rolloutview.detached(detached.begin(call, "rollout.start", asked))
    if not call.dry_run:
        events = rollout.start(call.workspace, found)
        rollout.require_success(rolloutview.follow(events))


@changes(detach=DETACH, take_over="Even from a runner that seems to be alive.")
def resume(call: Call, detach=False, take_over=False):
    """End a rollout's pause, or run one that nobody runs.

    invoke rollout.resume
    """
    from ops import rollout
    from ops.rollouts import detached, rolloutview

    asked = {"take_over": take_over, "reason": call.reason}
    call.approve(f"go on with the rollout of {call.endpoint}")
    if call.dry_run:
        return rolloutview.would(
            "go on with", rollout.here(call.workspace, call.endpoint)
        )
    if detach:
        return rolloutview.detached(detached.begin(call, "rollout.resume", asked))
    events = rollout.resume(call.workspace, call.endpoint, **asked)
    rollout.require_success(rolloutview.follow(events))


@changes()
def pause(call: Call):
    """Let a rollout wait where it is; it is still judged.

    invoke rollout.pause --reason "until the batch job is over"
    """
    from ops import rollout
    from ops.rollouts import rolloutview

    call.approve(f"pause the rollout of {call.endpoint}")
    if call.dry_run:
        return rolloutview.would("pause", rollout.here(call.workspace, call.endpoint))
    told = rollout.pause(call.workspace, call.endpoint, reason=call.reason)
    rolloutview.follow([told])


@changes()
def promote(call: Call):
    """Give the rollout's deployment all traffic now.

    invoke rollout.promote --reason "looks good"
    """
    from ops import rollout
    from ops.rollouts import rolloutview

    call.approve(f"give all traffic of {call.endpoint} to what is rolled out")
    if call.dry_run:
        return rolloutview.would("promote", rollout.here(call.workspace, call.endpoint))
    how = {"command": "promote", "reason": call.reason}
    rolloutview.follow(rollout.finish(call.workspace, call.endpoint, **how))


@changes(force="Even back to a deployment that does worse.")
def abort(call: Call, force=False):
    """Give the traffic back to where it was before.

    invoke rollout.abort --reason "wrong model"
    """
    from ops import rollout
    from ops.rollouts import rolloutview

    call.approve(f"abort the rollout of {call.endpoint}")
    if call.dry_run:
        return rolloutview.would("abort", rollout.here(call.workspace, call.endpoint))
    how = {"command": "abort", "reason": call.reason, "force": force}
    rolloutview.follow(rollout.finish(call.workspace, call.endpoint, **how))


@reads()
def status(call: Call):
    """Show where the rollout is, and why.

    invoke rollout.status
    """
    from ops.rollouts import following, rolloutview

    found = following.status(call.workspace, call.endpoint)
    call.show(found, rolloutview.status)


@reads()
def watch(call: Call):
    """Follow a rollout that another process runs.

    invoke rollout.watch
    """
    from ops import rollout
    from ops.rollouts import following, rolloutview

    events = following.watch(call.workspace, call.endpoint)
    rollout.require_success(rolloutview.watch(events, call.json))


@reads(id="Which rollout. Default: the last one.", policy="Another policy file.")
def replay(call: Call, id=None, policy=None):
    """Decide a past rollout again, by another policy.

    invoke rollout.replay --policy stricter.yaml
    """
    from ops.rollouts import following, replayview

    found = following.again(call.workspace, call.endpoint, id, policy)
    call.show(found, replayview.replay)
    following.require_exact(found)


@changes(every="Stay, and look so often. Default: look once.")
def watchdog(call: Call, every=None):
    """Restore safe weights where a rollout's runner died.

    invoke watchdog --every 60s
    """
    from ops import watchdog
    from ops.rollouts import rolloutview

    call.approve("restore safe weights where they must be", word=call.stage_name)
    seconds = watchdog.interval(every)
    found = watchdog.sweep(call.workspace, seconds, **call.how)
    watchdog.require_quiet(rolloutview.watched(found))
