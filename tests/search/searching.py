"""Draw schedules, run them, and shorten the story of one that breaks something."""

import random
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.search.model import Broken
from tests.search.world import CALM, World

STEPS = 1000  # of a schedule
MOST_TRIES = 400  # to shorten one that fails
MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Found:
    """A schedule that breaks something, and what it breaks."""

    schedule: tuple
    what: str
    requests: int

    def __str__(self):
        return "\n".join([self.what, "", *story(self.schedule), "", f"{self.schedule}"])


def search(seed, requests, report=None):
    """Run schedules until so many requests were made, or one breaks something."""
    made, number = 0, 0
    while made < requests:
        schedule = drawn(f"{seed}/{number}")
        own, what = run(schedule)
        made, number = made + own, number + 1
        if what:
            return Found(schedule, what, made)
        if report:
            report(made, number)
    return made


def drawn(seed):
    """A schedule, by its seed."""
    chance = random.Random(seed)
    return tuple(
        tuple(chance.randrange(1 << 12) for _ in range(4)) for _ in range(STEPS)
    )


def run(schedule, tell=None):
    """How many requests a schedule has made, and what it has broken, or ""."""
    directory = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.exists() else None))
    world = World(directory, tell)
    try:
        for step in schedule:
            world.step(*step)
        world.finish()
        return world.requests, ""
    except Broken as broken:
        return world.requests, str(broken)
    finally:
        world.close()
        shutil.rmtree(directory)


def story(schedule):
    """A schedule as what happens in it, line by line."""
    lines = []
    _, what = run(schedule, lines.append)
    return [*lines, f"          BROKEN: {what}" if what else "nothing is broken"]


def shortened(found, seconds=60.0):
    """A shorter schedule that breaks something still."""
    best, what = list(found.schedule), found.what
    end = time.monotonic() + seconds
    size = len(best) // 2
    while size and time.monotonic() < end:
        at = 0
        while at < len(best) and time.monotonic() < end:
            shorter = best[:at] + best[at + size :]
            _, broken = run(shorter)
            if broken:
                best, what = shorter, broken
            else:
                at += size
        size //= 2
    for at in range(len(best)):
        if time.monotonic() > end:
            break
        calmer = [*best[:at], CALM, *best[at + 1 :]]
        _, broken = run(calmer)
        if broken:
            best, what = calmer, broken
    return Found(tuple(best), what, found.requests)
