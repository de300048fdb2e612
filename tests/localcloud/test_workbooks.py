"""Workbooks on the wire: what is kept, given back, listed and refused."""

import json

import pytest

from tests.local_transport import InProcess

NAME = "deadb33f-5e0d-4064-8ebb-1a4ed0313eb2"
CONTENT = json.dumps({"version": "Notebook/1.0", "items": []})


@pytest.fixture
def cloud(tmp_path):
    cloud = InProcess(tmp_path)
    yield cloud
    cloud.close()


@pytest.fixture
def ask(cloud):
    """(status, body) of a request to a workbook, "" for all of the group."""

    def ask(method, name=NAME, body=None, *, query="", who=""):
        path = f"{cloud.cloud.group}/providers/Microsoft.Insights/workbooks"
        version = f"?api-version=2023-06-01{query}"
        where = f"{path}/{name}" if name else path
        reply = cloud.ask(method, where + version, body, who)
        return reply.status, json.loads(reply.body) if reply.body else None

    return ask


def workbook(**properties):
    given = {
        "displayName": "Overview",
        "category": "workbook",
        "serializedData": CONTENT,
        "version": "Notebook/1.0",
        "sourceId": "Azure Monitor",
    }
    return {
        "location": "local",
        "kind": "shared",
        "tags": {"team": "a"},
        "properties": {**given, **properties},
    }


def test_a_workbook_is_given_back_as_it_was_sent(ask):
    status, made = ask("PUT", body=workbook(), who="ana")

    again, found = ask("GET", query="&canFetchContent=true")

    assert (status, again) == (201, 200)
    assert ask("PUT", body=workbook())[0] == 200
    assert found == made
    assert found["properties"]["serializedData"] == CONTENT
    assert found["properties"]["userId"] == "ana"
    assert found["tags"] == {"team": "a", "hidden-title": "Overview"}


def test_the_content_is_left_out_unless_asked_for(ask):
    ask("PUT", body=workbook())

    _, found = ask("GET")
    _, listed = ask("GET", "", query="&category=workbook")

    assert found["properties"]["serializedData"] is None
    assert listed["value"] == [found]


def test_workbooks_are_listed_by_category_and_source(ask):
    ask("PUT", body=workbook())

    def count(query):
        return len(ask("GET", "", query=query)[1]["value"])

    assert count("&category=workbook&sourceId=azure%20monitor") == 1
    assert count("&category=workbook&sourceId=else") == 0
    assert count("&category=TSG") == 0


def test_a_patch_replaces_what_it_gives_in_a_new_revision(ask):
    _, before = ask("PUT", body=workbook())

    status, after = ask("PATCH", body={"properties": {"displayName": "New"}})

    assert status == 200
    assert after["properties"]["serializedData"] == CONTENT
    assert after["properties"]["revision"] != before["properties"]["revision"]
    assert after["tags"]["hidden-title"] == "New"
    assert ask("PATCH", body={"properties": {"sourceId": "x"}})[0] == 400


def test_a_deleted_workbook_is_gone(ask):
    ask("PUT", body=workbook())

    assert [ask("DELETE")[0], ask("DELETE")[0], ask("GET")[0]] == [200, 204, 404]


@pytest.mark.parametrize(
    ("name", "body", "text"),
    [
        ("overview", workbook(), "must be a GUID"),
        (NAME, workbook(displayName=""), "properties.displayName is required"),
        (NAME, workbook(serializedData={"items": []}), "serializedData is required"),
        (NAME, workbook(serializedData="{"), "must be a string of valid JSON"),
        (NAME, {**workbook(), "kind": "user"}, "must be shared"),
        (NAME, {**workbook(), "location": ""}, "location must be given"),
        (NAME, {**workbook(), "tags": {"a": 1}}, "tags must map names to strings"),
    ],
)
def test_a_wrong_workbook_is_refused(ask, name, body, text):
    status, answer = ask("PUT", name, body)

    assert status == 400
    assert text in answer["error"]["message"]


def test_a_list_needs_a_category_and_takes_no_unknown_filter(ask):
    assert ask("GET", "")[0] == 400
    assert ask("GET", "", query="&category=workbook&tags=a")[0] == 501
