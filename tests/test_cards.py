"""What a message about an alert says, and what it can't be made to say."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from ops.alerting import cards
from tests.test_firedview import ERRORS, NOON, OVER

EVIL = "<!channel> <@U1> <https://evil|here> `x` & [a](https://evil)\n\x1b[2J"


def shown(alert, recent=()):
    return cards.card(alert, "prod", NOON, recent)


def test_a_card_says_rule_value_deployment_since_when_and_what_to_type():
    text = shown(ERRORS, [0, 5, None, 12.4]).text

    assert text.splitlines() == [
        "Sev 1: errors on green",
        "green fails more than 5% of its requests",
        "endpoint: iris on prod",
        "value: 12.4% over 5%",
        "recent: ▁▄ █",
        "since: 2026-11-25 11:53:00 UTC (7m)",
        "alert: 1a2b3c4d",
        "runbook: alerts/runbooks/errors.md",
        "next: invoke diagnose --endpoint iris",
    ]


def test_what_is_over_says_how_long_it_lasted_and_asks_for_nothing():
    text = shown(OVER).text

    assert text.startswith("Resolved: latency on green, after 5m")
    assert "next:" not in text


def test_slack_and_teams_show_the_same():
    card = shown(ERRORS)
    slack, teams = json.dumps(cards.slack(card)), json.dumps(cards.teams(card))

    for said in (card.title, card.summary, card.command, card.runbook):
        assert said in slack
        assert said in teams
    assert cards.COLOURS[True] in slack
    assert '"color": "attention"' in teams
    assert '"color": "good"' in json.dumps(cards.teams(shown(OVER)))


def test_nothing_that_others_wrote_mentions_anybody_or_links_in_slack():
    card = shown(replace(ERRORS, rule=EVIL, summary=EVIL, runbook=EVIL, next=EVIL))

    for text in marked_up(cards.slack(card)):
        assert "<" not in text
        assert ">" not in text.replace("&gt;", "")
        assert text.count("`") in (0, 2)
    assert "\\u001b" not in json.dumps(cards.slack(card))


def marked_up(value, inside=""):
    """Every text in which Slack looks for markup."""
    if isinstance(value, dict):
        if value.get("type") == "plain_text":
            return
        for key, inner in value.items():
            yield from marked_up(inner, key)
    elif isinstance(value, list):
        for each in value:
            yield from marked_up(each, inside)
    elif isinstance(value, str) and inside == "text":
        yield value


def test_teams_reads_no_markdown_in_what_others_wrote():
    content = cards.teams(shown(replace(ERRORS, summary=EVIL)))["attachments"][0]
    kinds = {each["type"] for each in content["content"]["body"]}

    assert kinds == {"RichTextBlock"}
    assert "entities" not in json.dumps(content)


def test_long_texts_are_cut_to_what_slack_takes():
    body = cards.slack(shown(replace(ERRORS, rule="r" * 500, summary="s" * 5000)))
    header, summary, *_ = body["attachments"][0]["blocks"]

    assert len(header["text"]["text"]) == 150
    assert len(summary["text"]["text"]) == cards.MOST


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([None, None], ""),
        ([0, 0], "▁▁"),
        ([None, 1, 2, 4], "▃▅█"),
        ([-1, 1], "▁█"),
    ],
)
def test_a_sparkline_has_the_latest_on_the_right(values, drawn):
    assert cards.sparkline(values) == drawn


def test_a_test_says_that_nobody_has_to_do_anything():
    card = cards.trial("team", "prod", "ana@desk", NOON + timedelta(hours=1))

    assert "Nothing is wrong" in card.text
    assert ("by", "ana@desk") in card.facts
