"""Every refusal an engineer can meet, as a problem and its remedies.

OpsError                    exit status 1
  UsageError                2: a flag's value can't be meant
  InvalidSpec               files in specs/ that can't work, all problems at once
  NotFound
  Refused                   a rule of the toolkit stands against it
  ServiceError              the service said no, and why
  Unreachable               no answer at all
  Conflict                  somebody else changed the same thing
  Busy                      somebody else is at it, here or elsewhere
  Unhealthy                 3: done, but it doesn't work
    RolledBack              what was begun is undone: never to be read as a success
  Interrupted               130: Ctrl-C, with the state that is left
"""

from collections.abc import Iterable, Mapping
from typing import Any

from invoke import Exit

from ops.hints import Mended, led

USAGE = 2  # the exit status of what was typed wrong
MAX_PROBLEM = 2000  # characters of one problem that are shown


class OpsError(Exit):  # type: ignore[misc]  # invoke ships no usable types
    """A refusal: Invoke prints it to stderr without a traceback and exits."""

    status = 1

    def __init__(self, problem: str, *remedies: str) -> None:
        self.problem = problem
        self.remedies = tuple(led(each) for each in remedies if each)
        mistyped = any(isinstance(each, Mended) for each in remedies)
        code = USAGE if mistyped else self.status
        super().__init__(self._text(), code=code)

    def add(self, fact: str) -> None:
        """Tell one fact more about the problem."""
        self.problem = f"{self.problem}\n{fact}"
        self.message = self._text()

    def _text(self) -> str:
        return "\n".join(
            [self.problem, *(f"  try: {remedy}" for remedy in self.remedies)]
        )

    def __str__(self) -> str:
        return str(self.message)


class UsageError(OpsError):
    status = USAGE


class InvalidSpec(OpsError):
    """Everything that is wrong with some files, so that it can be mended in one go."""

    def __init__(self, problems: Iterable[object], *remedies: str) -> None:
        self.problems = listed = [bounded(str(problem)) for problem in problems]
        count = "1 problem" if len(listed) == 1 else f"{len(listed)} problems"
        text = "\n".join([f"{count} in the specs:", *(f"  - {p}" for p in listed)])
        super().__init__(text, *remedies)


def bounded(problem: str) -> str:
    """A problem without most of a value that fills the screen."""
    over = len(problem) - MAX_PROBLEM
    half = MAX_PROBLEM // 2
    cut = f"{problem[:half]} [{over:,} characters] {problem[-half:]}"
    return cut if over > 0 else problem


class NotFound(OpsError):
    pass


class Refused(OpsError):
    pass


class ServiceError(OpsError):
    """What the service answered, as a cause; `code` and `http_status` for decisions.

    `innermost` is the last of the nested errors: for a query, where it is wrong.
    """

    def __init__(
        self,
        problem: str,
        *remedies: str,
        code: str = "",
        http_status: int = 0,
        innermost: Mapping[str, Any] | None = None,
    ) -> None:
        self.service_code = code
        self.http_status = http_status
        self.innermost = innermost or {}
        super().__init__(problem, *remedies)


class Unreachable(OpsError):
    pass


class Unfinished(Unreachable):
    """The service has taken it on, and is not done in the time that was given."""


class Conflict(OpsError):
    pass


class Busy(OpsError):
    pass


class Unhealthy(OpsError):
    status = 3


class RolledBack(Unhealthy):
    pass


class Interrupted(OpsError):
    status = 130
