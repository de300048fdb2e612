"""Endpoints through the SDK: settings, keys and tokens, lists, refusals."""

import jwt
import pytest
from azure.ai.ml.entities import ManagedOnlineEndpoint
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError


def create(ml, name, **options):
    endpoint = ManagedOnlineEndpoint(name=name, **{"auth_mode": "key", **options})
    return ml.online_endpoints.begin_create_or_update(endpoint).result()


def test_an_endpoint_comes_back_as_it_was_made(ml):
    create(ml, "made", tags={"team": "ml"})

    found = ml.online_endpoints.get("made")

    assert found.auth_mode == "key"
    assert found.tags == {"team": "ml"}
    assert found.traffic == {}
    assert found.provisioning_state == "Succeeded"
    assert found.scoring_uri.startswith("http://127.0.0.1:")
    assert found.scoring_uri.endswith("/made/score")
    assert found.openapi_uri.endswith("/made/swagger.json")
    assert found.identity.type == "system_assigned"
    assert found.public_network_access == "Enabled"


def test_public_access_is_taken_in_the_lower_case_of_files(ml):
    create(ml, "private", public_network_access="disabled")

    assert ml.online_endpoints.get("private").public_network_access == "Disabled"


def test_a_missing_endpoint_is_not_found(ml):
    with pytest.raises(ResourceNotFoundError) as raised:
        ml.online_endpoints.get("nobody")

    assert raised.value.error.code == "ResourceNotFound"


def test_what_an_update_leaves_out_is_gone(ml):
    create(ml, "replaced", description="first", tags={"a": "1"})

    create(ml, "replaced", tags={"b": "2"})

    found = ml.online_endpoints.get("replaced")
    assert found.tags == {"b": "2"}
    assert not found.description


def test_a_deleted_endpoint_is_gone_from_the_list(ml):
    create(ml, "deleted")
    assert "deleted" in [each.name for each in ml.online_endpoints.list()]

    ml.online_endpoints.begin_delete("deleted").result()

    assert "deleted" not in [each.name for each in ml.online_endpoints.list()]
    with pytest.raises(ResourceNotFoundError):
        ml.online_endpoints.get("deleted")


@pytest.mark.parametrize("key_type", ["primary", "secondary"])
def test_a_regenerated_key_is_another_one(ml, endpoint, key_type):
    before = ml.online_endpoints.get_keys("flow")

    ml.online_endpoints.begin_regenerate_keys("flow", key_type=key_type).result()

    after = ml.online_endpoints.get_keys("flow")
    changed = {
        name
        for name in ("primary", "secondary")
        if getattr(before, f"{name}_key") != getattr(after, f"{name}_key")
    }
    assert changed == {key_type}


def test_token_mode_issues_tokens_for_half_a_day(ml):
    create(ml, "tokens", auth_mode="aml_token")

    token = ml.online_endpoints.get_keys("tokens")

    claims = jwt.decode(token.access_token, options={"verify_signature": False})
    assert claims["endpointName"] == "tokens"
    assert claims["exp"] == token.expiry_time_utc
    assert token.refresh_after_time_utc < token.expiry_time_utc


def test_the_auth_mode_can_change_later(ml):
    create(ml, "modes", auth_mode="aad_token")

    create(ml, "modes", auth_mode="key")

    assert ml.online_endpoints.get_keys("modes").primary_key


@pytest.mark.parametrize(
    ("traffic", "problem"),
    [
        ({"blue": 80, "green": 30}, "sum to 0 or 100, not 110"),
        ({"blue": 50}, "sum to 0 or 100, not 50"),
        ({"blue": 105, "green": -5}, "whole percentage from 0 to 100"),
        ({"blue": 50, "red": 50}, "'red' in the traffic rule does not exist"),
    ],
)
def test_wrong_weights_are_refused_and_change_nothing(ml, deployed, traffic, problem):
    endpoint = ml.online_endpoints.get("flow")
    before = dict(endpoint.traffic)
    endpoint.traffic = traffic

    with pytest.raises(HttpResponseError, match=problem) as raised:
        ml.online_endpoints.begin_create_or_update(endpoint).result()

    assert raised.value.status_code == 400
    assert raised.value.error.code == "BadRequest"
    assert ml.online_endpoints.get("flow").traffic == before


@pytest.mark.parametrize(
    ("mirror", "problem"),
    [
        ({"green": 51}, "at most 50 percent"),
        ({"blue": 10}, "it can't be mirrored"),
        ({"red": 10}, "does not exist"),
    ],
)
def test_wrong_mirrors_are_refused(ml, deployed, mirror, problem):
    endpoint = ml.online_endpoints.get("flow")
    endpoint.mirror_traffic = mirror

    with pytest.raises(HttpResponseError, match=problem):
        ml.online_endpoints.begin_create_or_update(endpoint).result()

    assert not ml.online_endpoints.get("flow").mirror_traffic
