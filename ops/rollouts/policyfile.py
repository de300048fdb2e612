"""specs/<endpoint>/rollout.yaml: the keys of a policy, and all that is wrong with them.

What each key does is told in docs/rollouts.md and in the example of specs/.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ops import fields, specs
from ops.errors import InvalidSpec
from ops.fields import Known, Mistake, Reader
from ops.rollouts.policy import (
    Abort,
    Guardrails,
    Judge,
    MissingData,
    Policy,
    Promote,
    Step,
)
from ops.settings import shown, specs_directory
from ops.yaml_file import parse_yaml, read_text

FILE = "rollout.yaml"
MOST_MIRRORED = 50  # percent; Azure: how-to-safely-rollout-online-endpoints
LEAST_LOOK_SECONDS = 1.0


def text(endpoint: str, path: Path | None = None) -> str:
    """An endpoint's policy, or another file's, as it is written; raise NotFound."""
    path = path or path_of(endpoint)
    if not path.is_file():
        raise specs.missing(path, f"how {endpoint} rolls out")
    return read_text(path)


def load(endpoint: str, path: Path | None = None) -> Policy:
    """The same as a Policy; raise InvalidSpec with all that is wrong."""
    return parse(text(endpoint, path), shown(path or path_of(endpoint)))


def parse(text: str, where: str = FILE) -> Policy:
    """What a policy's text means; `where` names it in what is wrong with it."""
    found, mistakes = check(parse_yaml(text, where))
    if found is None:
        raise InvalidSpec(f"{where}: {mistake}" for mistake in mistakes)
    return found


def path_of(endpoint: str) -> Path:
    return specs_directory() / endpoint / FILE


def check(data: dict[str, Any]) -> tuple[Policy | None, list[Mistake]]:
    """The policy that keys and values mean, or all that is wrong with them."""
    mistakes: list[Mistake] = []
    readers: dict[str, Reader] = {
        "steps": partial(_steps, mistakes),
        **{key: partial(_section, key, mistakes) for key in SECTIONS},
    }
    sections = {key: (key, reader) for key, reader in readers.items()}
    values = fields.read({"steps": None, **data}, "", {**sections, **TOP}, mistakes)
    if mistakes:
        return None, mistakes
    policy = Policy(**values)
    mistakes += _contradictions(policy)
    return (None if mistakes else policy), mistakes


def _contradictions(policy: Policy) -> Iterator[Mistake]:
    look = policy.look_seconds
    if look < LEAST_LOOK_SECONDS:
        text = f"must be at least {LEAST_LOOK_SECONDS:g}s"
        yield Mistake(field="look", text=text)
    if policy.heartbeat_seconds < 2 * look:
        text = f"must be at least two looks ({2 * look:g}s), or the runner seems dead"
        yield Mistake(field="heartbeat", text=text)
    if policy.missing_data.after_seconds < look:
        text = f"must be at least one look ({look:g}s)"
        yield Mistake(field="missing_data.after", text=text)


def _section(key: str, mistakes: list[Mistake], data: Any) -> Any:
    kind, known = SECTIONS[key]
    before = len(mistakes)
    values = fields.read(data, key, known, mistakes)
    if ("over_ms" in values) != ("over_ratio" in values):
        text = "needs both over_ms and at_most_percent"
        mistakes.append(Mistake(field=f"{key}.latency", text=text))
    if "on_drift" in values and "drift_of" not in values:
        text = "needs `of`: features, predictions or both"
        mistakes.append(Mistake(field=f"{key}.drift", text=text))
    if len(mistakes) > before:
        return None
    section = kind(**values)
    if isinstance(section, Judge) and not (section.errors + section.latency):
        text = "errors and latency can't both be 0: nothing would be judged"
        mistakes.append(Mistake(field=f"{key}.weigh", text=text))
    return section


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


WEIGHT = fields.number(0, 1000)
RISK = fields.number(1e-6, 0.2)
STEP: Known = {
    "weight": ("weight_percent", fields.whole(1, 100)),
    "mirror": ("mirror_percent", fields.whole(1, MOST_MIRRORED)),
    "bake": ("bake_seconds", fields.seconds_or_none),
    "requests": ("requests", fields.whole(0, 10**9)),
    "proof": ("proof", fields.flag),
    "pause": ("pause", _pause),
}
JUDGE: Known = {
    "alpha": ("alpha", RISK),
    "warm_up": ("warm_up_seconds", fields.seconds_or_none),
    "latency_slack": {
        "percent": ("slack_ratio", fields.percent(0, 100)),
        "ms": ("slack_ms", fields.number(0, 10_000)),
    },
    "weigh": {
        name: (name, WEIGHT) for name in ("errors", "latency", "probes", "limits")
    },
}
GUARDRAILS: Known = {
    "errors_percent": ("errors_ratio", fields.percent(0.01, 50)),
    "latency": {
        "over_ms": ("over_ms", fields.number(1, 180_000)),
        "at_most_percent": ("over_ratio", fields.percent(0.01, 50)),
    },
    "alerts": {
        "severity": ("severity", fields.whole(0, 4)),
        "then": ("on_alert", fields.choice("roll_back", "hold", "pause", "ignore")),
    },
    "saturation": {
        "percent": ("saturation_percent", fields.whole(1, 100)),
        "then": (
            "on_saturation",
            fields.choice("hold", "roll_back", "pause", "ignore"),
        ),
    },
    "drift": {
        "of": ("drift_of", fields.choice("features", "predictions", "both")),
        "then": ("on_drift", fields.choice("hold", "roll_back", "pause")),
    },
}
MISSING_DATA: Known = {
    "after": ("after_seconds", fields.seconds),
    "then": ("then", fields.choice("hold", "pause", "roll_back")),
}
PROMOTE: Known = {
    "when": ("when", fields.choice("proof", "bake")),
    "beta": ("beta", RISK),
    "margin": ("margin", fields.number(1.1, 10)),
    "negligible_percent": ("negligible_ratio", fields.percent(0, 10)),
}
ABORT: Known = {
    "how": ("how", fields.choice("at_once", "stepwise")),
    "percent": ("percent", fields.whole(1, 100)),
    "every": ("every_seconds", fields.seconds),
}
SECTIONS: dict[str, tuple[Any, Known]] = {
    "judge": (Judge, JUDGE),
    "guardrails": (Guardrails, GUARDRAILS),
    "missing_data": (MissingData, MISSING_DATA),
    "promote": (Promote, PROMOTE),
    "abort": (Abort, ABORT),
}
TOP: Known = {
    "probes_per_second": ("probes_per_second", fields.number(0, 10)),
    "look": ("look_seconds", fields.seconds),
    "patience": ("patience_seconds", fields.seconds),
    "heartbeat": ("heartbeat_seconds", fields.seconds),
}
