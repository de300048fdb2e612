import pytest

from ops import settings
from ops.alerting import targets
from ops.alerting.secret import Secret
from ops.errors import InvalidSpec, Refused

SECRET = "https://hooks.slack.com/services/T0/B0/secret"


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """Write a stage's `notify` and load it."""
    monkeypatch.setenv("AML_OPS_SPECS", str(tmp_path))
    (tmp_path / "stages").mkdir()

    def load(notify, cloud="localcloud"):
        text = f"cloud: {cloud}\nnotify:\n{notify}"
        (tmp_path / "stages/local.yaml").write_text(text)
        return settings.load_stage("local")

    return load


def test_a_group_may_tell_by_every_way(stage):
    found = targets.of(
        stage(
            "  on-call:\n"
            "    webhook: [https://example.com/a, {url_env: HOOK}]\n"
            "    email: oncall@example.com\n"
            "  team:\n"
            "    slack: {channel: '#ml-ops', token_file: ~/.slack}\n"
            "    teams: {url_file: ~/.teams}\n"
        )
    )

    on_call, team = found
    assert [hook.text or hook.env for hook in on_call.webhooks] == [
        "https://example.com/a",
        "HOOK",
    ]
    assert on_call.emails == ("oncall@example.com",)
    assert on_call.resource_name == "aml-ops-on-call"
    assert team.slack.token.file == "~/.slack"
    assert team.teams.url.file == "~/.teams"
    assert on_call.has_receivers
    assert not team.has_receivers


def test_all_that_is_wrong_is_told_at_once_by_file_and_key(stage):
    with pytest.raises(InvalidSpec) as refusal:
        stage(
            "  On Call: {webhook: http://example.com, mail: x}\n"
            "  nobody: {}\n"
            "  team:\n"
            "    email: [oncall]\n"
            "    slack: {token_env: 'A B', api: http://slack.example}\n"
            "    teams: {url_file: a, url_env: B}\n"
        )

    told = str(refusal.value)
    for key, text in {
        "On Call": "small letters",
        "On Call.webhook.url": "must be an https:// URL",
        "On Call.mail": "did you mean email?",
        "nobody": "tells nobody",
        "team.email[0]": "'oncall' is no e-mail address",
        "team.slack.channel": "must name a channel",
        "team.slack.token_env": "name of an environment variable",
        "team.slack.api": "must be an https:// URL",
        "team.teams": "needs one of url_env, url_file",
    }.items():
        lines = [line for line in told.splitlines() if f"notify.{key}: " in line]
        assert [text in line for line in lines] == [True], key
    assert "specs/stages" in told or "stages/local.yaml" in told


@pytest.mark.parametrize(
    "notify",
    [
        f"  team: {{slack: {SECRET}}}",
        f"  team: {{slack: {{url: {SECRET}}}}}",
        f"  team: {{slack: {{url_file: {SECRET}}}}}",
        f"  team: {{teams: {{url_env: {SECRET}}}}}",
        f"  team: {SECRET}",
    ],
)
def test_what_may_be_a_secret_is_in_no_message(stage, notify):
    with pytest.raises(InvalidSpec) as refusal:
        stage(notify)

    assert "/secret" not in str(refusal.value)


def test_azure_can_not_reach_the_loopback():
    data = {"a": {"webhook": "http://127.0.0.1:9000/hook"}}

    assert targets.check(data, local=True)[1] == []
    assert "loopback" in str(targets.check(data, local=False)[1][0])


def test_a_secret_file_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "token"
    path.write_text("xoxb-1\n")
    secret = Secret(where="notify.team.slack.token", file=str(path))

    path.chmod(0o640)
    with pytest.raises(Refused, match="mode 0640") as refusal:
        secret.read()
    assert f"chmod 600 {path}" in str(refusal.value)

    path.chmod(0o600)
    assert secret.read() == "xoxb-1"


@pytest.mark.parametrize("text", ["", "two words", "two\nlines"])
def test_a_secret_file_holds_one_word(tmp_path, text):
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(0o600)

    with pytest.raises(Refused, match=r"one word on one line") as refusal:
        Secret(where="x", file=str(path)).read()

    assert not text or text not in str(refusal.value)


def test_an_url_from_a_file_is_checked_like_any_other(tmp_path):
    path = tmp_path / "url"
    path.write_text("ftp://example.com/secret")
    path.chmod(0o600)

    with pytest.raises(Refused, match="must be an https:// URL") as refusal:
        targets.url(Secret(where="x", file=str(path)))

    assert "/secret" not in str(refusal.value)
