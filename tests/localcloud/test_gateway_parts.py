"""The gateway's pure parts: choice, credentials, headers, the table."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from gateway_rig import KEY, deployment, endpoint
from multidict import CIMultiDict

from ops.localcloud.gateway.choice import choose, fewest, mirrored
from ops.localcloud.gateway.credentials import authenticate
from ops.localcloud.gateway.headers import client_request_id, to_client, to_instance
from ops.localcloud.gateway.table import Follower, Instance, parse

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
DRAWS = [draw / 1000 for draw in range(1000)]


def table_of(**endpoints):
    return parse(json.dumps({"version": 1, "endpoints": endpoints}))


def iris(**changes):
    return table_of(iris=endpoint(**changes)).endpoints["iris"]


def token(secret="5a" * 32, minutes=5, **changes):
    claims = {
        "exp": int((NOW + timedelta(minutes=minutes)).timestamp()),
        "endpointName": "iris",
        "aud": "azureml",
        "iss": "azureml",
        "oid": "caller",
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, secret, algorithm="HS256")


@pytest.mark.parametrize(
    ("traffic", "shares"),
    [
        ({"blue": 80, "green": 20}, {"blue": 800, "green": 200}),
        ({"blue": 0, "green": 100}, {"green": 1000}),
        ({"blue": 10, "green": 10}, {"blue": 500, "green": 500}),
        ({"blue": 0}, {None: 1000}),
        ({}, {None: 1000}),
    ],
)
def test_traffic_is_split_by_weight(traffic, shares):
    assert Counter(choose(traffic, draw) for draw in DRAWS) == shares


def test_mirror_takes_its_percentage_of_all_requests():
    shares = Counter(mirrored({"green": 10}, draw) for draw in DRAWS)

    assert shares == {"green": 100, None: 900}


def test_the_least_busy_instance_is_chosen_and_equals_share():
    a, b, c = (Instance(id=name, port=1) for name in "abc")

    chosen = Counter(fewest([a, b, c], {"b": 1}, draw).id for draw in DRAWS)

    assert chosen == {"a": 500, "c": 500}


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (f"Bearer {KEY}", ""),
        ("bearer the-secondary-key", ""),
        (f"Bearer {KEY}x", "key_auth_access_denied"),
        ("Bearer \udcff", "key_auth_access_denied"),
        ("Bearer ", "key_auth_bad_header_forbidden"),
        (f"Basic {KEY}", "key_auth_bad_header_forbidden"),
        (KEY, "key_auth_bad_header_forbidden"),
        (None, "key_auth_bad_header_forbidden"),
    ],
)
def test_a_key_is_judged(header, reason):
    assert authenticate(iris(), header, NOW).reason == reason


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (token(), ""),
        (token(minutes=0), "token_auth_expired"),
        (token(exp=None), "token_auth_access_denied"),
        (token(exp="soon"), "token_auth_access_denied"),
        (token(endpointName="other"), "token_auth_access_denied"),
        (token(endpointName=None), "token_auth_access_denied"),
        (token(aud="else"), "token_auth_access_denied"),
        (token(secret="6b" * 32), "token_auth_access_denied"),
        (token().rsplit(".", 1)[0] + ".", "token_auth_access_denied"),
        (KEY, "token_auth_access_denied"),
        ("\udcff.a.b", "token_auth_access_denied"),
    ],
)
def test_a_token_is_judged(given, reason):
    endpoint_ = iris(auth_mode="AMLToken")

    assert authenticate(endpoint_, f"Bearer {given}", NOW).reason == reason


def test_a_token_names_its_caller():
    verdict = authenticate(iris(auth_mode="AMLToken"), f"Bearer {token()}", NOW)

    assert verdict.identity == "caller"


def test_a_name_behind_the_control_planes_token_lets_in_too():
    endpoint_ = iris(auth_mode="AADToken", credentials=["t"])

    assert authenticate(endpoint_, "Bearer t~ana@laptop", NOW).reason == ""
    assert authenticate(endpoint_, "Bearer x~t", NOW).reason


@pytest.mark.parametrize("credentials", [[], [""]])
def test_no_credential_lets_in_when_there_is_none(credentials):
    endpoint_ = iris(auth_mode="AADToken", credentials=credentials)

    assert authenticate(endpoint_, "Bearer x", NOW).reason == "token_auth_access_denied"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a-B_9", "a-B_9"),
        ("x" * 40, "x" * 40),
        ("x" * 41, "x" * 40),
        ("a b", "ab"),
        ("a\r\nb", "ab"),
        ("ä", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_client_request_id_is_echoed_as_far_as_it_is_valid(given, kept):
    assert client_request_id(given) == kept


def test_an_instance_gets_no_credential_and_nothing_meant_for_this_hop():
    given = CIMultiDict(
        {
            "Authorization": "Bearer secret",
            "Connection": "keep-alive, X-Hop",
            "X-Hop": "1",
            "Transfer-Encoding": "chunked",
            "X-Kept": "ä",
            "X-Raw": "\udcff",
            "x-request-id": "theirs",
        }
    )

    assert to_instance(given, "ours", "") == {"X-Kept": "ä", "x-request-id": "ours"}


def test_an_answer_keeps_the_models_headers_and_hides_its_server():
    given = CIMultiDict(
        [("Server", "gunicorn"), ("Set-Cookie", "a"), ("Set-Cookie", "b")]
    )

    answer = to_client(given, "blue", "id", "mine")

    assert answer.getall("Set-Cookie") == ["a", "b"]
    assert answer["Server"] == "azureml-frontdoor"
    assert answer["azureml-model-deployment"] == "blue"
    assert answer["x-ms-client-request-id"] == "mine"


def test_the_limit_counts_instances_asked_for_not_those_ready():
    facts = deployment(1, max_concurrent=3, instance_count=4)
    table = table_of(iris=endpoint(deployments={"blue": facts}))

    assert table.endpoints["iris"].deployments["blue"].limit == 24


@pytest.mark.parametrize(
    "changes",
    [
        {"auth_mode": "None"},
        {"traffic": {"blue": "80"}},
        {"traffic": {"blue": -1}},
        {"mirror": []},
        {"credentials": [1]},
        {"log": {}},
        {"deployments": {"blue": deployment(0)}},
        {"deployments": {"blue": deployment(1, max_concurrent=0)}},
        {"deployments": {"blue": deployment(1, request_timeout_ms=True)}},
        {"deployments": {"blue": {}}},
        {"deployments": {"blue": None}},
    ],
)
def test_a_wrong_table_changes_nothing(tmp_path, caplog, changes):
    file = tmp_path / "routes.json"
    file.write_text(json.dumps({"version": 1, "endpoints": {"iris": endpoint()}}))
    follower = Follower(file)
    before = follower.current()

    wrong = {"version": 2, "endpoints": {"iris": endpoint(**changes)}}
    (tmp_path / "next").write_text(json.dumps(wrong))
    (tmp_path / "next").replace(file)

    assert follower.current() is before
    assert "version 1 stays in force" in caplog.text
    assert KEY not in caplog.text


def test_a_table_that_cannot_be_read_is_reported_once(tmp_path, caplog):
    file = tmp_path / "routes.json"
    file.write_text("{")
    follower = Follower(file)

    assert [follower.current().version for _ in range(3)] == [0, 0, 0]
    assert len(caplog.records) == 1
