"""What the live page answers to requests that no page of its own would send."""

import json
import logging
import random
from contextlib import suppress

import pytest

from ops.boards import boardfile
from ops.errors import Unreachable
from ops.page import app, guard, serving, updates
from ops.page.controls import Hands
from ops.page.looks import Looks
from ops.settings import Stage

PORT, KEY = 8123, "k" * 32
HOST = f"127.0.0.1:{PORT}"
BOARDS = boardfile.load()
NAMES = {each.id for board in BOARDS.values() for each in board.panels()}
OWN = {"Host": HOST, "Origin": f"http://{HOST}"}


def nowhere(stage):
    raise Unreachable("There is nothing to look at.")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    stage = Stage(name="local", cloud="localcloud", path=tmp_path_factory.mktemp("s"))
    looks = Looks(stage, "iris", attach=nowhere)
    built = app.build(looks, BOARDS, Hands(looks, ""))
    serving.guarded(built, PORT, KEY, NAMES)
    return built


@pytest.fixture
def browser(built):
    """One that has opened the printed address."""
    client = built.server.test_client()
    client.set_cookie(guard.cookie(PORT), KEY, domain="127.0.0.1")
    return client


def send(browser, content, kind="application/json"):
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    return browser.post(updates.PATH, data=content, headers=OWN, content_type=kind)


def update(built, output):
    """What the page sends to have that output renewed."""
    known = built.callback_map[output]
    name = sorted(each.id for each in BOARDS["overview"].panels())[0]

    def given(dependency):
        pattern = updates._pattern(dependency["id"])
        id_ = {k: name if isinstance(v, list) else v for k, v in pattern.items()}
        kind = dependency["property"]
        value = {"id": id_, "pathname": "/", "search": ""}.get(kind)
        one = {"id": id_ or dependency["id"], "property": kind, "value": value}
        return [one] if ["ALL"] in pattern.values() else one

    def place(output):
        id_ = output.component_id
        if not isinstance(id_, str):
            id_ = {k: v if isinstance(v, str) else name for k, v in id_.items()}
        return {"id": id_, "property": output.component_property}

    places = known["output"]
    return {
        "output": output,
        "outputs": [*map(place, places)] if isinstance(places, list) else place(places),
        "inputs": [given(each) for each in known["inputs"]],
        "state": [given(each) for each in known["state"]],
        "changedPropIds": [],
    }


def test_what_the_page_asks_for_is_answered(built, browser, caplog):
    for output in built.callback_map:
        assert send(browser, update(built, output)).status_code in (200, 204), output
    assert not caplog.records


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"output": "nothing.children"}, "no such output"),
        ({"output": 7}, "no such output"),
        ({"output": None}, "no such output"),
        ({"inputs": []}, "takes 2 inputs"),
        ({"inputs": "x"}, "takes 2 inputs"),
        ({"inputs": [1, 2]}, "takes pathname"),
        ({"state": []}, "takes 1 state"),
        ({"outputs": 5}, "number of outputs"),
        ({"outputs": [{"id": "page", "property": "children"}]}, "number of outputs"),
        ({"changedPropIds": [1]}, "no list of names"),
    ],
)
def test_an_update_that_makes_no_sense_is_refused_in_one_line(
    built, browser, caplog, change, says
):
    output = next(each for each in built.callback_map if "page.children" in each)

    answer = send(browser, update(built, output) | change)

    assert answer.status_code == 400
    assert says in answer.text
    assert len(answer.text.splitlines()) == 1
    assert not caplog.records


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"no json", "application/json"),
        (b"[1]", "application/json"),
        (b"", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"\xff\xfe\xfd", "application/json"),
        (b"{}", "text/plain"),
        (b"a=b", "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_is_no_update_is_refused(browser, content, kind):
    assert send(browser, content, kind).status_code == 400


def mutated(value, draw):
    """The same document with one place in it replaced by something else."""
    junk = [None, 7, -1.5, True, "x", "", [], {}, [[]], {"a": 1}, "x" * 5000]
    if draw.random() < 0.2 or not isinstance(value, dict | list) or not value:
        return draw.choice(junk)
    copy = value.copy()
    key = draw.choice(list(copy) if isinstance(copy, dict) else range(len(copy)))
    copy[key] = mutated(copy[key], draw)
    return copy


def test_whatever_is_changed_in_an_update_no_traceback_is_seen(built, browser, caplog):
    draw = random.Random(3)
    updates_ = [update(built, output) for output in built.callback_map]
    taken = []
    for _ in range(2000):
        content = mutated(draw.choice(updates_), draw)
        with suppress(updates.Senseless):
            sent = json.dumps(content).encode()
            updates.check(sent, "application/json", built.callback_map, NAMES)
            taken.append(content)
    assert 0 < len(taken) < 500
    with caplog.at_level(logging.WARNING):
        for content in taken[:: len(taken) // 20]:
            assert send(browser, content).status_code in (200, 204, 400)
    assert not caplog.records


@pytest.mark.parametrize(
    "click",
    [
        *({}, {"points": []}, {"points": "x"}, {"points": [{"customdata": 1}]}),
        {"points": [{"customdata": "blue", "x": "yesterday"}]},
    ],
)
def test_a_click_on_no_point_leads_nowhere(built, browser, click):
    body = update(built, "url.href")
    ((given,),) = body["inputs"]
    given["value"] = click
    name = json.dumps(given["id"], sort_keys=True, separators=(",", ":"))
    body["changedPropIds"] = [f"{name}.clickData"]

    assert send(browser, body).status_code in (200, 204, 400)


def test_a_mistake_of_ours_is_one_line_in_the_terminal(built, caplog):
    server = type(built.server)("page")
    other = type("Built", (), {"server": server, "csp_hashes": lambda self: []})()
    serving.guarded(other, PORT, "", ())

    @server.get("/broken")
    def broken():
        raise KeyError("missing")

    answer = server.test_client().get("/broken", headers=OWN)

    assert (answer.status_code, answer.text.count("\n")) == (500, 0)
    assert [record.exc_info for record in caplog.records] == [None]
    assert "KeyError" in caplog.text


# Who may read


@pytest.mark.parametrize("path", ["/", "/_dash-layout", "/alive", "/assets/page.css"])
def test_without_the_printed_address_nobody_reads(built, path):
    client = built.server.test_client()

    for query in ("", "?token=", "?token=wrong"):
        answer = client.get(path + query, headers={"Host": HOST})
        assert answer.status_code == 403
        assert "invoke dashboard" in answer.text


def test_the_printed_address_becomes_a_cookie_and_leaves_the_address(built):
    client = built.server.test_client()

    answer = client.get(f"/?board=rollout&token={KEY}", headers={"Host": HOST})

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/?board=rollout"
    assert answer.headers["Cache-Control"] == "no-store"
    cookie = answer.headers["Set-Cookie"]
    assert f"aml-ops-{PORT}={KEY}; HttpOnly; Path=/; SameSite=Lax" in cookie
    assert client.get("/alive", headers={"Host": HOST}).status_code == 204


def test_an_open_page_asks_for_no_key(built):
    server = type(built.server)("page")
    other = type("Built", (), {"server": server, "csp_hashes": lambda self: []})()
    serving.guarded(other, PORT, "", ())
    server.get("/alive")(lambda: "yes")

    assert server.test_client().get("/alive", headers={"Host": HOST}).text == "yes"
    assert guard.opened_by("http://127.0.0.1:1/", "") == "http://127.0.0.1:1/"


def test_the_key_leads_to_no_other_host(built):
    client = built.server.test_client()

    answer = client.get(f"//evil.example/?token={KEY}", headers={"Host": HOST})

    assert "//" not in answer.headers.get("Location", "/")
