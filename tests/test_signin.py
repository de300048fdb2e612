"""What verbs say of an Azure that nobody is signed in to, or that can't be reached."""

import logging
import os
import shutil
import time
from contextlib import suppress

import pytest
import requests
from invoke import __version__ as version

import tasks
from ops import clients, pipeline, refusals, settings, signin
from ops.commandline import CommandLine
from ops.errors import OpsError, Unreachable
from ops.settings import ROOT
from ops.signin import NotSignedIn

STAGE = "cloud: azure\nsubscription_id: s\nresource_group: g\nworkspace_name: w\n"
SECONDS = 15  # a managed identity has one to answer, `az` ten
# What a verb needs to come as far as the service.
NEEDS = {
    "alerts.ack": "errors",
    "alerts.close": "errors",
    "alerts.mute": "--all --for 30m --reason x",
    "alerts.test": "--rule none",
    "alerts.unmute": "--all",
    "alerts.relay": "--once",
    "autoscale.delete": "--deployment blue",
    "autoscale.suspend": "--deployment blue --for 1h",
    "capacity": "--rps 5",
    "dashboards.apply": "--yes",
    "dashboards.export": "--format grafana",
    "delete-deployment": "--deployment blue --yes",
    "delete-endpoint": "--yes",
    "drift.monitor": "--reference azureml:iris-train:1",
    "freeze": "--reason x",
    "keys.rotate": "--key secondary --yes",
    "mirror": "--green 10",
    "query": "--name errors",
    "rollout.simulate": "--rollouts 1",
    "scale": "--deployment blue --instances 1",
    "score": "--deployment blue",
    "shift-traffic": "--green 10",
}
OFFLINE = {  # they ask no service
    *("alerts.test", "drift.monitor", "rollout.simulate", "train", "validate", "verbs"),
}
NOBODY = {"alerts.notify-test": "names nobody under `notify`"}  # before it is asked
KINDS = {name: tasks.ns[name].body.kind for name in tasks.ns.task_names}
ASKING = sorted(
    name
    for name, kind in KINDS.items()
    if kind != "localcloud" and name not in OFFLINE | NOBODY.keys()
)


@pytest.fixture
def azure(monkeypatch, tmp_path):
    """A stage `az` on Azure beside the shipped ones, on a machine without sign-in."""
    for name in [each for each in os.environ if each.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    stages = tmp_path / "specs/stages"
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    for name in ("model", "scoring"):
        (tmp_path / name).symlink_to(ROOT / name)
    (stages / "az.yaml").write_text(STAGE)
    monkeypatch.setenv("AML_OPS_SPECS", str(tmp_path / "specs"))
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv(signin.DEBUG, raising=False)
    yield stages / "az.yaml"
    logging.getLogger("azure.identity").setLevel(logging.NOTSET)


@pytest.fixture
def typed(azure, capsys):
    def run(*words):
        with pytest.raises(SystemExit) as end:
            CommandLine(name="Invoke", version=version).run(["invoke", *words])
        return end.value.code, *capsys.readouterr()

    return run


@pytest.mark.parametrize("verb", ASKING)
def test_every_verb_says_in_a_line_that_nobody_is_signed_in(verb, typed, monkeypatch):
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "dev")  # no machine's own identity
    status, out, err = typed(verb, *NEEDS.get(verb, "").split(), "--stage", "az")

    assert (status, out) == (1, "")
    assert err.splitlines() == [
        "Not signed in to Azure (AML_OPS_DEBUG=1 shows what was tried).",
        "  try: az login",
    ]


@pytest.mark.parametrize("verb", sorted(OFFLINE | NOBODY.keys()))
def test_what_asks_no_service_needs_no_sign_in(verb, azure, capsys):
    words = [verb, *NEEDS.get(verb, "").split()]
    with suppress(SystemExit):
        CommandLine(name="Invoke", version=version).run(["invoke", *words])
    assert "signed in" not in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["cloud.drills", "cloud.clock", "cloud.fault"])
def test_verbs_of_localcloud_lead_to_a_stage_that_is_one(verb, typed):
    status, _, err = typed(verb, "--stage", "az")

    assert status == 1
    assert err.splitlines() == [
        f"{verb} is about localcloud, and az is on Azure.",
        f"  try: invoke {verb} --stage local",
    ]


def test_the_whole_chain_ends_soon_and_is_told_on_demand(typed, monkeypatch):
    began = time.monotonic()
    status, _, err = typed("status", "--stage", "az")
    lasted = time.monotonic() - began

    assert (status, err.count("\n")) == (1, 2)
    assert lasted < SECONDS
    monkeypatch.setenv(signin.DEBUG, "1")
    logging.getLogger("azure.identity").setLevel(logging.NOTSET)
    _, _, err = typed("status", "--stage", "az")
    assert "AzureCliCredential: Azure CLI not found on path" in err
    assert "ManagedIdentityCredential" in err


def az(folder, *said, status=1):
    """A stand-in for the `az` on PATH, which answers as it does when it refuses."""
    program = folder.parents[2] / "bin/az"
    program.parent.mkdir()
    lines = "\n".join(said)
    program.write_text(
        f"#!/bin/sh\n/bin/cat >&2 <<'END'\n{lines}\nEND\nexit {status}\n"
    )
    program.chmod(0o755)


SAID = {
    "ERROR: AADSTS700082: The refresh token has expired due to inactivity. The token "
    "was issued on 2026-01-01.\nTo re-authenticate, please run: az login": (
        "The sign-in to Azure has expired (AADSTS700082).",
        "az login",
    ),
    "AADSTS70043: The refresh token has expired or is invalid due to sign-in "
    "frequency checks by conditional access.": (
        "The sign-in to Azure has expired (AADSTS70043).",
        "az login",
    ),
    "AADSTS50173: The provided grant has expired due to it being revoked, a fresh "
    "auth token is needed.": (
        "The sign-in to Azure has expired (AADSTS50173).",
        "az login",
    ),
    "ERROR: AADSTS53003: Access has been blocked by Conditional Access policies. The "
    "access policy does not allow token issuance.": (
        "Azure refuses the sign-in (AADSTS53003): Access has been blocked by "
        "Conditional Access policies.",
        "az login",
    ),
    "ERROR: Please run 'az login' to setup account.": (
        "Not signed in to Azure (AML_OPS_DEBUG=1 shows what was tried).",
        "az login",
    ),
    "HTTPSConnectionPool(host='login.microsoftonline.com', port=443): Max retries "
    "exceeded with url: /x (Caused by NameResolutionError('Failed to resolve'))": (
        "No network: login.microsoftonline.com can't be reached.",
        signin.NETWORK,
    ),
}


@pytest.mark.parametrize("said", SAID, ids=lambda said: said[:24])
def test_what_az_says_becomes_a_line_and_what_to_type(said, azure, typed, monkeypatch):
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")
    az(azure, *said.splitlines())

    status, _, err = typed("logs", "--stage", "az")

    problem, remedy = SAID[said]
    assert status == 1
    assert err.splitlines() == [problem, f"  try: {remedy}"]


def test_the_stages_tenant_is_the_one_to_sign_in_to(azure, typed, monkeypatch):
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "dev")
    azure.write_text(f"{STAGE}tenant_id: contoso.example\n")

    assert typed("logs", "--stage", "az")[2].splitlines()[1:] == [
        "  try: az login --tenant contoso.example"
    ]


def test_az_is_asked_for_a_token_of_the_stages_tenant(azure, monkeypatch):
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")
    azure.write_text(f"{STAGE}tenant_id: contoso.example\n")
    program = azure.parents[2] / "bin/az"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\necho "$@" >> "$HOME/asked"\n'
        'echo \'{"accessToken": "t", "expires_on": 4000000000, "expiresOn": "x"}\'\n'
    )
    program.chmod(0o755)
    workspace = clients.connect(settings.load_stage("az"))

    assert workspace.credential.get_token(signin.ARM_SCOPE).token == "t"
    asked = (azure.parents[2] / "asked").read_text().splitlines()
    assert len(asked) == 1, "a token that lasts is not asked for again"
    assert "--tenant contoso.example" in asked[0]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("AADSTS7000222", "export AZURE_CLIENT_SECRET=..."),
        ("AADSTS7000215", "export AZURE_CLIENT_SECRET=..."),
        ("AADSTS50076", "az login"),
    ],
)
def test_a_service_principals_secret_is_no_matter_of_az_login(code, remedy):
    found = signin.refusal(f"EnvironmentCredential: {code}: It is no good. Trace: 1")

    assert isinstance(found, NotSignedIn)
    assert code in found.problem
    assert "\n" not in found.problem
    assert found.remedies[0].startswith(remedy)


@pytest.mark.parametrize(
    ("address", "remedy"),
    [
        ("https://127.0.0.1:1/x", "invoke cloud.status"),
        ("https://nowhere.invalid/x", signin.NETWORK),
    ],
)
def test_who_does_not_answer_decides_what_to_look_at(address, remedy):
    client = pipeline.pipeline(
        address, pipeline.LocalCredential("t", "me"), retries=0, transport=None
    )
    from azure.core.rest import HttpRequest

    with pytest.raises(Unreachable) as caught, pipeline.refused():
        client.send_request(HttpRequest("GET", address))

    assert caught.value.remedies == (remedy,)
    assert "\n" not in caught.value.problem


def test_a_connection_that_is_cut_is_told_the_same_way():
    with pytest.raises(requests.ConnectionError) as cut:
        requests.get("https://nowhere.invalid/x", timeout=5)

    assert "nowhere.invalid:443" in refusals.silence(str(cut.value))
    assert issubclass(NotSignedIn, OpsError)
