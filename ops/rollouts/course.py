"""One process's run of a rollout: what it knows, and how it writes.

Whoever runs a rollout may die at any moment. What stands in the endpoint's tags and in
the record is enough for another to go on, and a runner that another has replaced
writes nothing any more.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Event as Signal

from ops import door, endpoints, flow, tags, traffic
from ops.autoscaling import floors
from ops.clients import Workspace
from ops.endpoints import Endpoint
from ops.errors import OpsError
from ops.flow import Recent
from ops.rollouts import observing, policyfile, quiet, standing
from ops.rollouts.decisions import Decision
from ops.rollouts.observing import Observer, expected_weights
from ops.rollouts.policy import Policy
from ops.rollouts.probes import Probes, Target
from ops.rollouts.progress import Moved, Progress, TakenOver, taken_over
from ops.rollouts.records import Beginning, Event, Past, Record
from ops.rollouts.standing import Standing, whose
from ops.traffic import How
from ops.weights import Weights, of

VERB = "rollout"
MIRROR_FOR = timedelta(days=7)  # the runner or the watchdog ends it, not its own limit


@dataclass(kw_only=True)
class Course:
    """A rollout in the hands of this process."""

    workspace: Workspace
    beginning: Beginning
    policy: Policy
    here: Standing
    observer: Observer
    record: Record
    wake: Signal = field(default_factory=Signal)  # there is a reason to look at once
    stop: Signal = field(default_factory=Signal)  # a person wants this process to end
    endpoint: Endpoint | None = None  # as it was read last
    fence: int = 0  # the highest seen in its tags: what shows a lower one is stale
    look_at: datetime | None = None  # when everything is to be read again
    part_at: datetime | None = None  # when the next part of the traffic goes back
    trouble: str = ""  # told already
    page: bool = False  # the last decision needs a person
    quiet_until: datetime | None = None  # the canary's alerts page nobody so long

    @property
    def name(self) -> str:
        return self.beginning.endpoint

    def require_ours(self, endpoint: Endpoint) -> None:
        """Raise TakenOver where the tags tell of a later run, or a later rollout.

        Those that tell of an earlier one are stale, or were put back by a writer who
        doesn't use the toolkit; and who does not may have wiped them.
        """
        found = standing.read(endpoint.tags)
        if found is None:
            return
        theirs, ours = (found.id, found.run), (self.here.id, self.here.run)
        if theirs > ours or (theirs == ours and not found.active):
            raise TakenOver(taken_over(self.here, found))

    def read(self) -> Endpoint:
        """Read the endpoint, and take from its tags where the rollout stands."""
        self.endpoint = endpoint = endpoints.get(self.workspace, self.name)
        self.require_ours(endpoint)
        found, fence = standing.read(endpoint.tags), tags.fence(endpoint.tags)
        same = found and (found.id, found.run) == (self.here.id, self.here.run)
        if found and same and fence >= self.fence:
            self.here, self.fence = found, fence
        return endpoint

    @property
    def wiped(self) -> bool:
        """Whether the tags don't tell of a rollout, though we have written them."""
        return self.endpoint is not None and standing.read(self.endpoint.tags) is None

    def begin(self, wanted: Weights, reason: str) -> None:
        """Write the first weights; raise Refused where another rollout was faster."""
        self._change(wanted, self.here, reason, standing.require_none)

    def take(self, before: Standing) -> None:
        """Have the tags say that we run it now, unless it has gone on meanwhile."""

        def unmoved(endpoint: Endpoint) -> None:
            found = standing.read(endpoint.tags)
            if found and (found.run, found.state) != (before.run, before.state):
                raise TakenOver(taken_over(self.here, found))

        self._tag(self.here, unmoved)

    def change(
        self, wanted: Weights, here: Standing, reason: str, *, back: bool = False
    ) -> None:
        """Write weights and where the rollout then stands; raise what the door does.

        Nothing may stand against going back: no freeze, and no lack of capacity.
        """

        require = self._require_unmoved if back else self._require_unedited
        self._change(wanted, here, reason, require, back=back)

    def set_again(self, wanted: Weights, here: Standing, reason: str) -> None:
        """Write a step's weights over those that others have set."""
        self._change(wanted, here, reason, self._require_unmoved)

    def tag(self, here: Standing) -> None:
        """Write where the rollout stands, with a sign of life; the weights stay."""
        self._tag(here, self._require_unmoved)

    def _require_unmoved(self, endpoint: Endpoint) -> None:
        """Raise Moved where what we are about to write would undo a person's word."""
        self.require_ours(endpoint)
        found = standing.read(endpoint.tags)
        known = (self.here.state, self.here.released)
        if found and (found.state, found.released) != known:
            raise Moved(f"The rollout is {found.state} by {whose(found.by)} meanwhile.")

    def _require_unedited(self, endpoint: Endpoint) -> None:
        """Raise Moved, too, where others have set weights: the next look says who."""
        self._require_unmoved(endpoint)
        expected = expected_weights(self.policy, self.here)
        if expected not in (None, of(endpoint)):
            raise Moved(f"{endpoint.name} shows {of(endpoint)} meanwhile.")

    def _change(
        self,
        wanted: Weights,
        here: Standing,
        reason: str,
        require: Callable[[Endpoint], None],
        *,
        back: bool = False,
    ) -> None:
        def decide(endpoint: Endpoint) -> Weights:
            require(endpoint)
            return wanted

        now = self.workspace.now()
        here, recent = replace(here, heartbeat=now), None
        if not back:
            recent = flow.recent(self.workspace, self.name, now)
            self._hold_instances(wanted, here, recent)
        traffic.change(
            self.workspace,
            self.name,
            decide,
            recent=recent,
            verb=VERB,
            reason=reason,
            how=How(
                force=back,
                urgent=back,
                rollout=here.id,
                mirror_for=MIRROR_FOR if wanted.mirror else None,
            ),
            tags=standing.written(here),
        )
        self.here = here

    def _hold_instances(self, wanted: Weights, here: Standing, recent: Recent) -> None:
        """Keep the autoscaler from what the step needs, and have it start the rest.

        Where that is not possible, the door still checks the capacity.
        """
        step = self.policy.steps[min(here.step, len(self.policy.steps) - 1)]
        length = timedelta(seconds=step.bake_seconds) + floors.SPARE
        try:
            endpoint = self.endpoint or endpoints.get(self.workspace, self.name)
            notes = floors.hold(self.workspace, endpoint, wanted, recent, length)
        except OpsError as error:
            notes = [f"not kept from scaling in: {error.problem}"]
        for note in notes:
            self.troubled(note)

    def _tag(self, here: Standing, require: Callable[[Endpoint], None]) -> None:
        here = replace(here, heartbeat=self.workspace.now())
        with door.opened(self.workspace, self.name, VERB, while_frozen=True) as live:
            require(live.endpoint)
            door.write_tags(live, standing.written(here))
        self.here = here

    def hush(self) -> Progress | None:
        """Mute what the judge sees to, or end that; what stands against it is told."""
        now, wanted = self.workspace.now(), quiet.wanted(self.policy, page=self.page)
        try:
            if wanted and quiet.due(self.quiet_until, self.policy, now):
                where = (self.workspace, self.name, self.here)
                self.quiet_until = quiet.begin(*where, self.policy)
            elif not wanted and self.quiet_until:
                self.speak()
        except OpsError as error:
            what = f"{self.here.canary}'s alerts page people all the same"
            return self.troubled(f"{what}: {error.problem}")
        return None

    def speak(self) -> None:
        """Have the canary's alerts tell people again."""
        if quiet.wanted(self.policy, page=False):
            quiet.end(self.workspace, self.name, self.here)
        self.quiet_until = None

    def told(self, what: str, text: str, decision: Decision | None = None) -> Progress:
        """Something that befell the rollout, for the record and for who watches."""
        now = self.workspace.now()
        self.record.event(Event(at=now, what=what, text=text))
        return self.progress(now, what, text, decision)

    def progress(
        self, at: datetime, what: str, text: str, decision: Decision | None = None
    ) -> Progress:
        return Progress(
            at=at,
            what=what,
            text=text,
            here=self.here,
            steps=tuple(step.shown for step in self.policy.steps),
            decision=decision,
        )

    def save(self) -> Progress | None:
        """Have the record in the storage; what stands against it is told."""
        try:
            self.record.save()
        except OpsError as error:
            return self.troubled(f"the record is only on this machine: {error.problem}")
        return None

    def troubled(self, text: str) -> Progress | None:
        """Tell of a trouble once, however long it lasts."""
        if text == self.trouble:
            return None
        self.trouble = text
        return self.told("trouble", text.splitlines()[0])


def build(
    workspace: Workspace,
    beginning: Beginning,
    here: Standing,
    target: Target | None,
    past: Past | None = None,
) -> Course:
    """A course from its beginning, or from where another runner's record ends."""
    policy, wake = policyfile.parse(beginning.policy), Signal()
    names = (here.canary, here.stable)
    lane = None
    if target:
        period = 1 / policy.probes_per_second
        lane = Probes(target, names, beginning.shape, wake, period_seconds=period)
    observer = observing.begin(workspace, beginning, policy, here, lane, past)
    return Course(
        workspace=workspace,
        beginning=beginning,
        policy=policy,
        here=here,
        observer=observer,
        record=Record(workspace.container, beginning, here.run),
        wake=wake,
    )
