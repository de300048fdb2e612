"""Have the example's models on disk, trained by what model/train.py says today."""

from model import train as trainer
from ops import specs
from ops.errors import NotFound
from ops.settings import shown, trains


def train(endpoint: str, dry_run: bool = False) -> str:
    """Train if there is a reason to; say in one line what was done and why.

    Raises NotFound for an endpoint whose models are made elsewhere.
    """
    require_trained(endpoint)
    where = shown(trainer.OUT)
    reason = trainer.stale(trainer.OUT)
    if reason is None:
        return f"{where}  up to date"
    if dry_run:
        return f"{where}  would be trained: {reason}"
    found = trainer.train(trainer.OUT)
    lines = [f"{where}  trained: {reason}"]
    for version, metrics in found.items():
        listed = "  ".join(f"{name} {value:.4g}" for name, value in metrics.items())
        lines.append(f"  version {version}  {listed}")
    return "\n".join(lines)


def require_trained(endpoint: str) -> None:
    models = specs.load(endpoint).models.values()
    if not any(trains(model.file("path")) for model in models):
        raise NotFound(
            f"There is nothing to train for {endpoint}: model/train.py makes "
            f"{shown(trainer.OUT)}, which none of its models is."
        )
