"""What a verb costs before it does anything."""

import os
import subprocess
import sys

# Not yaml: Invoke itself imports it, to read invoke.yaml.
HEAVY = ("azure", "aiohttp", "rich", "sklearn", "numpy", "requests", "psutil")


def loaded_by(statement):
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_listing_the_verbs_imports_nothing_heavy():
    assert not loaded_by("import tasks") & set(HEAVY)


def test_reading_live_state_does_not_import_the_whole_sdk():
    statement = "from ops import clients, endpoints, traffic, keys, deployments, render"
    code = f"import sys; {statement}; print('azure.ai.ml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout.strip() == "False"


def test_the_cloud_of_another_client_does_not_stop_us():
    code = (
        "from ops import creating, specs; creating.entity(specs.load('iris').endpoint)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "AZUREML_CURRENT_CLOUD": "azlocal-1"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
