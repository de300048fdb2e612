"""What lets a client in at an endpoint."""

from ops import endpoints
from ops.clients import Workspace
from ops.endpoints import Endpoint
from ops.pipeline import refused


def bearer(workspace: Workspace, endpoint: Endpoint) -> str:
    """What a client puts behind `Bearer`, by the endpoint's auth mode."""
    where = endpoints.path(endpoint.name)
    if endpoint.auth_mode == "Key":
        return str(workspace.post(f"{where}/listKeys")["primaryKey"])
    if endpoint.auth_mode == "AMLToken":
        return str(workspace.post(f"{where}/token")["accessToken"])
    with refused():
        token = workspace.credential.get_token("https://ml.azure.com/.default")
        return str(token.token)
