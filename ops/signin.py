"""Signing in to Azure: Azure's own chain of credentials, and its refusal in a line."""

import logging
import os
import re
from threading import Lock
from typing import TYPE_CHECKING, Any

from ops.errors import OpsError, ServiceError, Unreachable

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

DEBUG = "AML_OPS_DEBUG"
ARM_SCOPE = "https://management.azure.com/.default"
SPARE_SECONDS = 300  # a token this near its end is not handed out again
# Microsoft Entra: reference-error-codes. A session or refresh token that is over.
EXPIRED = {
    *("AADSTS50078", "AADSTS50089", "AADSTS50132", "AADSTS50133", "AADSTS50173"),
    *("AADSTS70008", "AADSTS70043", "AADSTS700081", "AADSTS700082", "AADSTS700084"),
}
SECRET = {"AADSTS7000215", "AADSTS7000222"}  # of a service principal: wrong, expired
CODE = re.compile(r"(AADSTS\d+)(?::\s*([^\r\n]*?)(?:\.\s|\.?$))?", re.MULTILINE)
ENTRA = "login.microsoftonline.com"
UNREACHED = re.compile(r"Failed to resolve|Max retries exceeded|Failed to establish")
NETWORK = "curl -sI https://management.azure.com   # is there a network, or a proxy?"


class NotSignedIn(ServiceError):
    """Nobody is signed in, or no longer, or not so that Azure takes it."""


class SignIn:
    """DefaultAzureCredential in the stage's tenant, each token kept while it lasts.

    It looks at the environment, a managed identity (1 s for one to answer) and what
    `az`, `azd` and PowerShell are signed in with (10 s each).
    """

    def __init__(self, tenant: str = "") -> None:
        from azure.identity import DefaultAzureCredential

        if not os.environ.get(DEBUG):  # it tells each failure once more, as a warning
            logging.getLogger("azure.identity").setLevel(logging.CRITICAL)
        self._tenant = tenant
        allowed = [tenant] if tenant else []
        self._chain = DefaultAzureCredential(additionally_allowed_tenants=allowed)
        self._tokens: dict[tuple[str, ...], AccessToken] = {}
        self._lock = Lock()

    def get_token(self, *scopes: str, **options: Any) -> "AccessToken":
        """A token for azure.core's policies; raise NotSignedIn or Unreachable."""
        from azure.core.exceptions import ClientAuthenticationError

        if self._tenant:
            options.setdefault("tenant_id", self._tenant)
        with self._lock:
            known = self._tokens.get(scopes)
            if known and not options.get("claims") and lasts(known.expires_on):
                return known
            try:
                token = self._chain.get_token(*scopes, **options)
            except ClientAuthenticationError as error:
                raise refusal(str(error), self._tenant) from None
            self._tokens[scopes] = token
            return token


def lasts(expires_on: float) -> bool:
    import time

    return expires_on - time.time() > SPARE_SECONDS


def refusal(text: str, tenant: str = "") -> OpsError:
    """Why there is no token, out of all that the credentials said, and what to type."""
    whole = f"\n{text}" if os.environ.get(DEBUG) else ""
    if ENTRA in text and UNREACHED.search(text):
        return Unreachable(f"No network: {ENTRA} can't be reached.{whole}", NETWORK)
    login = f"az login --tenant {tenant}" if tenant else "az login"
    codes = {code: said for code, said in CODE.findall(text)}
    if expired := sorted(codes.keys() & EXPIRED):
        problem = f"The sign-in to Azure has expired ({expired[0]})."
    elif wrong := sorted(codes.keys() & SECRET):
        problem = f"Azure refuses the secret of AZURE_CLIENT_ID ({wrong[0]})."
        login = "export AZURE_CLIENT_SECRET=...   # a secret that is still valid"
    elif codes:
        code, said = next(iter(codes.items()))
        problem = f"Azure refuses the sign-in ({code}): {said}."
    else:
        problem = f"Not signed in to Azure ({DEBUG}=1 shows what was tried)."
    return NotSignedIn(f"{problem}{whole}", login, http_status=401)
