"""Whether a canary is asked, or answers, other things than stable while both are live.

Both get their part of the same requests, so that features differ only where the way to
them does; predictions differ where the models do.
"""

from ops import specs
from ops.clients import Workspace
from ops.drifting import asking, baseline, judging
from ops.drifting.asking import Question
from ops.endpoints import Endpoint
from ops.rollouts.canary import Pair
from ops.times import Span

KINDS = {
    "features": ("feature",),
    "predictions": ("prediction", "score"),
    "both": ("feature", "prediction", "score"),
}
LOOKS = 1440  # of a rollout, which together spend judging.ALPHA: a minute each, a day


def moved(
    workspace: Workspace, endpoint: Endpoint, pair: Pair, of: str, span: Span
) -> tuple[str, ...]:
    """What differs, a sentence a column; raise OpsError where it can't be told."""
    canary, stable = (endpoint.deployments[n] for n in (pair.canary, pair.stable))
    base = baseline.of(specs.load(endpoint.name, workspace.stage), canary)
    question = Question(
        baseline=base,
        deployments=(pair.canary,),
        versions=tuple({base.version, stable.model.partition(":")[2]}),
        against=pair.stable,
        by_day=False,
    )
    found = {
        each.column: each
        for each in asking.ask(workspace, endpoint.name, question, span)
    }
    columns = {
        each.name: each
        for each in base.columns
        if each.kind in KINDS[of] and each.name in found
    }
    evidence = {name: found[name].evidence for name in columns}
    flagged = judging.discoveries(evidence, judging.level(looks=LOOKS))
    told = []
    for name in sorted(flagged):
        where, share, other = judging.where(columns[name], found[name])
        told.append(
            f"{name}: {100 * share:.3g}% are {where}, of {pair.stable}'s "
            f"{100 * other:.3g}%"
        )
    return tuple(told)
