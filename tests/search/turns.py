"""One thread at a time, from request to request, on a clock that nobody waits for.

The toolkit is plain code that blocks. Each verb that runs is a thread which stops
before every request and every pause, until it is let go on: who goes next is for the
search to say, so that what it has done once it can do again.
"""

import os
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

from ops.clock import RealTime
from ops.localcloud.clock import REAL_TIME, Clock

START = datetime(2026, 11, 25, 3, 0, tzinfo=UTC).timestamp()


Killed = SystemExit  # all that a killed process sees of it: threads end silently


class Actor:
    """A thread that asks for its turn: a verb, or what renews its lock meanwhile."""

    def __init__(self, machine, name):
        self.machine = machine
        self.name = name
        self.asks = ""  # the request that it stands before
        self.wakes = 0.0  # when its pause is over
        self.dead = self.over = False
        self.go, self.back = threading.Lock(), threading.Lock()
        self.go.acquire(), self.back.acquire()
        self.thread = None


class Machine:
    """Whose it is, and where its state lies: what the process environment says."""

    def __init__(self, name, directory):
        self.name = name
        self.directory = directory
        self.asleep_until = 0.0  # a lid that is closed stops everything on it

    def be(self):
        os.environ["LOGNAME"] = self.name
        os.environ["AML_OPS_STATE"] = str(self.directory)


class Turns:
    """Who has asked for a turn, and the time that all of them share."""

    def __init__(self):
        self.now = START
        self.actors = []
        self._renewing = {}  # the actor of a thread that is no verb's

    def start(self, machine, name, work):
        """A new actor, which does its work when it is let."""
        actor = Actor(machine, name)

        def run():
            actor.go.acquire()
            try:
                if not actor.dead:
                    work(actor)
            except Killed:
                pass
            finally:
                actor.over = True
                actor.back.release()

        actor.thread = threading.Thread(target=run, daemon=True)
        actor.thread.start()
        self.actors.append(actor)
        return actor

    def let(self, actor):
        """Let it run until it asks for its next turn, or is over."""
        actor.machine.be()
        self.now = max(self.now, actor.wakes)
        actor.go.release()
        actor.back.acquire()
        if actor.over and actor in self.actors:
            self.actors.remove(actor)

    def wait(self, actor):
        """Called by the actor: stand still until it is let."""
        if actor.dead:
            raise Killed
        actor.back.release()
        actor.go.acquire()
        actor.asks = ""
        if actor.dead:
            raise Killed

    def end(self, actor):
        """Kill an actor where it stands; it may not even clean up."""
        if not actor.over:
            actor.dead, actor.wakes = True, 0.0
            self.let(actor)
            actor.thread.join()

    def asking(self, verb):
        """Whose request it is: that of a renewing thread, else the verb's."""
        return self._renewing.get(threading.get_ident(), verb)

    def repeat(self, actor, seconds, do):
        """The work of an actor that does something every so many seconds."""
        self._renewing[threading.get_ident()] = actor
        try:
            while True:
                actor.wakes = self.now + seconds
                self.wait(actor)
                if not do():
                    return
        finally:
            del self._renewing[threading.get_ident()]


class SharedTime(RealTime):
    """The toolkit's real time: a pause is over when others have let time go by."""

    def __init__(self, turns, actor):
        self._turns = turns
        self._actor = actor

    def seconds(self):
        return self._turns.now

    def pause(self, seconds):
        self._actor.wakes = self._turns.now + seconds
        self._turns.wait(self._actor)

    @contextmanager
    def every(self, seconds, do):
        turns, verb = self._turns, self._actor

        def work(actor):
            turns.repeat(actor, seconds, do)

        renewing = turns.start(verb.machine, f"{verb.name}'s renewal", work)
        turns.let(renewing)
        try:
            yield
        finally:
            turns.end(renewing)


class ServiceTime(Clock):
    """localcloud's clock, on the time of the turns."""

    def __init__(self, directory, turns):
        super().__init__(directory)
        self._turns = turns

    def real(self):
        return self._turns.now

    def setting(self):
        """Nobody moves it; to look for that in a file takes a tenth of a request."""
        return REAL_TIME
