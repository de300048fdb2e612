"""How a canary takes over: specs/<endpoint>/rollout.yaml, as plain values.

What each field means is said where it stands, and in docs/rollouts.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ops import fields
from ops.errors import InvalidSpec, NotFound
from ops.evidence import Terms
from ops.fields import Mistake, Reader
from ops.settings import read_yaml, shown, specs_directory

FILE = "rollout.yaml"
MOST_MIRRORED = 50  # percent; Azure: how-to-safely-rollout-online-endpoints
DAY = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Step:
    """One state of the weights, and what must be had before the next."""

    weight_percent: int = 0  # of live requests to the canary, stable gets the rest
    mirror_percent: int = 0
    bake_seconds: float = 0.0
    requests: int = 100  # of the canary's own, at least, since the step began
    proof: bool = False  # go on only when the canary is proven not worse
    pause: str = ""  # then wait for a person, who is told this

    @property
    def shown(self) -> str:
        if self.mirror_percent:
            return f"mirror {self.mirror_percent}%"
        return f"{self.weight_percent}%"


@dataclass(frozen=True, kw_only=True)
class Judge:
    """The one verdict: worse, when the evidence of all kinds reaches 1/alpha."""

    alpha: float = 0.01  # so many rollouts of a healthy canary may be rolled back
    errors: float = 5.0  # how the evidence is weighed, in any unit
    latency: float = 2.0
    probes: float = 2.0
    limits: float = 1.0  # the guardrails on errors and latency


@dataclass(frozen=True, kw_only=True)
class Guardrails:
    """What must hold of the canary whatever stable does."""

    errors_ratio: float | None = None
    over_ms: float | None = None
    over_ratio: float | None = None
    severity: int | None = 2  # fired alerts of this severity or a graver count
    on_alert: str = "roll_back"  # or hold, pause
    saturation_percent: int | None = 90  # of an instance's CPU or memory
    on_saturation: str = "hold"  # or roll_back, pause


@dataclass(frozen=True, kw_only=True)
class MissingData:
    """What to do when the newest complete rows are older than this."""

    after_seconds: float = 300.0
    then: str = "hold"  # or pause, roll_back


@dataclass(frozen=True, kw_only=True)
class Promote:
    """What it takes to give the canary everything."""

    when: str = "proof"  # not worse is proven; or bake: it is enough not to be worse
    beta: float = 0.05  # so many canaries that are worse may be proven not to be
    margin: float = (
        2.0  # worse: more errors (slow requests) than so many times stable's
    )
    negligible_ratio: float | None = 0.005  # fewer errors than this are not worse


@dataclass(frozen=True, kw_only=True)
class Abort:
    """How traffic goes back."""

    how: str = "at_once"  # or stepwise: in parts, while stable lacks capacity for all
    percent: int = 20
    every_seconds: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Policy:
    """All of a rollout.yaml."""

    steps: tuple[Step, ...]
    judge: Judge = field(default_factory=Judge)
    guardrails: Guardrails = field(default_factory=Guardrails)
    missing_data: MissingData = field(default_factory=MissingData)
    promote: Promote = field(default_factory=Promote)
    abort: Abort = field(default_factory=Abort)
    probes_per_second: float = 1.0  # to each side; 0 for none
    look_seconds: float = 15.0  # how often rows are read and a decision is made
    patience_seconds: float = 7200.0  # inconclusive for so long: a person is asked
    heartbeat_seconds: float = 180.0  # a runner silent for so long is dead

    @property
    def terms(self) -> Terms:
        """What evidence is computed for."""
        return Terms(
            errors_ratio=self.guardrails.errors_ratio,
            over_ratio=self.guardrails.over_ratio,
            margin=self.promote.margin,
        )

    def needs_proof(self, index: int) -> bool:
        """Whether a step is left only with proof: at 100 % there is none to be had."""
        step = self.steps[index]
        if step.weight_percent == 100:
            return False
        last = index == len(self.steps) - 1
        whole = last or self.steps[index + 1].weight_percent == 100
        return step.proof or (whole and self.promote.when == "proof")


def load(endpoint: str, path: Path | None = None) -> Policy:
    """An endpoint's policy, or another file's; raise NotFound or InvalidSpec."""
    path = path or specs_directory() / endpoint / FILE
    if not path.is_file():
        raise NotFound(
            f"{shown(path)} does not exist: nothing says how {endpoint} rolls out.",
            f"cp {shown(specs_directory())}/iris/{FILE} {shown(path)}",
        )
    found, mistakes = parse(read_yaml(path))
    if found is None:
        raise InvalidSpec(f"{shown(path)}: {mistake}" for mistake in mistakes)
    return found


def parse(data: Mapping[str, Any]) -> tuple[Policy | None, list[Mistake]]:
    """The policy that a file's keys mean, or all that is wrong with them."""
    mistakes: list[Mistake] = []
    readers: dict[str, Reader] = {
        "steps": partial(_steps, mistakes),
        **{key: partial(_section, key, mistakes) for key in SECTIONS},
    }
    known = {key: (key, reader) for key, reader in readers.items()}
    values = fields.read({"steps": None, **data}, "", known | TOP, mistakes)
    return (None if mistakes else Policy(**values)), mistakes


def _section(key: str, mistakes: list[Mistake], data: Any) -> Any:
    kind, known = SECTIONS[key]
    before = len(mistakes)
    values = fields.read(data, key, known, mistakes)
    for inner in ("latency", "alerts", "saturation"):
        if key == "guardrails" and inner in values:
            at = f"{key}.{inner}"
            values |= fields.read(values.pop(inner), at, GUARDS[inner], mistakes)
    if (values.get("over_ms") is None) != (values.get("over_ratio") is None):
        text = "needs both over_ms and at_most_percent"
        mistakes.append(Mistake(field=f"{key}.latency", text=text))
    return kind(**values) if len(mistakes) == before else None


def _steps(mistakes: list[Mistake], data: Any) -> tuple[Step, ...]:
    if not isinstance(data, list) or not data:
        text = "must list at least one step, such as - {weight: 10, bake: 10m}"
        mistakes.append(Mistake(field="steps", text=text))
        return ()
    steps: list[Step] = []
    for index, item in enumerate(data):
        at = f"steps[{index}]"
        before = len(mistakes)
        values = fields.read(item, at, STEP, mistakes)
        if len(mistakes) > before:
            continue
        step = _step(values, steps[-1] if steps else Step())
        mistakes += _step_mistakes(at, values, step, steps)
        steps.append(step)
    if steps and not steps[-1].weight_percent:
        text = "must end with a weight: nothing is promoted from a mirror"
        mistakes.append(Mistake(field="steps", text=text))
    return tuple(steps)


def _step(values: dict[str, Any], before: Step) -> Step:
    """A step that says no weight keeps the one before it, and needs no requests."""
    if "weight_percent" in values or "mirror_percent" in values:
        return Step(**values)
    kept = {
        "weight_percent": before.weight_percent,
        "mirror_percent": before.mirror_percent,
        "requests": 0,
    }
    return Step(**{**kept, **values})


def _step_mistakes(
    at: str, values: dict[str, Any], step: Step, before: list[Step]
) -> list[Mistake]:
    found = []
    highest = max((each.weight_percent for each in before), default=0)
    if not values:
        found.append("is empty: say a weight, a mirror or a pause")
    if "weight_percent" in values and "mirror_percent" in values:
        found.append("has a weight and a mirror: Azure gives a deployment one of them")
    elif "weight_percent" in values and step.weight_percent <= highest:
        found.append(
            f"{step.weight_percent} must be above {highest}, of an earlier step"
        )
    elif "mirror_percent" in values and highest:
        found.append("a mirror must come before any weight: Azure allows not both")
    return [Mistake(field=at, text=text) for text in found]


def _pause(value: Any) -> str:
    if value is True:
        return "a person must look"
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be true, or what the person shall do")
    return value


STEP = {
    "weight": ("weight_percent", fields.whole(1, 100)),
    "mirror": ("mirror_percent", fields.whole(1, MOST_MIRRORED)),
    "bake": ("bake_seconds", fields.seconds),
    "requests": ("requests", fields.whole(0, 10**9)),
    "proof": ("proof", fields.flag),
    "pause": ("pause", _pause),
}
WEIGHT = fields.number(0, 1000)
RISK = fields.number(1e-6, 0.2)
GUARDS = {
    "latency": {
        "over_ms": ("over_ms", fields.number(1, 180_000)),
        "at_most_percent": ("over_ratio", fields.percent(0.01, 50)),
    },
    "alerts": {
        "severity": ("severity", fields.whole(0, 4)),
        "then": ("on_alert", fields.choice("roll_back", "hold", "pause")),
    },
    "saturation": {
        "percent": ("saturation_percent", fields.whole(1, 100)),
        "then": ("on_saturation", fields.choice("hold", "roll_back", "pause")),
    },
}
SECTIONS: dict[str, tuple[Any, dict[str, tuple[str, Reader]]]] = {
    "judge": (
        Judge,
        {
            "alpha": ("alpha", RISK),
            **{
                each: (each, WEIGHT)
                for each in ("errors", "latency", "probes", "limits")
            },
        },
    ),
    "guardrails": (
        Guardrails,
        {
            "errors_percent": ("errors_ratio", fields.percent(0.01, 50)),
            **{each: (each, lambda value: value) for each in GUARDS},
        },
    ),
    "missing_data": (
        MissingData,
        {
            "after": ("after_seconds", fields.seconds),
            "then": ("then", fields.choice("hold", "pause", "roll_back")),
        },
    ),
    "promote": (
        Promote,
        {
            "when": ("when", fields.choice("proof", "bake")),
            "beta": ("beta", RISK),
            "margin": ("margin", fields.number(1.1, 10)),
            "negligible_percent": ("negligible_ratio", fields.percent(0.01, 10)),
        },
    ),
    "abort": (
        Abort,
        {
            "how": ("how", fields.choice("at_once", "stepwise")),
            "percent": ("percent", fields.whole(1, 100)),
            "every": ("every_seconds", fields.seconds),
        },
    ),
}
TOP: dict[str, tuple[str, Reader]] = {
    "probes_per_second": ("probes_per_second", fields.number(0, 10)),
    "look": ("look_seconds", fields.seconds),
    "patience": ("patience_seconds", fields.seconds),
    "heartbeat": ("heartbeat_seconds", fields.seconds),
}
