"""What must be true of an endpoint, whoever does what to it: held after every write.

The model sees each request as the service does. It knows which sight of the endpoint a
writer had, so it knows what a write has overwritten, and asks at the end who was told.
"""

import json
from dataclasses import dataclass, field

from ops import journal, tags
from ops.errors import OpsError
from ops.traffic import Shift
from ops.weights import Weights

URGENT = ("rollback", "undo", "mirror-limit")  # go through a freeze
AFTER = "after us", "The endpoint shows", "does not answer", "is not known"


class Broken(AssertionError):
    """Something that must hold does not."""


@dataclass(eq=False)
class Verb:
    """One run of a verb: what it has seen, sent and said."""

    what: str
    by: str
    machine: object
    began: float
    lease: str = ""  # the id that it has proposed for the lock
    seen: int = 0  # the version that its last read of the endpoint showed
    refused: bool = False  # the lock did not take what it was to announce
    killed: bool = False
    results: list = field(default_factory=list)
    error: OpsError | None = None
    notes: list = field(default_factory=list)

    @property
    def said(self):
        return "\n".join([str(self.error or ""), *self.notes])

    @property
    def name(self):
        return f"{self.what} by {self.by}"


@dataclass(frozen=True, kw_only=True)
class Write:
    """One write of the endpoint that the service has taken."""

    version: int
    at: float
    by: str  # as the activity log names it
    verb: Verb | None  # None: not the toolkit's
    locked: bool  # whether the lock was the writer's at that moment
    seen: int  # the version that its writer had read last
    weights: Weights
    tags: dict
    record: tags.Change | None  # the one that came with it

    @property
    def fence(self):
        return tags.fence(self.tags)

    def __str__(self):
        number = f" #{self.fence}" if self.verb else ""
        return f"the write{number} of {self.by} ({self.weights})"


class Model:
    """What is known of one endpoint."""

    def __init__(self, cloud, endpoint):
        self._cloud = cloud
        self._id = f"{cloud.cloud.workspace}/onlineEndpoints/{endpoint}"
        self.endpoint = endpoint
        self.writes = []
        self.owed = []  # what was overwritten: (the one, by the other)
        self.verbs = []
        self._versions = {}  # by when it was modified
        self._instances = {}
        self._note(None, "setup", seen=0, locked=False)

    @property
    def live(self):
        return self.writes[-1]

    def read(self, verb, reply):
        """What a verb was shown of the endpoint."""
        if reply.status == 200:
            verb.seen = self._versions[
                json.loads(reply.body)["systemData"]["lastModifiedAt"]
            ]

    def written(self, verb, by, seen, now):
        """Hold the endpoint against what it must be, after a request that may write."""
        found = self._resource()
        if found.modified.isoformat() in self._versions:
            return None
        if self._shown(found) == (self.live.weights, self.live.tags):
            # Nothing but the time: such as a write that was taken and has failed.
            self._versions[found.modified.isoformat()] = self.live.version
            return None
        locked = verb is not None and self._holds(verb, now)
        write = self._note(verb, by, seen=seen, locked=locked)
        require_sound(write.weights)
        before = self.writes[-2]
        if verb is None:
            return write
        if verb.refused:
            raise Broken(f"{write} was made after the lock had refused it")
        lost = [each for each in self.writes[:-1] if each.version > seen]
        self._require_nothing_lost(write, lost)
        if not lost:
            require_carried_over(write, before)
            require_recorded(write, before)
            require_may(write, before, now)
        require_numbered(write, self.writes[:-1])
        return write

    def require_untouched(self):
        """A write of the one is no write of the other."""
        found = self._resource()
        if self._shown(found) != (self.live.weights, self.live.tags):
            raise Broken(f"the endpoint is not as {self.live} has left it")

    def scaled(self, deployment, instances):
        self._instances[deployment] = instances

    def require_instances(self):
        for name, wanted in self._instances.items():
            found = self._cloud.state.resource(f"{self._id}/deployments/{name}")
            if found.body["sku"]["capacity"] != wanted:
                raise Broken(
                    f"{name} has {found.body['sku']['capacity']}, not {wanted}"
                )

    def ended(self, verb, now):
        """Hold what a verb says against what it has done."""
        own = self._own(verb)
        shifts = [each for each in verb.results if isinstance(each, Shift)]
        done = [each for each in shifts if each.done]
        for each in done:
            made = [w for w in own if w.record and w.record.id == each.id]
            if not each.changes:  # such as a longer time for the same mirror
                made = own
            if not made or made[-1].weights != each.after:
                raise Broken(
                    f"{verb.name} says {each.after} is done: it was not written"
                )
            if verb.seen < made[-1].version:
                raise Broken(
                    f"{verb.name} says {each.after} is done, and has not seen it"
                )
            live = self.at(each.at.timestamp())
            if live.weights != each.after and live.by not in verb.said:
                raise Broken(f"{verb.name} says {each.after} was live at {each.at}")
        if verb.error and own and not any(w in str(verb.error) for w in AFTER):
            raise Broken(f"{verb.name} has written, and says: {verb.error}")
        if verb.error and own and "Nothing" in str(verb.error):
            raise Broken(f"{verb.name} has written, and says: {verb.error}")
        if not verb.error and shifts and own and not done:
            raise Broken(f"{verb.name} has written without a word")

    def at(self, moment):
        """What was live at a moment."""
        return [each for each in self.writes if each.at <= moment][-1]

    def require_told(self, rows):
        """Every loss was told to somebody; every outside edit stands in the history."""
        known = {row.who for row in rows}
        for write in self.writes[1:]:
            if write.verb is None and write.by not in known:
                raise Broken(f"{write} is not in the history")
        for lost, by in self.owed:
            if not self._told(lost, by):
                raise Broken(f"{by} has overwritten {lost}, and nobody was told")

    def require_settled(self, stage, verb):
        """What the journal says in the end of a verb that was killed."""
        own = self._own(verb)
        for entry in journal.entries(stage, self.endpoint, 50):
            made = [w for w in own if w.record and w.record.id == entry.id]
            if entry.outcome == "not done" and made:
                raise Broken(f"{verb.name}: the journal says not done: {made[0]}")
            wrote = any(w.record and w.record.id == entry.id for w in self.writes)
            asked = entry.wanted if isinstance(entry.wanted, dict) else {}
            weights = "traffic" in asked and asked != entry.before
            if entry.outcome == "done" and weights and not wrote:
                raise Broken(f"{entry.verb}: the journal says done: it was not written")

    def _told(self, lost, by):
        """Whether anybody was told after it happened."""
        said = [verb.said for verb in self.verbs if not verb.killed]
        if lost.verb is None:
            # The one who did it is told at once, if it lives to hear it.
            return by.verb.killed or lost.by in by.verb.said
        told = f"#{lost.fence}" in "\n".join(said) or lost.by in by.verb.said
        return told or (
            lost.verb.error is not None and "after us" in str(lost.verb.error)
        )

    def _own(self, verb):
        """The writes of a verb, but for the mirror that it cleared on its way."""
        return [
            each
            for each in self.writes
            if each.verb is verb
            and not (each.record and each.record.verb == "mirror-limit")
        ]

    def _require_nothing_lost(self, write, lost):
        ours = [each for each in lost if each.verb not in (None, write.verb)]
        for each in lost:
            if each.verb is write.verb:
                continue
            if each.verb and each.locked and write.locked:
                raise Broken(f"{write} has overwritten {each}, both under the lock")
            if not each.verb or each is ours[-1]:
                self.owed.append((each, write))  # the last was made upon the others

    def _holds(self, verb, now):
        lease = self._cloud.state.lease(*self.lock)
        return bool(lease and lease.id == verb.lease and lease.held(now))

    @property
    def lock(self):
        container = f"azureml-blobstore-{self._cloud.cloud.workspace_id}"
        return container, f"aml-ops/{self.endpoint}.lock"

    def _shown(self, found):
        return Weights(**_weights(found.properties)), found.body["tags"]

    def _resource(self):
        return self._cloud.state.resource(self._id)

    def _note(self, verb, by, *, seen, locked):
        found = self._resource()
        weights, kept = self._shown(found)
        last = self.writes[-1] if self.writes else None
        known = {each.id for each in tags.changes(last.tags)} if last else set()
        new = [each for each in tags.changes(kept) if each.id not in known]
        record = next((e for e in new if e.fence == tags.fence(kept)), None)
        write = Write(
            version=len(self.writes),
            at=found.modified.timestamp(),
            by=by,
            verb=verb,
            locked=locked,
            seen=seen,
            weights=weights,
            tags=kept,
            record=record if verb else None,
        )
        self._versions[found.modified.isoformat()] = write.version
        self.writes.append(write)
        return write


def require_sound(weights):
    """Live weights sum to 0 or 100, and nothing is mirrored where it may not be."""
    total, mirrored = sum(weights.traffic.values()), sum(weights.mirror.values())
    if total not in (0, 100) or min(weights.traffic.values(), default=0) < 0:
        raise Broken(f"the weights sum to {total}: {weights}")
    if mirrored > 50 or set(weights.traffic) & set(weights.mirror):
        raise Broken(f"that can't be mirrored: {weights}")


def require_carried_over(write, before):
    """What others keep in the tags is not the toolkit's to change."""
    theirs = {k: v for k, v in before.tags.items() if not k.startswith(tags.PREFIX)}
    found = {k: v for k, v in write.tags.items() if not k.startswith(tags.PREFIX)}
    if theirs != found:
        raise Broken(f"{write} has made {found} of others' tags {theirs}")
    if write.weights == before.weights:
        kept = {each.id for each in tags.changes(write.tags)}
        gone = [c for c in tags.changes(before.tags) if c.id not in kept]
        if gone:
            raise Broken(f"{write} has lost the record of #{gone[0].fence}")


def require_recorded(write, before):
    """A change and its record are one write."""
    if write.weights == before.weights:
        return
    record = write.record
    if record is None or (record.before, record.after) != (
        before.weights,
        write.weights,
    ):
        raise Broken(f"{write} upon {before.weights} has the record {record}")


def require_may(write, before, now):
    """No change but an urgent one while it is frozen."""
    freeze = tags.freeze(before.tags)
    if write.record is None or write.record.verb in URGENT or freeze is None:
        return
    if now < freeze.until.timestamp():
        raise Broken(f"{write} was made while it was frozen: {freeze.reason}")


def require_numbered(write, earlier):
    """Numbers grow; only who had lost the lock can write under one that is too low."""
    highest = max((each.fence for each in earlier if each.verb), default=0)
    if write.locked and write.fence <= highest:
        raise Broken(f"{write} comes after #{highest}")
    others = [each for each in earlier if each.verb not in (None, write.verb)]
    if any(each.fence == write.fence for each in others):
        raise Broken(f"there are two writes #{write.fence}")


def _weights(properties):
    def positive(shares):
        return {name: share for name, share in (shares or {}).items() if share}

    return {
        "traffic": positive(properties.get("traffic")),
        "mirror": positive(properties.get("mirrorTraffic")),
    }
