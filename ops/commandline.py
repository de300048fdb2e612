"""The command line as Invoke reads it, and where it reads otherwise than a person.

All that relies on how Invoke works inside is in this file; checked with Invoke 3.0.3.
`install` has the running program check a line before any verb of it runs: what can
only mean one thing is taken so, all else is refused with nothing done.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from invoke import Argument, Collection, ParseError, Program, Task

from ops import hints, typedline
from ops.errors import UsageError
from ops.typedline import NOTHING_DONE, TypedLine

# Short names of flags, the same for every verb that has them.
SHORT = {"follow": "f", "lines": "n", "most": "n", "output": "o"}
DRY, HELP = {"-R", "--dry"}, {"-h", "--help"}
NO_SHELL = (  # flags of Invoke's own that are about shell commands: no verb runs any
    "command-timeout",
    "echo",
    "hide",
    "prompt-for-sudo-password",
    "pty",
    "warn-only",
)
TOO_LATE = (  # those that Invoke has read before it reads a verb
    "collection",
    "debug",
    "print-completion-script",
    "search-root",
    "version",
    "write-pyc",
)


class Unless:
    """A default that says: a value without a flag, needed unless one of these is given.

    Invoke itself knows only words that must always be there.
    """

    def __init__(self, *flags: str) -> None:
        self.flags = flags


class Word(Argument):  # type: ignore[misc]  # invoke ships no usable types
    """An argument without a flag that isn't missing once another is there."""

    others: tuple[Argument, ...] = ()

    @property
    def value(self) -> Any:
        given = any(other.got_value for other in self.others)
        return "" if self._value is None and given else self._value

    @value.setter
    def value(self, text: str) -> None:
        self.set_value(text)


class Verb(Task):  # type: ignore[misc]
    """A task whose words may have an Unless, and whose flags have short names."""

    def __deepcopy__(self, memo: object) -> "Verb":
        """Itself, for it never changes: Invoke copies its collection at each start."""
        return self

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        help: dict[str, str] = dict(vars(self)["help"])  # Invoke empties it
        found = super().get_arguments(ignore_unknown_help)
        self.help = help
        unless = vars(self.body).get("unless", {})
        by_name = {each.name: each for each in found}
        for name, each in unless.items():
            word = Word(names=(name,), help=by_name[name].help, positional=True)
            word.others = tuple(by_name[flag] for flag in each.flags)
            found[found.index(by_name[name])] = word
        for name in by_name.keys() & SHORT.keys():
            by_name[name].names = (*by_name[name].names, SHORT[name])
        return list(found)


class CommandLine(Program):  # type: ignore[misc]
    """Invoke's program, strict about what it would otherwise drop in silence."""

    def parse_tasks(self) -> None:
        self._refuse_rest()
        self.core.unparsed = self._own(self.core.unparsed)
        try:
            super().parse_tasks()
        except ParseError as error:
            raise self._mistake(error) from None
        for verb in self.tasks:
            for argument in verb.args.values():
                self._refuse_flag_as_value(verb, argument)
        self._refuse_core(self.core_via_tasks.args, TOO_LATE, _too_late)
        self._refuse_core(self.args, NO_SHELL, _no_shell)
        one = len(self.tasks) == 1
        hints.typed(*((self.argv[1:], self.tasks[0].flags) if one else ([],)))

    def parse_cleanup(self) -> None:
        try:
            super().parse_cleanup()
        except ParseError as error:
            raise self._mistake(error) from None

    def update_config(self, merge: bool = True) -> None:
        path = self.args.config.value
        try:
            if path is not None:
                open(path).close()
            super().update_config(merge)
        except Exception as error:  # each kind of file has errors of its own
            why = getattr(error, "strerror", None) or error
            raise UsageError(
                f"--config {path} can't be read: {why}. {NOTHING_DONE}"
            ) from None

    def _refuse_rest(self) -> None:
        """What stands behind `--` Invoke keeps for nobody."""
        if self.core.remainder:
            raise UsageError(f"No verb takes anything behind `--`. {NOTHING_DONE}")

    def _own(self, tokens: Sequence[str]) -> list[str]:
        """The tokens without Invoke's flags that would be taken for a verb's words."""
        tokens = [re.sub(r"^--([A-Za-z])(?==|$)", r"-\1", each) for each in tokens]
        core = self.core[0].args
        if DRY.intersection(tokens):
            core["dry"].value = True
        for index, each in enumerate(tokens):
            verbs = [word for word in tokens[:index] if word in self.verbs]
            if each in HELP and verbs:
                core["help"].value = verbs[-1]
                return []
        return [each for each in tokens if each not in DRY]

    def _short_name(self, verb: str | None) -> str | None:
        """`logs` for logs.show: as a person types it."""
        return next(iter(self.collection.task_names.get(verb, ())), verb)

    @cached_property
    def verbs(self) -> set[str]:
        return set(names(self.collection))

    def _refuse_flag_as_value(self, verb: Any, argument: Argument) -> None:
        given = argument.value
        for value in given if isinstance(given, list) else [given]:
            text = str(value)
            known = text in self.initial_context.flags or text.startswith("--")
            if not known or text not in self.core.unparsed:
                continue
            if argument.positional:
                raise self._line.unknown(value, verb.name, list(verb.flags))
            name = _flag(argument)
            raise UsageError(
                f"{verb.name}: {name} would get the value {value!r}. If that is meant, "
                f"write {name}={value}. {NOTHING_DONE}",
                f"invoke --help {verb.name}",
            )

    def _refuse_core(self, given: Any, flags: Iterable[str], why: Any) -> None:
        for name in flags:
            if name in given and given[name].value:
                short = [each for each in given[name].names if len(each) == 1]
                raise UsageError(*why(name), *self._begins_with(short))

    def _begins_with(self, short: Sequence[str]) -> list[str]:
        """The lines with the verb's own flag that begins as Invoke's short one is."""
        written = [f"-{each}" for each in short if f"-{each}" in self.argv]
        if not written or not self.tasks:
            return []
        flags = [each for each in self.tasks[-1].flags if each.startswith("--")]
        near = [each for each in flags if each[2] == written[0][1]]
        return [self._line.instead(written[0], each) for each in near]

    def _mistake(self, error: Exception) -> UsageError:
        """What Invoke could not read, and the line that is likely meant."""
        text, context = str(error), getattr(error, "context", None)
        words = getattr(context, "positional_args", [])
        verb = self._short_name(getattr(context, "name", None))
        flags = [] if context is None else list(context.flags)
        for argument in words:
            if str(argument.value).startswith("--"):  # a word is taken before a flag is
                return self._line.unknown(argument.value, verb, flags)
        if found := re.match(r"No idea what '(.*)' is!", text):
            return self._line.unknown(found[1], verb, flags)
        if found := re.match(r"Flag <Argument: ([\w-]+)(?: \((\w)\))?", text):
            flag = _dashed(found[1])
            if verb and flag not in flags:
                flag = f"-{found[2]}" if found[2] else flag
                return self._line.unknown_flag(flag, verb, flags)
            return typedline.without_value(flag, verb)
        if verb and "positional" in text:
            named = ", ".join(each.name for each in words)
            problem = f"{verb} needs a word: {named}. {NOTHING_DONE}"
            return UsageError(problem, f"invoke --help {verb}")
        return UsageError(f"{text} {NOTHING_DONE}", "invoke --list")

    @property
    def _line(self) -> TypedLine:
        return TypedLine(
            words=self.argv[1:],
            verbs=self.verbs,
            own=self.initial_context.flags,
            text=lambda verb: self.collection[verb].__doc__ or "",
            flags=lambda verb: self.parser.contexts[verb].flags,
        )


def install(verbs: Collection) -> None:
    """Have the running `invoke` read its line our way, and each verb know its name."""
    from invoke.main import program

    for name, aliases in verbs.task_names.items():
        vars(verbs[name].body)["verb"] = aliases[0] if aliases else name
    program.__class__ = CommandLine  # it was made before it knew of us


def names(verbs: Collection) -> list[str]:
    """Every name by which a verb can be typed."""
    listed = verbs.task_names.items()
    return [name for verb, aliases in listed for name in (verb, *aliases)]


def _flag(argument: Argument) -> str:
    return _dashed(str(argument.names[0]))


def _dashed(name: str) -> str:
    name = name.strip("_").replace("_", "-")
    return f"-{name}" if len(name) == 1 else f"--{name}"


def _too_late(name: str) -> tuple[str]:
    return (f"--{name} is Invoke's own and goes before the verb. {NOTHING_DONE}",)


def _no_shell(name: str) -> tuple[str]:
    return (f"--{name} is about shell commands, and no verb runs any. {NOTHING_DONE}",)
