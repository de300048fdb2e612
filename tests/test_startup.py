"""What a verb costs before it does anything."""

import os
import subprocess
import sys

import pytest

# Not yaml: Invoke itself imports it, to read invoke.yaml.
HEAVY = (
    *("azure", "aiohttp", "dash", "flask", "numpy", "plotly", "psutil"),
    *("requests", "rich", "sklearn"),
)


def loaded_by(statement):
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_listing_the_verbs_imports_nothing_heavy():
    assert not loaded_by("import tasks") & set(HEAVY)


@pytest.mark.parametrize(("flags", "kept"), [([], "True"), (["-B"], "False")])
def test_what_verbs_import_is_kept_compiled_unless_python_shall_not(flags, kept):
    code = "import sys; sys.dont_write_bytecode = True; import tasks; "
    code += "print(not sys.dont_write_bytecode)"
    own = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, *flags, "-c", code], env=own, capture_output=True, text=True
    )

    assert done.stdout.strip() == kept


def test_reading_live_state_does_not_import_the_whole_sdk():
    statement = "from ops import clients, endpoints, traffic, keys, deployments"
    statement += "; from ops.views import render"
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
