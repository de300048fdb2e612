"""Three operators, an autoscaler, other tools, a service with a bad day: one endpoint.

A step of a schedule is four numbers. The first says what happens, the others how. What
an operator does goes on by one request a step, unless something else happens.
"""

import json
import os
from functools import partial
from traceback import format_exception
from urllib.parse import urlsplit

from azure.core.exceptions import ServiceRequestError, ServiceResponseError

from ops import door, history
from ops.errors import OpsError
from ops.localcloud.faults import Fault
from ops.storage import Container
from tests.local_transport import InProcess, Reply
from tests.search import acts
from tests.search.model import Broken, Model, Verb
from tests.search.turns import Killed, Machine, ServiceTime, SharedTime, Turns

PEOPLE = "ana", "ben", "cleo"
LEASE_SECONDS = 15
REQUEST_SECONDS = 0.02
STALE_SECONDS = 6.0  # at most: how late a read may be
CALM = (0, 0, 0, 0)  # a step in which nothing happens but the next request


class World:
    """One endpoint and all that is done to it."""

    def __init__(self, directory, tell=None):
        self.tell = tell  # called with each line of the story
        self.requests = 0
        self.broken = None  # what was found in the thread of an actor
        self.turns = Turns()
        self.cloud = InProcess(directory)
        self.cloud.state.clock = ServiceTime(directory, self.turns)
        self.endpoint = "iris"
        self.cloud.put_endpoint(
            deployments=("blue", "green", "red"), traffic={"blue": 100}
        )
        self.model = Model(self.cloud, self.endpoint)
        self.machines = [Machine(each, directory / each) for each in PEOPLE]
        self.running = {}  # the actor of each machine's verb
        self._last = None
        self._bodies = []  # what other tools have read, and may write back
        self._tools = 0
        self._path = f"{self.cloud.cloud.workspace}/onlineEndpoints/{self.endpoint}"

    def close(self):
        for actor in list(self.running.values()):
            self._kill(actor)
        self.cloud.close()

    # What happens

    def step(self, what, a, b, c):
        """One step of a schedule."""
        self._pass(REQUEST_SECONDS * (1 if c % 8 else 1 + c % 97))
        happening = what % 100
        if happening < 40:
            self._go_on(a)
        elif happening < 72:
            self._switch(a)
        elif happening < 84:
            self._begin(a, b, c)
        elif happening < 87:
            self._outside(a, b, c)
        elif happening < 88:
            self._autoscale(a, b)
        elif happening < 91:
            self._sleep(a, 1.0 + b % 25)
        elif happening < 92:
            self._pass_on(b % 40)
        elif happening < 94:
            self._stale(a, b)
        elif happening < 96:
            self._trouble(a, b)
        elif happening < 97:
            self._kill_one(a)
        else:
            self._switch(a)

    def finish(self):
        """Let all that is under way end, and ask who was told what."""
        while self.running:
            self._pass(REQUEST_SECONDS)
            self._go_on(0)
        self.cloud.faults.clear()
        self._require_free()
        self._pass(LEASE_SECONDS + 1)
        self._audit()

    # Operators

    def _go_on(self, a):
        """The next request of who is at it; nobody is: somebody begins."""
        able = self._able()
        if self._last in able:
            self._let(self._last)
        elif able:
            self._let(able[0])
        elif self.running:
            self._pass_on(self._until_somebody())
        elif a:
            self._begin(a, a // 7, a // 3)

    def _switch(self, a):
        able = self._able()
        if able:
            self._let(able[a % len(able)])
        else:
            self._go_on(a)

    def _begin(self, a, b, c):
        """A machine that has nothing to do begins a verb; a killed one is new again."""
        idle = [each for each in self.machines if each.name not in self.running]
        if not idle:
            self._switch(a)
            return
        machine = idle[a % len(idle)]
        machine.asleep_until = 0.0
        act = acts.VERBS[b % len(acts.VERBS)]
        self._say(f"{machine.name} begins {act.__name__} {c}")
        self._start(machine, act, c)

    def _start(self, machine, act, number):
        verb = Verb(
            what=act.__name__, by=machine.name, machine=machine, began=self.turns.now
        )
        self.model.verbs.append(verb)
        actor = self.turns.start(
            machine, machine.name, partial(self._do, verb, act, number)
        )
        actor.verb = verb
        self.running[machine.name] = actor
        self._last = actor
        self._let(actor)
        return verb

    def _do(self, verb, act, number, actor):
        """What a process does from its first line to its last."""
        who = f"{verb.by}@desk"
        workspace = self.cloud.workspace(who, Line(self, actor))
        workspace.clock = self.cloud.state.clock
        workspace.real_time = SharedTime(self.turns, actor)
        verb.notes = workspace.notes
        try:
            # Python 3.11 locks a cached_property for all instances while it is made.
            vars(workspace)["container"] = Container(workspace)
            verb.results = act(workspace, self.endpoint, number)
        except OpsError as error:
            verb.error = error
        except Exception as bug:
            self.broken = self.broken or Broken("".join(format_exception(bug)))

    def _let(self, actor):
        self._last = actor if actor in self.running.values() else self._last
        self.turns.let(actor)
        if self.broken:
            raise self.broken
        self._ended()

    def _ended(self):
        """Hold those that have ended against what they have done."""
        for name, actor in list(self.running.items()):
            if actor.over:
                del self.running[name]
                verb = actor.verb
                told = verb.error.problem if verb.error else "done"
                self._say(f"{name}'s {verb.what} ends: {told}", *verb.notes)
                self.model.ended(verb, self.turns.now)

    def _able(self):
        """Who could send a request now."""
        now = self.turns.now
        return [
            each
            for each in self.turns.actors
            if each.wakes <= now and each.machine.asleep_until <= now
        ]

    def _until_somebody(self):
        now = self.turns.now
        times = [max(a.wakes, a.machine.asleep_until) for a in self.turns.actors]
        return max(min(times) - now, 0.0)

    # The world around

    def _pass(self, seconds):
        self.turns.now += seconds

    def _pass_on(self, seconds):
        """Time goes by; who only waits does what it then does."""
        end = self.turns.now + seconds
        self._say(f"{seconds:.1f} s go by")
        while True:
            due = [
                each
                for each in self.turns.actors
                if each.wakes and not each.asks and self._due(each) <= end
            ]
            if not due:
                break
            first = min(due, key=self._due)
            self.turns.now = max(self.turns.now, self._due(first))
            self._let(first)
            while first.asks and not first.over and first not in self.running.values():
                self._let(first)
        self.turns.now = max(self.turns.now, end)

    def _due(self, actor):
        return max(actor.wakes, actor.machine.asleep_until)

    def _sleep(self, a, seconds):
        """Somebody closes the lid: nothing on that machine goes on for a while."""
        names = sorted(self.running)
        if names:
            machine = self.running[names[a % len(names)]].machine
            machine.asleep_until = self.turns.now + seconds
            self._say(f"{machine.name}'s laptop sleeps for {seconds:.0f} s")

    def _kill_one(self, a):
        names = sorted(self.running)
        if names:
            self._kill(self.running[names[a % len(names)]])

    def _kill(self, actor):
        """kill -9: what is on the disk stays as it is, and so does the lock."""
        machine, name = actor.machine, actor.machine.name
        path = machine.directory / "journal" / "local.jsonl"
        kept = path.read_bytes() if path.exists() else b""
        actor.verb.killed = True
        self._say(f"{name} is killed before {actor.asks or 'its pause is over'}")
        self.turns.end(actor)
        if kept:  # a process that is gone: its number is nobody's
            mine = f'"pid": {os.getpid()}'.encode()
            path.write_bytes(kept.replace(mine, b'"pid": 0'))
        del self.running[name]

    def _outside(self, a, b, c):
        """Another tool reads the endpoint, or writes it: as it is, was, or anew."""
        self._tools += 1
        who = f"portal{self._tools}@corp"
        read = json.loads(self._ask("GET", self._path, None, who).body)
        if a % 5 == 4 or not self._bodies:
            self._bodies.append((self.model.live.version, read))
        old = self._bodies[-1] if a % 2 else (self.model.live.version, read)
        make = (acts.edited, acts.edited, acts.from_file, acts.tagged, acts.wrong)[
            b % 5
        ]
        method = "PATCH" if make is acts.tagged else "PUT"
        reply = self._ask(method, self._path, make(old[1], c), who)
        self._say(
            f"{who} {method}s {make.__name__} of version {old[0]}: {reply.status}"
        )
        self.model.written(None, who, old[0], self.turns.now)

    def _autoscale(self, a, b):
        """The service itself changes a number of instances."""
        name = ("blue", "green", "red")[a % 3]
        body = {"sku": {"name": "Default", "capacity": 1 + b % 20}}
        path = f"{self._path}/deployments/{name}"
        self._ask("PATCH", path, body, "autoscale")
        self._say(f"the autoscaler gives {name} {1 + b % 20} instances")
        self.model.scaled(name, 1 + b % 20)
        self.model.require_untouched()

    def _fault(self, **facts):
        """Ask for a fault; one before it is over then."""
        self.cloud.faults.clear()
        self.cloud.faults.add(Fault(number=0, path=self._path, **facts))

    def _stale(self, a, b):
        """For a while, reads after a write show what was before it."""
        seconds = STALE_SECONDS * (1 + b % 8) / 8
        self._fault(do="stale", seconds=seconds, after=a % 4, times=1 + b % 5)
        self._say(f"reads may be {seconds:.1f} s late, from the {1 + a % 4}th on")

    def _trouble(self, a, b):
        """A write of the endpoint has no answer, or a bad one."""
        how = (
            {"do": "reset", "late": True},
            {"do": "reset"},
            {"do": "status", "status": 503, "code": "ServiceUnavailable"},
            {"do": "fail"},
        )[a % 4]
        self._fault(methods=("PUT", "PATCH"), times=1, **how)
        self._say(f"the next write of the endpoint: {how}")

    # Requests

    def ask(self, actor, method, url, headers, content):
        """A request of an actor: it waits for its turn, and is looked at closely."""
        path = urlsplit(url).path
        if path.startswith("/v1/"):
            raise ServiceRequestError("Log Analytics can't be reached from here")
        asking = self.turns.asking(actor)
        asking.asks = f"{method} {'/'.join(path.split('/')[-2:])}"
        shown = asking.asks
        self.turns.wait(asking)
        self.requests += 1
        verb = actor.verb
        self._note_lease(verb, headers)
        seen = verb.seen
        try:
            reply = self.cloud.answer(method, url, headers, content)
        except Exception as error:
            self._say(f"{asking.name}: {shown}: {error}")
            self._look(verb, method, path, content, seen)
            raise
        self._say(f"{asking.name}: {shown}: {reply.status}")
        if method == "PUT" and "comp=metadata" in url:
            verb.refused = reply.status >= 400
        if path == self._path and method == "GET":
            self.model.read(verb, reply)
        self._look(verb, method, path, content, seen)
        return reply

    def _look(self, verb, method, path, content, seen):
        try:
            self._held(verb, method, path, content, seen)
        except Broken as broken:
            self.broken = broken
            raise Killed from None

    def _held(self, verb, method, path, content, seen):
        if method not in ("PUT", "PATCH") or not path.startswith(self._path):
            return
        if path == self._path:
            self.model.written(verb, f"{verb.by}@desk", seen, self.turns.now)
        else:
            body = json.loads(content)
            self.model.scaled(path.rpartition("/")[2], body["sku"]["capacity"])
            self.model.require_untouched()
        self.model.require_instances()

    def _note_lease(self, verb, headers):
        if headers.get("x-ms-lease-action") == "acquire":
            verb.lease = headers["x-ms-proposed-lease-id"]

    def _ask(self, method, path, body, who):
        self.requests += 1
        self._pass(REQUEST_SECONDS)
        try:
            return self.cloud.ask(method, path, body, who)
        except ServiceResponseError:  # a fault has struck this one
            return Reply(0, "no answer", [], b"")

    # The end

    def _require_free(self):
        """Nobody is at work: the lock is free, or that of one who was killed."""
        lease = self.cloud.state.lease(*self.model.lock)
        if lease and lease.held(self.turns.now):
            killed = {verb.lease for verb in self.model.verbs if verb.killed}
            if lease.id not in killed:
                raise Broken("nobody is at work, and the lock is held")

    def _audit(self):
        """Somebody else comes by: gets in, and finds in the history what there was."""
        rows = []

        def look(workspace, name, number):
            with door.opened(workspace, name, "audit", while_frozen=True):
                pass
            rows.extend(history.of(workspace, name, 500))
            return []

        for machine in self.machines:
            verb = self._start(machine, look, 0)
            while self.running:
                self._pass(REQUEST_SECONDS)
                self._go_on(0)
            if verb.error:
                raise Broken(f"nobody gets in any more: {verb.error}")
            machine.be()
            for each in self.model.verbs:
                if each.machine is machine:
                    self.model.require_settled("local", each)
        self.model.require_told(rows)

    def _say(self, *lines):
        if self.tell:
            for line in lines:
                self.tell(f"{self.turns.now % 86400 - 10800:8.2f} s  {line}")


class Line:
    """The wire of one process."""

    def __init__(self, world, actor):
        self._ask = partial(world.ask, actor)

    def answer(self, method, url, headers, content):
        return self._ask(method, url, headers, content)
