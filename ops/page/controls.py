"""A rollout's pause, resume, promote and abort from the page: as the verbs do them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock, Thread

from ops import rollout
from ops.errors import OpsError
from ops.hints import hint
from ops.page import guard
from ops.page.looks import Looks
from ops.rollouts import detached, standing
from ops.rollouts.standing import PAUSED, RUNNING, Standing
from ops.settings import shown
from ops.verbs import Call

COMMANDS = {
    "pause": "wait where it is; it is still judged",
    "resume": "go on",
    "promote": "all traffic to the new deployment now",
    "abort": "all traffic back now",
}
LONGEST_REASON = 500


def locked() -> str:
    start = hint("dashboard --allow-changes")
    return f"Read only: start {start} to steer the rollout."


@dataclass(frozen=True, kw_only=True)
class Deed:
    """What was asked for last, and what came of it."""

    command: str
    at: datetime
    said: str = ""  # "" while it is under way
    failed: bool = False


class Hands:
    """Does one command at a time; without a token, none."""

    def __init__(self, looks: Looks, token: str) -> None:
        self._looks = looks
        self._token = token
        self._lock = Lock()
        self.last: Deed | None = None

    @property
    def tied(self) -> bool:
        return not self._token

    def refusal(self, form: Mapping[str, str]) -> str:
        """Why what a form asks for is not begun; "" where it may be."""
        if self.tied:
            return locked()
        if not guard.same(self._token, form.get("token", "")):
            return f"Open the page by the address that {hint('dashboard')} has printed."
        if form.get("command") not in COMMANDS:
            return f"There is no such command (there are: {', '.join(COMMANDS)})."
        if not 0 < len(form.get("reason", "").strip()) <= LONGEST_REASON:
            return f"It needs a reason of up to {LONGEST_REASON} characters."
        name = self._looks.endpoint
        if self._looks.stage.protected and form.get("confirm") != name:
            return f"{self._looks.stage.name} is protected: type {name} to confirm."
        return ""

    def begin(self, command: str, reason: str) -> str:
        """Begin it; return why not, where another one is still under way."""
        with self._lock:
            if self.last and not self.last.said:
                return f"{self.last.command} is still under way."
            self.last = Deed(command=command, at=self._looks.now())
        Thread(target=self._do, args=(self.last, reason.strip()), daemon=True).start()
        return ""

    def _do(self, deed: Deed, reason: str) -> None:
        try:
            said, failed = self._done(deed.command, reason), False
        except OpsError as error:
            said, failed = str(error), True
        except Exception as error:
            self.last = replace(deed, said=f"a bug: {error!r}", failed=True)
            raise
        self.last = replace(deed, said=said, failed=failed)

    def _done(self, command: str, reason: str) -> str:
        """The verb's own function; what runs a rollout is a process of its own."""
        looks = self._looks
        if command == "pause":
            workspace = looks.workspace()
            return rollout.pause(workspace, looks.endpoint, reason=reason).text
        where = {"stage": looks.stage.name, "endpoint": looks.endpoint}
        call = Call(f"rollout.{command}", {}, where)
        process = detached.begin(call, call.verb, {"reason": reason})
        return f"process {process.pid} does it; it tells {shown(process.output)}"


def possible(here: Standing | None, now: datetime) -> set[str]:
    """Which commands make sense where a rollout stands."""
    if here is None or not here.active:
        return set()
    found = {"abort", "promote"}
    if here.state == RUNNING:
        found.add("pause")
    if here.state == PAUSED or not standing.runs(here, now):
        found.add("resume")
    return found
