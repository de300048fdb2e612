"""Commands for people to type, which act where the verb that prints them did."""

import re
import shlex
from collections.abc import Iterable

# A command up to the comment behind it.
COMMAND = re.compile(r"invoke (?P<verb>[a-z][\w.-]*)(?: [^#]*[^#\s])?")
PLACELESS = {"verbs"}


class Mended(str):
    """The line as it was typed but for a word: what was wrong is the line."""


_place: dict[str, str] = {}  # of the verb that runs: one at a time in a process
_typed: list[str] = []  # the line behind `invoke`, if it is of one verb
_flags: list[str] = []  # what that verb takes


def act_at(**flags: str) -> None:
    """From now on commands need these flags to act where we do: stage, endpoint."""
    _place.clear()
    _place.update(flags)


def typed(tokens: Iterable[str], flags: Iterable[str] = ()) -> None:
    """Remember the line and its verb's flags, to tell it with a word mended."""
    _typed[:], _flags[:] = tokens, flags


def corrected(wrong: str, right: str) -> str:
    """The line as it was typed but for one word; "" where it doesn't have that."""
    word = re.compile(rf"(?<![\w-]){re.escape(wrong)}(?![\w-])")
    line = [word.sub(right, each) for each in _typed[1:]]
    same = line == _typed[1:]
    return Mended("" if same else shlex.join(["invoke", _typed[0], *line]))


def led(remedy: str) -> str:
    """A remedy which, if it is one of our commands, acts where we do."""
    found = COMMAND.match(remedy)
    if found is None or found["verb"] in PLACELESS:
        return remedy
    local = found["verb"].startswith("cloud.")  # localcloud is one for all endpoints
    missing = {
        name: value
        for name, value in _place.items()
        if f" --{name}" not in found[0] and not (local and name == "endpoint")
    }
    return f"{found[0]}{written(missing)}{remedy[found.end() :]}"


def again(flag: str, comment: str = "") -> str:
    """The line as it was typed, with a flag more; "" if its verb has no such flag."""
    said = f"   # {comment}" if comment else ""
    if not _typed:
        return f"the same with {flag}{said}"
    if flag.split()[0] not in _flags:
        return ""
    return led(f"{shlex.join(['invoke', *_typed])} {flag}{said}")


def hint(command: str) -> str:
    """A command for the middle of a sentence: "`invoke split --stage dev`"."""
    return f"`{led(f'invoke {command}')}`"


def written(place: dict[str, str]) -> str:
    return "".join(f" --{name} {shlex.quote(each)}" for name, each in place.items())
