"""Azure's own SDK, unmodified, wired to localcloud as any client would be."""

import http.client
import time

SCORE = """
import json, os

def init():
    print("the model is at", os.environ["AZUREML_MODEL_DIR"])

def run(data):
    return {"by": os.environ.get("COLOUR", "none"), "got": json.loads(data)}
"""
SERVER = "azureml-inference-server-http"


class StaticCredential:
    def __init__(self, token):
        self.token = token

    def get_token(self, *scopes, **options):
        from azure.core.credentials import AccessToken

        return AccessToken(self.token, int(time.time()) + 3600)


def connect(cloud, **options):
    """An MLClient that knows of localcloud what any configuration could tell it."""
    from azure.ai.ml import MLClient

    facts = cloud.facts
    metadata = dict.fromkeys(
        (
            *("azure_portal", "resource_manager", "active_directory"),
            *("aml_resource_id", "registry_discovery_endpoint"),
        ),
        facts["url"],
    )
    return MLClient(
        StaticCredential(cloud.token),
        facts["subscription_id"],
        facts["resource_group"],
        facts["workspace_name"],
        cloud=f"azlocal-{facts['port']}",
        cloud_metadata={**metadata, "storage_endpoint": "azlocal"},
        enable_telemetry=False,
        show_progress=False,
        retry_total=0,
        **options,
    )


def conda_of(*packages):
    return {
        "name": "scoring",
        "channels": ["conda-forge"],
        "dependencies": ["python=3.11", "pip", {"pip": list(packages)}],
    }


def deployment_of(name, endpoint, model, environment, code, **options):
    """A deployment that is probed often, so that nobody waits for a probe."""
    from azure.ai.ml.entities import (
        CodeConfiguration,
        ManagedOnlineDeployment,
        ProbeSettings,
    )

    settings = {
        "model": model.id,
        "environment": environment.id,
        "code_configuration": CodeConfiguration(
            code=str(code), scoring_script="score.py"
        ),
        "environment_variables": {"COLOUR": name},
        "instance_type": "Standard_DS3_v2",
        "instance_count": 1,
        **{
            probe: ProbeSettings(initial_delay=1, period=1, failure_threshold=30)
            for probe in ("readiness_probe", "liveness_probe")
        },
    }
    return ManagedOnlineDeployment(
        name=name, endpoint_name=endpoint, **{**settings, **options}
    )


def score(ml, endpoint, body=b"[1]", **headers):
    """POST to an endpoint as its callers do; return the status."""
    key = ml.online_endpoints.get_keys(endpoint.name).primary_key
    host, path = endpoint.scoring_uri.removeprefix("http://").split("/", 1)
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        sent = {"Authorization": f"Bearer {key}", **headers}
        connection.request("POST", f"/{path}", body, sent)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()
