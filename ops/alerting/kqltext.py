"""KQL as text: its statements and operators, and what lies in brackets and strings."""

import re
from collections.abc import Iterator

NOW = re.compile(r"\bnow\s*\(\s*\)")
AGO = re.compile(r"\bago\s*\(")
OPENING, CLOSING = "([{", ")]}"


def is_timed(text: str) -> bool:
    return bool(NOW.search(text) or AGO.search(text))


def timed(text: str, at: str) -> str:
    """With a time for now() and ago(), wherever they stand."""
    text = NOW.sub(at, text)
    while found := AGO.search(text):
        end = next(
            i
            for i in range(found.end(), len(text) + 1)
            if depth_after(text[found.start() : i]) == 0
        )
        inner = text[found.end() : end - 1]
        text = f"{text[: found.start()]}({at} - ({inner})){text[end:]}"
    return text


def split(text: str, mark: str) -> list[str]:
    """The parts between marks that stand in no bracket and no string."""
    parts, begun = [], 0
    for i, inside in enumerate(_inside(text)):
        if text[i] == mark and not inside:
            parts.append(text[begun:i])
            begun = i + 1
    return [*parts, text[begun:]]


def depth_after(text: str) -> int:
    """How many brackets, and a string, are open behind it."""
    found = list(_inside(text + " "))
    return found[-1]


def _inside(text: str) -> Iterator[int]:
    """For each character how many brackets it lies in; in a string, one more."""
    depth, quote, verbatim, skip = 0, "", False, False
    for i, character in enumerate(text):
        if skip:
            skip = False
        elif quote:
            skip = character == "\\" and not verbatim
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote, verbatim = character, text[max(0, i - 1) : i] == "@"
        elif character in CLOSING:
            depth -= 1
        yield depth + bool(quote)
        if not quote and character in OPENING:
            depth += 1


def uncommented(query: str) -> str:
    """Without lines that are a comment."""
    lines = (line for line in query.splitlines() if not line.lstrip().startswith("//"))
    return "\n".join(lines)
