"""What verbs import, imported once: the verbs of the flows are forked from here."""

import gc
import importlib
import os
import pkgutil

import verbs
from ops import autoscaling, drifting, rollouts, views

OTHERS = [
    "azure.ai.ml",
    "azure.ai.ml.entities",
    "azure.identity",
    "azure.mgmt.core.polling.arm_polling",
    "azure.mgmt.monitor",
    "azure.monitor.query",
    "invoke.main",
    "isodate",
    "numpy",
    "packaging.requirements",
    "plotext",
    "requests",
    "rich.console",
    "rich.live",
    "rich.markup",
    "rich.progress",
    "rich.table",
    "rich.text",
    "yaml",
]

# An MLClient of another test leaves it to its child processes, where it names a cloud
# that is unknown: the SDK can't be imported with it.
os.environ.pop("AZUREML_CURRENT_CLOUD", None)
for package in (verbs, autoscaling, drifting, rollouts, views):
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(found.name)
for name in OTHERS:
    importlib.import_module(name)
gc.freeze()  # a fork copies what its collector touches
