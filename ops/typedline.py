"""A line that can't be meant as it was typed, and the one that is likely meant."""

import shlex
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from ops import suggestions
from ops.errors import UsageError

NOTHING_DONE = "Nothing was done."


@dataclass(frozen=True, kw_only=True)
class TypedLine:
    """The words behind `invoke`, and what the command line knows."""

    words: Sequence[str]
    verbs: Collection[str]
    own: Collection[str]  # Invoke's own flags
    text: Callable[[str], str]  # of a verb: what it does, with an example
    flags: Callable[[str], Collection[str]]  # of a verb

    def unknown(self, word: str, verb: str | None, flags: list[str]) -> UsageError:
        """A word that is no verb, no flag, and no value of one."""
        before = self._before(word)
        if verb and before in self.own and before not in flags:
            word = before  # one of Invoke's, behind a verb, by which nothing is meant
        if verb and word.startswith("-"):
            return self.unknown_flag(word, verb, flags)
        if word.startswith("-"):
            return self._in_front(word)
        if before in flags:
            why = "is given twice, or takes no value"
            return _refused(f"{verb}: {before} {why}", f"invoke --help {verb}")
        example = self.text(verb) if verb else ""
        if right := suggestions.flag_of(word, example, flags):
            return _refused(f"{verb} takes no word {word!r}", self.instead(word, right))
        near = suggestions.verbs(word, self.verbs)
        lines = [self.instead(word, each) for each in near]
        return _refused(f"There is no verb {word!r}", *(lines or ["invoke --list"]))

    def unknown_flag(self, flag: str, verb: str, flags: Sequence[str]) -> UsageError:
        near = suggestions.flags(flag, flags)
        lines = [self.instead(flag, each) for each in near]
        return _refused(
            f"{verb}: {flag} is given twice"
            if flag in flags
            else f"{verb} has no flag {flag}",
            *(lines or [f"invoke --help {verb}"]),
        )

    def instead(self, wrong: str, right: str) -> str:
        """The line as it was typed, but for one word."""
        for index, each in enumerate(self.words):
            head, sign, value = each.partition("=")
            if wrong in (each, head, head.replace("--", "-", 1)):
                changed = f"{right}{sign}{shlex.quote(value) if value else ''}"
                return _line(self.words[:index], changed, self.words[index + 1 :])
        return f"invoke {right}"

    def _before(self, word: str) -> str:
        place = list(self.words).index(word) if word in self.words else 0
        return self.words[place - 1] if place else ""

    def _in_front(self, flag: str) -> UsageError:
        """A flag in front of all verbs that isn't Invoke's."""
        verb = next((each for each in self.words if each in self.verbs), None)
        if verb is None:
            return _refused(f"Invoke has no flag {flag}", "invoke --help")
        known = list(self.flags(verb))
        near = [flag] if flag in known else suggestions.flags(flag, known)
        if not near:
            return self.unknown_flag(flag, verb, known)
        place = list(self.words).index(verb)
        behind = [*self.words[:place], *self.words[place + 1 :]]
        moved = [near[0] if each == flag else each for each in behind]
        return _refused(f"{flag} belongs behind the verb", _line([verb, *moved]))


def without_value(flag: str, verb: str | None) -> UsageError:
    help = f"invoke --help {verb}" if verb else "invoke --help"
    return _refused(f"{flag} needs a value", help)


def _refused(problem: str, *remedies: str) -> UsageError:
    return UsageError(f"{problem}. {NOTHING_DONE}", *remedies)


def _line(before: Sequence[str], changed: str = "", after: Sequence[str] = ()) -> str:
    parts = ["invoke", shlex.join(before), changed, shlex.join(after)]
    return " ".join(each for each in parts if each)
