"""What a scoring script died of, read from what the inference server printed."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

TRACEBACK = "Traceback (most recent call last):"
FRAME = re.compile(r'\s*File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>.+)')
RAISED = re.compile(r"(?P<name>[A-Za-z_][\w.]*)(?:: (?P<said>.*))?$")
# What the inference server raises from the script's own exception, or for its slowness.
WRAPPER = re.compile(r"\bUserScript((Import)?Exception|Timeout)\b")
# The function of the inference server that was calling the script.
CALLERS: dict[str, "Kind"] = {
    "load_script": "import",
    "invoke_init": "init",
    "invoke_run": "run",
    "wrap_response": "answer",
}
Kind = Literal["import", "init", "run", "answer"]
SENTENCES: dict[Kind, str] = {
    "import": "the scoring script raises while it is imported",
    "init": "the scoring script's init() raises",
    "run": "the scoring script's run() raises",
    "answer": "what run() returns can't be sent as JSON:",
}
# Packages whose parts are distributions of their own: one that is missing is missing.
SHARED = ("azure", "google", "opentelemetry", "zope")
OTHER_VERSION = (
    "the model was saved with another version of {0} than the environment has: pin the "
    "version that saved it in the conda file, or save the model anew"
)
NUMPY_2 = (
    "the model was saved with numpy 2 and the environment has numpy 1: pin numpy>=2 in "
    "the conda file, or save the model anew with its numpy"
)
PLAIN = {
    "ndarray": "return its .tolist()",
    "DataFrame": 'return its .to_dict(orient="records")',
    "Series": "return its .tolist()",
    "Tensor": "return its .tolist()",
    "set": "return it as a list",
    "datetime": "return its .isoformat()",
    "bytes": "return it as text",
}
HINTS = (
    (re.compile(r"No module named 'numpy\._core"), NUMPY_2),
    (re.compile(rf"No module named '(?!(?:{'|'.join(SHARED)})\.)(\w+)\.[\w.]+'"),
     OTHER_VERSION),
    (re.compile(r"Can't get attribute '\w+' on <module '__main__'"), "it was pickled "
     "with a class or function of the training script: define that in a module that "
     "is sent along with the scoring code"),
    (re.compile(r"Can't get attribute '\w+' on <module '(\w+)"), OTHER_VERSION),
    (re.compile(r"cannot import name '\w+' from '(\w+)"), OTHER_VERSION),
    (re.compile(r"module '(\w+)[\w.]*' has no attribute"), OTHER_VERSION),
    (re.compile(r"from the (pickle) has an incompatible dtype"),
     OTHER_VERSION.replace("{0}", "scikit-learn")),
    (re.compile(r"unsupported pickle protocol"),
     OTHER_VERSION.replace("{0}", "Python")),
    (re.compile(r"No module named '([\w.]+)'"), "the environment has no {0}: add it "
     "to the conda file and raise the environment's version"),
    (re.compile(r"\[Errno 2\] No such file or directory: '([^']+)'"), "a file it opens "
     "is not in the model: paths start at AZUREML_MODEL_DIR"),
    (re.compile(r"KeyError: 'AZUREML_MODEL_DIR'"), "the deployment names no model"),
    (re.compile(r"MemoryError|out of memory", re.I), "the instance type has too little "
     "memory for it"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One exception of the script, and where in it."""

    kind: Kind
    raised: str  # "ValueError: no model"
    where: str  # "score.py line 69, in init"
    code: str = ""  # the line itself

    @property
    def sentence(self) -> str:
        where = "" if self.kind == "answer" else f" ({self.where})"
        return f"{SENTENCES[self.kind]} {self.raised}{where}"

    @property
    def hint(self) -> str:
        if found := re.search(r"Object of type (\w+) is not JSON", self.raised):
            plain = "return plain numbers, texts, lists and dicts"
            return PLAIN.get(found[1], plain)
        for pattern, text in HINTS:
            if found := pattern.search(self.raised):
                return text.format(*found.groups())
        return ""


@dataclass
class Reading:
    """A traceback while its lines go by."""

    kind: Kind | None = None
    where: str = ""
    code: str = ""
    lines: list[str] = field(default_factory=list)


def failures(lines: Iterable[str]) -> Iterator[Failure]:
    """Each exception that came out of the script, in the order they were printed.

    The server prints a script's exception, then its own that was raised from it: that
    one is passed over.
    """
    reading: Reading | None = None
    for line in lines:
        if line.rstrip().endswith(TRACEBACK):
            reading = Reading()
        elif reading and line.startswith(" "):
            _frame(reading, line)
        elif reading:
            if reading.kind and not WRAPPER.search(line) and RAISED.match(line.strip()):
                yield _failure(reading, line.strip())
            reading = None


def last(lines: Iterable[str], *kinds: Kind) -> Failure | None:
    """The latest failure of these kinds."""
    found = None
    for failure in failures(lines):
        if failure.kind in kinds:
            found = failure
    return found


def _frame(reading: Reading, line: str) -> None:
    if frame := FRAME.match(line):
        reading.kind = CALLERS.get(frame["name"], reading.kind)
        file = frame["file"].rsplit("/", 1)[-1]
        reading.where = f"{file} line {frame['line']}, in {frame['name']}"
        reading.code = ""
    elif not reading.code:
        reading.code = line.strip()


def _failure(reading: Reading, raised: str) -> Failure:
    assert reading.kind is not None
    return Failure(
        kind=reading.kind, raised=raised, where=reading.where, code=reading.code
    )
