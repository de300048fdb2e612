"""What may have been meant where a word is not known: only ever what there is."""

import re
import shlex
from collections.abc import Collection, Iterable
from contextlib import suppress
from itertools import pairwise

from ops.hints import corrected

# Of difflib: how like it must be, where less is known of it, and what is as like.
LIKE, SURE, ABOUT = 0.6, 0.75, 0.05


def near(
    word: str, known: Iterable[str], most: int = 1, like: float = LIKE
) -> list[str]:
    """The known words that are like it, the likest first."""
    import difflib

    word, by_lower = word.lower(), {each.lower(): each for each in known}
    ratios = {
        each: difflib.SequenceMatcher(None, each, word).ratio() for each in by_lower
    }
    least = max([like, *(each - ABOUT for each in ratios.values())])
    found = sorted(ratios, key=lambda each: -ratios[each])
    return [by_lower[each] for each in found if ratios[each] >= least][:most]


def instead(word: str, known: Collection[str]) -> str:
    """`did you mean green?`, or what there is."""
    if found := near(word, known):
        return f"did you mean {found[0]}?"
    return f"there are: {', '.join(sorted(known))}" if known else "there are none"


def remedies(word: str, known: Iterable[str], *otherwise: str) -> list[str]:
    """The line that was typed, with what is likely meant; for want of it, `otherwise`.

    What is not there is never led to: a remedy would make what was mistyped.
    """
    found = near(word, known)
    if not found:
        return list(otherwise)
    return [corrected(word, found[0]) or f"{found[0]}, if that is meant"]


def verbs(word: str, known: Iterable[str]) -> list[str]:
    """Verbs by their whole name, else those of which the last part is like it."""
    listed = sorted(known)
    word = word.replace("_", "-")
    if found := near(word, listed, 3):
        return found
    last = {each.rpartition(".")[2]: each for each in listed}
    return [last[each] for each in near(word, last, 1, SURE)]


def flags(token: str, known: Iterable[str]) -> list[str]:
    """Flags that are like it; for a short one, those that begin so."""
    token = token.partition("=")[0].replace("_", "-")
    long = [each for each in known if each.startswith("--")]
    if len(token) == 2:
        return [each for each in long if each[2] == token[1]]
    begun = [each for each in long if each.startswith(token)]
    return begun if len(begun) == 1 else near(token, long)


def flag_of(word: str, help: str, known: Collection[str]) -> str:
    """The word behind the flag that it lacks, if one is likely; else "".

    A number goes where the verb's own example has one, a name to what is named so.
    """
    if re.fullmatch(r"\d+%?", word):
        lines = [each.strip() for each in help.splitlines()]
        example = next((each for each in lines if each.startswith("invoke ")), "")
        words = shlex.split(example)
        pairs = pairwise(words)
        flags = [flag for flag, value in pairs if flag in known and value.isdecimal()]
        return f"{flags[0]} {word.rstrip('%')}" if flags else ""
    for flag, names in _names().items():
        if flag in known and (found := near(word, names)):
            return f"{flag} {found[0]}"
    return ""


def _names() -> dict[str, list[str]]:
    """What there is by name, by the flag that takes it."""
    from ops import kql, specs
    from ops.errors import OpsError
    from ops.settings import stages

    deployments: set[str] = set()
    for name in specs.names():
        with suppress(OpsError):
            deployments |= set(specs.load(name).deployments)
    return {
        "--deployment": sorted(deployments),
        "--endpoint": specs.names(),
        "--stage": stages(),
        "--name": kql.names(),
    }
