"""The live page in a real browser: on real deployments, and on made-up ones."""

import html
import json
import re
import shutil
import signal
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import replace

import psutil
import pytest
import requests

from ops.boards import boardfile
from ops.boards.model import Panel, Row
from ops.page.looks import Looks
from ops.page.serving import Page
from tests.flows import browser as browsing
from tests.flows.desk import ROOT, make_desk, running
from tests.rollout_rig import Rig

pytestmark = pytest.mark.slow

WILD = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
SLOW = """
steps:
- {weight: 50, bake: 1h, requests: 100000}
guardrails: {saturation: {then: ignore}}
look: 1s
heartbeat: 60s
"""


@pytest.fixture(scope="module")
def browser():
    with browsing.started() as browser:
        yield browser


@pytest.fixture(scope="module")
def desk(browser, tmp_path_factory):
    """Blue is well; green fails whatever it is asked; somebody sends HTML."""
    desk = make_desk(tmp_path_factory.mktemp("page"))
    shutil.copy(ROOT / "tests/flows/moody.py", desk.folder / "scoring/moody.py")
    path = "specs/iris/green.yaml"
    desk.edit(path, "scoring_script: score.py", "scoring_script: moody.py")
    mood = f"environment_variables:\n  MOOD: {desk.folder}/green.json\n"
    desk.edit(path, "environment_variables:\n", mood)
    wild = desk.folder / "wild.json"
    wild.write_text(json.dumps({"data": [[1, 2, WILD, 4]]}))
    with running(desk):
        desk("deploy", "--reason", "the first <b>one</b>")
        desk("deploy", "--deployment", "green")
        (desk.folder / "green.json").write_text('{"fail_ratio": 1}')
        desk("score", "-n", "30", "--deployment", "blue")
        desk("score", "-n", "10", "--deployment", "green", status=3)
        desk("score", "--file", str(wild), "--deployment", "blue", status=3)
        browsing.Browser.until(lambda: rows(desk) >= 41)
        yield desk


def rows(desk):
    text = "AmlOnlineEndpointTrafficLog | count"
    return desk.json("query", text)[0]["Count"]


@contextmanager
def served(desk, *words):
    """`invoke dashboard`, and its address."""
    process = subprocess.Popen(
        desk.command("dashboard", "--json", *words),
        env={**desk.variables(), "PYTHONUNBUFFERED": "1"},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        said = process.stdout.readline() + process.stdout.readline()
        while "}" not in said:
            said += process.stdout.readline()
        yield json.loads(said)["address"]
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
        process.stdout.close()


@pytest.fixture(scope="module")
def printed(browser, desk):
    """The address that was printed, which the browser has opened."""
    with served(desk) as address:
        browser.open(address)
        yield address


@pytest.fixture
def page(printed):
    """Where the page is, without its key: the browser has that as a cookie by now."""
    return printed.partition("?")[0]


def reader(address):
    """Who has opened an address, and is no browser."""
    session = requests.Session()
    session.get(address, timeout=10)
    return session


@pytest.fixture
def session(printed):
    return reader(printed)


@pytest.fixture
def rig(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / "state"))
    rig = Rig(tmp_path)
    yield rig
    rig.close()


def of_rows(*titles, more=()):
    """The overview with some of its rows alone: a test needn't wait for all."""
    board = boardfile.load()["overview"]
    rows = tuple(each for each in board.rows if each.title in titles)
    return {"overview": replace(board, rows=(*rows, *more))}


@contextmanager
def made_up(browser, rig, boards):
    """The page of an endpoint in this process."""
    stage = rig.workspace("page").stage
    looks = Looks(stage, "iris", attach=lambda stage: rig.workspace("page"))
    page = Page(looks, boards, 0)
    thread = threading.Thread(target=page.serve)
    thread.start()
    try:
        yield page.address
    finally:
        browser.driver.get("about:blank")  # it asks for nothing any more
        page.close()
        thread.join(20)


def test_panels_have_data_of_a_real_run(browser, page):
    browser.see(f"{page}?board=overview&range=1h")

    # Each deploy scores a request of its own.
    browser.until(lambda: "200 31 1" in browser.panel("Answers by status").text)
    assert "424 1 10" in browser.panel("Answers by status").text
    assert "iris:1" in browser.panel("What is deployed").text
    browser.until(lambda: len(browser.all(".js-plotly-plot")) >= 6)
    assert "blue" in browser.text(".traffic")


@pytest.mark.parametrize("path", ["", "_dash-layout"])
def test_the_first_answer_has_the_facts_already(page, session, path):
    address = f"{page}?range=1h"

    def told():
        referer = {"Referer": address}
        where = page + path if path else address
        return html.unescape(session.get(where, headers=referer, timeout=10).text)

    # What takes longer than the page waits for is there when it is asked for again.
    numbers = re.compile(r'Failed requests.*?\\?"text\\?":\\?"100%', re.DOTALL)
    assert browsing.Browser.until(lambda: numbers.search(told()))
    assert "none has been begun" in told()


def test_a_bar_leads_to_its_requests_and_the_keyboard_too(browser, page):
    browser.see(f"{page}?range=1h")
    panel = browser.panel("Answers by status")
    cell = next(
        e for e in panel.find_elements("css selector", "td a") if e.text == "10"
    )
    browser.script("arguments[0].focus()", cell)

    browser.bar(panel, 2)

    browser.until(lambda: "status=424" in browser.driver.current_url)
    assert "answered 424" in browser.says("--status 424")
    assert len(browser.all(".lines tbody tr")) == 10


def test_a_bad_deployment_is_red_and_said_to_be_bad(browser, page):
    browser.see(f"{page}?board=overview&range=1h")

    panel = browser.panel("Failed requests")
    assert panel.get_attribute("data-state") == "bad"
    assert "bad: " in panel.text
    browser.until(lambda: "green" in panel.text)
    red = panel.value_of_css_property("border-top-color")
    assert red == browser.panel("Error budget left").value_of_css_property(
        "border-top-color"
    )
    assert red != browser.panel("Requests").value_of_css_property("border-top-color")
    browser.until(lambda: browser.driver.title.startswith("\N{BLACK CIRCLE} bad: iris"))


def test_the_time_decides_what_is_shown(browser, page):
    browser.see(f"{page}?from=2026-01-01T00:00&to=2026-01-01T01:00")
    assert "nothing between" in browser.panel("Requests").text

    browser.link("15m")

    browser.until(lambda: "range=15m" in browser.driver.current_url)
    browser.until(lambda: "blue" in browser.panel("Requests").text)


def test_one_deployment_alone_is_shown_when_the_address_says_so(browser, page):
    browser.see(f"{page}?range=1h&deployment=blue")

    assert "green" not in browser.panel("Requests").text
    browser.until(lambda: browser.all(".js-plotly-plot"))
    browser.link("green")
    browser.until(lambda: "deployment" not in browser.driver.current_url)


def test_two_clicks_lead_from_a_chart_to_a_failing_requests_lines(browser, page):
    browser.see(f"{page}?range=15m")

    browser.point(browser.panel("Failed requests"), 2)
    browser.until(lambda: "/logs?" in browser.driver.current_url)
    assert "in a bad mood" in browser.says("POST /score")
    browser.one(".lines td a").click()

    browser.until(lambda: "request=" in browser.driver.current_url)
    said = browser.says("this one")
    assert "invoke logs --request-id" in said
    assert "POST /score" in said
    browser.link("\N{LEFTWARDS ARROW} the dashboard")
    browser.until(lambda: "range=15m" in browser.driver.current_url)


def test_html_in_a_log_line_is_text(browser, page):
    browser.open(f"{page}logs?kind=failures&deployment=blue")
    said = browser.says("<img src=x")

    assert "onerror" in said
    assert not browser.all("main img, main script")
    assert browser.script("return window.hacked") is None


def test_a_request_without_any_line_says_so(browser, page):
    browser.open(f"{page}logs?request=none-such")

    assert browser.says("no row names request none-such")


def test_what_an_address_cannot_mean_is_said(browser, page):
    browser.open(f"{page}?board=nope&range=1h")

    assert browser.says("There is no dashboard 'nope'")


def test_it_fits_a_phone_and_the_keyboard_reaches_all_of_it(browser, page):
    browser.wide(390)
    try:
        browser.see(f"{page}?range=15m")
        across = browser.script("return document.documentElement.scrollWidth")
        first = browser.script(
            "document.body.tabIndex = -1; document.body.focus();"
            "return document.querySelector('a, button, input').className"
        )
    finally:
        browser.wide(1400)

    assert across <= 390
    assert first == "skip"


def test_nothing_is_asked_of_anybody_else(browser, page):
    browser.see(f"{page}?range=1h")
    browser.until(lambda: browser.all(".js-plotly-plot .main-svg"))

    outside = {
        each
        for each in browser.asked_for()
        if not each.startswith(("http://127.0.0.1:", "data:", "blob:", "chrome"))
    }
    assert not outside
    refused = [each for each in browser.complaints() if "Security" in each]
    assert not [each for each in refused if "inline style" not in each]
    style = browser.one("style[id^='plotly.js-style']")
    rules = browser.script("return arguments[0].sheet.cssRules.length", style)
    assert rules > 10  # what the charts' library needs is not refused


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "", {"Host": "evil.example"}),
        ("GET", "", {"Host": "127.0.0.1"}),
        ("GET", "assets/page.js", {"Sec-Fetch-Site": "cross-site"}),
        ("GET", "_dash-layout", {"Sec-Fetch-Site": "same-site"}),
        ("POST", "_dash-update-component", {"Origin": "http://evil.example"}),
        ("POST", "_dash-update-component", {"Origin": "null"}),
        ("POST", "rollout", {}),
    ],
)
def test_who_comes_from_elsewhere_is_refused(page, session, method, path, headers):
    answer = session.request(method, page + path, headers=headers, timeout=10)

    assert answer.status_code == 403


def test_who_has_not_the_printed_address_reads_nothing(page, printed):
    for path in ("", "_dash-layout", "logs?request=x", "assets/page.js"):
        assert requests.get(page + path, timeout=10).status_code == 403
    assert "token" not in reader(printed).get(page, timeout=10).url


def test_every_answer_keeps_browsers_from_what_the_page_never_does(page, session):
    headers = session.get(page, timeout=10).headers

    rules = headers["Content-Security-Policy"]
    assert "script-src 'self' 'sha256-" in rules
    assert "unsafe-eval" not in rules
    assert "unsafe-inline" not in rules
    assert "frame-ancestors 'none'" in rules
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_nothing_can_be_steered_unless_it_was_allowed(browser, page, session):
    browser.see(f"{page}?board=rollout&range=1h")

    assert not [each for each in browser.all("button") if each.is_enabled()]
    assert "--allow-changes" in browser.text("#why")
    own = {"Origin": page.rstrip("/")}
    form = {"command": "abort", "reason": "x", "token": ""}
    answer = session.post(f"{page}rollout", data=form, headers=own, timeout=10)
    assert answer.status_code == 403
    assert "Read only" in answer.text


def test_a_rollout_is_paused_and_aborted_by_hand(browser, desk):
    (desk.folder / "green.json").write_text("{}")
    policy = desk.folder / "slow.yaml"
    policy.write_text(SLOW)
    desk("rollout.start", "--policy", str(policy), "--detach")
    with served(desk, "--allow-changes") as address:
        page, token = address.partition("?")[0], address.split("#token=")[1]
        own = {"Origin": page.rstrip("/")}
        form = {"command": "abort", "reason": "x", "token": token[:-1]}
        assert (
            reader(address).post(f"{page}rollout", data=form, headers=own).status_code
            == 403
        )
        browser.open(address)
        browser.says("running", ".facts")

        steer(browser, "pause", "is it the batch job?")
        browser.says("paused", ".facts")
        assert token not in browser.driver.current_url
        steer(browser, "abort", "no, it is wrong")
        browser.until(lambda: "aborted" in browser.text(".facts"), 60)

    assert desk.json("status")["traffic"] == {"blue": 100}
    assert "no, it is wrong" in desk("history")


def steer(browser, command, reason):
    button = f"button.{command}"
    browser.until(lambda: browser.one(button).is_enabled())
    browser.one("#reason").send_keys(reason)
    browser.one(button).click()
    browser.until(lambda: "board=rollout" in browser.driver.current_url)


def test_a_dead_back_end_is_told_and_comes_back(browser, desk, page):
    browser.see(f"{page}?range=1h")
    process = psutil.Process(desk.json("cloud.status")["pid"])
    process.send_signal(signal.SIGKILL)
    psutil.wait_procs([process], 10)

    said = browser.says("Not up to date: localcloud is down", "#banner")
    assert "What is shown is of" in said
    assert "blue" in browser.panel("Requests").text
    desk("cloud.up")

    browser.until(lambda: not browser.text("#banner"))


@pytest.mark.long
def test_twenty_deployments_can_be_read(browser, rig):
    more = [f"model-{number:02}" for number in range(2, 20)]
    rig.put_endpoint(deployments=more, traffic=dict.fromkeys(more[:10], 10))
    for number, name in enumerate(["blue", "green", *more]):
        rig.served(name, 20)
        rig.served(name, number, status=500)

    with made_up(browser, rig, of_rows("Traffic", "Failures")) as page:
        browser.wide(390)
        browser.see(f"{page}?range=15m")
        across = browser.script("return document.documentElement.scrollWidth")
        browser.wide(1400)
        panel = browser.panel("Failed requests")
        browser.until(lambda: "model-19" in panel.text)
        listed = browser.script("return arguments[0].textContent", panel)

    assert across <= 390
    assert "8 of 20 lines are drawn: the worst" in listed
    assert listed.index("model-19") < listed.index("model-02")


def test_an_endpoint_without_data_says_so_and_is_not_bad(browser, rig):
    with made_up(browser, rig, of_rows("Traffic", "Failures")) as page:
        browser.see(f"{page}?range=15m")

        assert "nothing between" in browser.panel("Requests").text
        assert not browser.all("[data-state=bad], .problem")


def test_a_query_that_fails_fails_its_own_panel_alone(browser, rig):
    broken = Panel(id="x.y", title="Broken", kind="table", source="logs", query="nope")
    boards = of_rows("Traffic", more=(Row(title="Mine", panels=(broken,)),))
    rig.served("blue", 5)

    with made_up(browser, rig, boards) as page:
        browser.see(f"{page}?range=15m")

        assert "There is no query named 'nope'" in browser.panel("Broken").text
        assert "invoke query --list" in browser.panel("Broken").text
        browser.until(lambda: "blue" in browser.panel("Requests").text)
