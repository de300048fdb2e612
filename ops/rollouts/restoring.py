"""Give an endpoint back its safe weights by nothing but what its tags say.

For when nobody runs its rollout, and whatever else can't be read.
"""

from dataclasses import replace

from ops import traffic
from ops.clients import Workspace
from ops.endpoints import Endpoint
from ops.errors import Refused
from ops.rollouts import quiet, standing
from ops.rollouts.standing import Standing
from ops.traffic import How, Shift
from ops.weights import Weights


def restore(
    workspace: Workspace,
    name: str,
    here: Standing,
    *,
    state: str,
    verb: str,
    by: str,
    reason: str,
) -> Shift:
    """Write the safe weights and how the rollout ended, in one.

    Raise Refused where the rollout has gone on meanwhile: then somebody runs it.
    """
    if here.safe is None:
        raise Refused(
            f"The tags of {name} don't say which weights are safe.", "invoke rollback"
        )
    safe = here.safe

    def decide(endpoint: Endpoint) -> Weights:
        found = standing.read(endpoint.tags)
        if found != here:
            raise Refused(
                f"The rollout of {name} has gone on meanwhile.", "invoke rollout.status"
            )
        return safe

    ended = replace(here, state=state, by=by, run=here.run + 1, runner="")
    done = traffic.change(
        workspace,
        name,
        decide,
        verb=verb,
        reason=reason,
        how=How(force=True, urgent=True, rollout=here.id),
        tags=standing.written(ended),
    )
    quiet.over(workspace, name, here)
    return done
