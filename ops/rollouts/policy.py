"""How a canary takes over from stable, as plain values: what a rollout.yaml says."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ops.rollouts.evidence import Terms


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
    warm_up_seconds: float = 0.0  # what is counted before this isn't judged
    slack_ratio: float = 0.05  # the canary may take so much longer than stable,
    slack_ms: float = 2.0  # and so much on top: two machines are never quite alike
    errors: float = 5.0  # how evidence is weighed, in any unit; 0: not at all
    latency: float = 2.0
    probes: float = 2.0
    limits: float = 1.0  # the guardrails on errors and latency


@dataclass(frozen=True, kw_only=True)
class Guardrails:
    """What must hold of the canary whatever stable does."""

    errors_ratio: float | None = None
    over_ms: float | None = None
    over_ratio: float | None = None
    severity: int = 2  # fired alerts of this severity or a graver one count
    on_alert: str = "roll_back"  # or hold, pause, ignore
    saturation_percent: int = 90  # of the instances' CPU or memory
    on_saturation: str = "hold"  # or roll_back, pause, ignore
    drift_of: str = ""  # or features, predictions, both: beside stable's own
    on_drift: str = "hold"  # or roll_back, pause


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
    negligible_ratio: float = 0.005  # fewer errors than this are not worse; 0: none are


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
    probes_per_second: float = 2.0  # to each side; 0 for none
    look_seconds: float = 15.0  # how often rows are read and a decision is made
    patience_seconds: float = 7200.0  # inconclusive for so long: a person is asked
    heartbeat_seconds: float = 180.0  # a runner silent for so long is dead

    def terms(self, started: datetime) -> Terms:
        """What the evidence of a rollout is computed for."""
        return Terms(
            errors_ratio=self.guardrails.errors_ratio,
            over_ratio=self.guardrails.over_ratio,
            margin=self.promote.margin,
            since=started + timedelta(seconds=self.judge.warm_up_seconds),
        )

    def needs_proof(self, index: int) -> bool:
        """Whether a step is left only with proof: at 100 % there is none to be had."""
        step = self.steps[index]
        if step.weight_percent == 100:
            return False
        last = index == len(self.steps) - 1
        whole = last or self.steps[index + 1].weight_percent == 100
        return step.proof or (whole and self.promote.when == "proof")
