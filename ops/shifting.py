"""Change weights before somebody's eyes: the plan, the deed, and the split it made."""

from collections.abc import Iterator, Mapping

from ops import endpoints, flow, split, tags, traffic, weights
from ops.clients import Workspace
from ops.errors import NotFound, OpsError
from ops.hints import hint
from ops.split import Split
from ops.traffic import ORDINARY, Approve, Decide, How, Shift


def run(
    workspace: Workspace,
    name: str,
    decide: Decide,
    *,
    verb: str,
    approve: Approve,
    how: How = ORDINARY,
    reason: str = "",
    dry_run: bool = False,
) -> Iterator[Shift | Split]:
    """Yield what is planned, what was done, and how live requests split then."""
    planned = traffic.plan(workspace, name, decide, verb=verb, how=how)
    yield planned
    approve(f"change weights of {name} from {planned.before} to {planned.after}")
    done = traffic.carry_out(
        workspace, planned, how=how, reason=reason, dry_run=dry_run
    )
    if not done.done:
        return
    yield done
    if done.after.traffic != done.before.traffic and done.after.traffic:
        yield _observed(workspace, done)


def observed(workspace: Workspace, name: str) -> Split:
    """How live requests have split since the last change that the tags know."""
    endpoint = endpoints.get(workspace, name)
    latest = next(iter(tags.changes(endpoint.tags)), None)
    if latest is None:
        raise NotFound(
            f"{name} has no record of a change of weights: since when is not known.",
            "invoke metrics",
        )
    if latest.after is not None and latest.after.traffic != endpoint.traffic:
        raise NotFound(
            f"The weights of {name} were changed outside of the toolkit after "
            f"{latest.at:%F %T} UTC: since when they are as they are is not known.",
            "invoke history",
        )
    seen = split.read(workspace, name, endpoint.traffic, latest.at)
    return _unless_changed(workspace, name, seen, latest.fence, endpoint.traffic)


def _unless_changed(
    workspace: Workspace, name: str, seen: Split, fence: int, asked: Mapping[str, int]
) -> Split:
    """The split, unless its requests may be of other weights than those of a change."""
    if seen.unseen:
        return seen
    endpoint = endpoints.get(workspace, name)
    latest = next(iter(tags.changes(endpoint.tags)), None)
    if latest and latest.fence > fence:
        by = f"by {latest.who} ({latest.verb}, #{latest.fence})"
    elif endpoint.traffic != asked:
        by = "outside of the toolkit"
    else:
        return seen
    now = weights.described(endpoint.traffic)
    return Split(unseen=f"not judged: changed meanwhile {by}, to {now}")


def _observed(workspace: Workspace, done: Shift) -> Split:
    """The split after a change; that it can't be read does not make the change bad."""
    assert done.at is not None, "a change that was done has a time"
    name, asked = done.endpoint, done.after.traffic
    recent = done.recent or flow.Recent()
    try:
        seen = split.watch(workspace, name, asked, done.at, recent)
        return _unless_changed(workspace, name, seen, done.fence, asked)
    except KeyboardInterrupt:
        return Split(unseen=f"not waited for: {hint('split')} tells it later")
    except OpsError as error:
        return Split(unseen=f"the real split is not known: {error.problem}")
