"""Have the example's models on disk, trained by what model/train.py says today."""

from model import train as trainer
from ops.settings import shown


def train(dry_run: bool = False) -> str:
    """Train if there is a reason to; say in one line what was done and why."""
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
