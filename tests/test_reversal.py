"""What going back means, after every pair and triple of verbs that change weights.

The table is a model: it knows which weights were there before each verb, and nothing
of records or tags. Each sequence is played on the tags of an endpoint, as the verbs
write them, and `rollback`, `rollback --step` and `undo` must lead where the model says.
"""

from itertools import product

import pytest
from endpoint_rig import NOW, change, endpoint

from ops import history, reversal, rollback, tags, undo
from ops.errors import Refused
from ops.rollouts import standing
from ops.rollouts.standing import Standing
from ops.weights import Weights

BLUE, GREEN = Weights(traffic={"blue": 100}), Weights(traffic={"green": 100})
SOME = Weights(traffic={"blue": 80, "green": 20})
HALF = Weights(traffic={"blue": 50, "green": 50})
MIRROR = Weights(traffic={"blue": 100}, mirror={"green": 10})
EDIT = Weights(traffic={"blue": 70, "green": 30})
REFUSED = "refused"

FORWARD = {
    "shift to 20": [SOME],
    "shift to 50": [HALF],
    "mirror": [MIRROR],
    "promote-green": [GREEN],
    "rollout promoted": [SOME, HALF, GREEN],
    "rollout after a mirror": [MIRROR, HALF, GREEN],
}
# They end with the weights of before: nobody needs to go back from them.
JUDGED = {
    "rollout rolled back": ("rollout", standing.ROLLED_BACK),
    "rollout aborted": ("rollout", standing.ABORTED),
    "rollout aborted by its tags": ("rollout.abort", standing.ABORTED),
    "watchdog": ("watchdog", standing.ROLLED_BACK),
    "promotion went back": ("promote-green", ""),
}
BACK = ("rollback", "rollback --step", "undo")
OUTSIDE = "outside edit"
VERBS = (*FORWARD, *JUDGED, *BACK, OUTSIDE)


class Table:
    """What going back must mean: units of changes in force, each as weights before."""

    def __init__(self):
        self.now, self.units = BLUE, ()
        self.last = ""
        self.recorded = False  # a verb has changed weights, ever
        self.source = None  # the weights that the last change found
        self.saved = []  # what stood before each change back: undo leads there again
        self.partial = False  # a step of a rollout was taken back, others stand

    def take(self, verb):
        found = self.now
        if verb in FORWARD:
            self.units += ((self.now, *FORWARD[verb][:-1]),)
            self.now = FORWARD[verb][-1]
        elif verb == OUTSIDE:
            self.now = EDIT
        elif verb in BACK:
            verb = self._take_back(verb)
        self.last, self.source = verb, found
        self.recorded |= verb != OUTSIDE

    def back(self, verb):
        """Where it leads; REFUSED, or the present weights if it is back already."""
        if verb == "undo":
            return self._undo()
        if self.last == OUTSIDE:
            return self.source if self.recorded else self.now
        if verb == "rollback --step":
            return self.units[-1][-1] if self.units else self.now
        done = self.last in (*JUDGED, *BACK) and not self.partial
        return self.now if done or not self.units else self.units[-1][0]

    def _undo(self):
        if self.last in (*JUDGED, OUTSIDE, ""):
            return REFUSED
        single = self.last in (*BACK, "redo")
        return self.source if single else self.units[-1][0]

    def _take_back(self, verb):
        target = self.back(verb)
        self.partial = False
        if verb == "undo" and self.last in BACK:
            self.now, self.units = self.saved.pop()
            return "redo"
        self.saved.append((self.now, self.units))
        if self.last != OUTSIDE:
            *others, whole = self.units
            left = whole[: whole.index(target)]
            self.units = (*others, left) if left else tuple(others)
            self.partial = verb == "rollback --step" and bool(left)
        self.now = target
        return verb


class Played:
    """An endpoint's tags, written as the verbs write them."""

    def __init__(self):
        self.now, self.kept, self.fence = BLUE, {}, 0
        self.outside = False

    def write(self, verb, after, reason=""):
        self.fence += 1
        record = change(self.fence, None, None, verb=verb, reason=reason)
        record = vars(record) | {"before": self.now, "after": after}
        self.kept |= tags.recorded(tags.Change(**record), self.kept)
        self.now, self.outside = after, False

    def stands(self, state, safe):
        written = standing.written(
            Standing(
                id=f"{self.fence:04}",
                canary="green",
                stable="blue",
                step=2,
                state=state,
                since=NOW,
                by="policy:canary_is_worse",
                safe=safe,
            )
        )
        self.kept |= {name: text for name, text in written.items() if text}

    @property
    def endpoint(self):
        return endpoint(self.now.traffic, self.now.mirror, kept=self.kept)

    def take(self, verb):
        safe = self.now
        if verb in FORWARD:
            name = verb.split()[0].replace("shift", "shift-traffic")
            for weights in FORWARD[verb]:
                self.write(name, weights)
            if name == "rollout":
                self.stands(standing.PROMOTED, safe)
        elif verb == OUTSIDE:
            self.now, self.outside = EDIT, True
        elif verb in JUDGED:
            name, state = JUDGED[verb]
            self.write("rollout" if state else name, SOME)
            self.write(name, safe, "" if state else "back: it got sick")
            if state:
                self.stands(state, safe)
        else:
            target = self.back(verb)
            assert target is not REFUSED
            if target != self.now:
                name = verb
                if verb == "undo" and self.latest.verb in reversal.BACKWARD:
                    name = reversal.REDO
                self.write(name, target)

    @property
    def latest(self):
        return tags.changes(self.kept)[0]

    def back(self, verb):
        try:
            if verb == "undo":
                return self._undo()
            return rollback.before_last(self.endpoint, step=verb == "rollback --step")
        except Refused:
            return REFUSED if verb == "undo" else self.now

    def _undo(self):
        if self.outside or not tags.changes(self.kept):
            return REFUSED  # the activity log tells of it, and not what it changed
        (row, *_) = history.merged([], tags.changes(self.kept), [], "iris")
        return undo.before(self.endpoint, row)


def possible(verb, now):
    """Whether a person could type it: something must change."""
    if verb in BACK or verb == OUTSIDE:
        return now != EDIT or verb in BACK
    if verb in ("mirror", "rollout after a mirror"):
        return now == BLUE
    if "rollout" in verb or verb in ("watchdog", "promotion went back"):
        return now == BLUE
    return FORWARD[verb][-1] != now and now != MIRROR


def sequences(length):
    return product(VERBS, repeat=length)


def play(sequence):
    """The table and the tags after a sequence; None for one that can't be typed."""
    table, played = Table(), Played()
    for verb in sequence:
        if not possible(verb, table.now):
            return None
        if verb in BACK and table.back(verb) in (REFUSED, table.now):
            return None  # it changes nothing
        table.take(verb)
        played.take(verb)
        assert played.now == table.now, sequence
    return table, played


@pytest.mark.parametrize("length", [1, 2, 3])
def test_going_back_means_what_the_table_says(length):
    tried = 0
    for sequence in sequences(length):
        both = play(sequence)
        if both is None:
            continue
        table, played = both
        for verb in BACK:
            assert played.back(verb) == table.back(verb), (*sequence, verb)
            tried += 1
    assert tried >= {1: 30, 2: 150, 3: 900}[length]
