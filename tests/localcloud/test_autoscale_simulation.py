"""A setting played over a load, minute by minute."""

import math
import time

from ops.localcloud.autoscaling.simulation import simulate
from tests.localcloud.autoscale_rig import CPU, TARGET, profile, properties, rule

DAY, WEEK = 1440, 7 * 1440


def played(*rules, values, instances=1, minutes=None, **more):
    cpu = {"metric": CPU, "resource": TARGET, "values": values}
    told = {
        "properties": properties(profile(*rules)),
        "start": "2026-11-23T00:00:00+00:00",
        "minutes": minutes or len(values),
        "instances": instances,
        "loads": [{**cpu, "shared": True, "most": 100}],
    }
    return simulate({**told, **more})


def moves(play):
    return [(each["before"], each["after"]) for each in play["actions"]]


def test_load_that_rises_and_falls_is_followed():
    play = played(
        rule("> 60", "+1"),
        rule("< 27", "-1"),
        values=[40] * 10 + [100] * 30 + [20] * 40,
    )

    assert moves(play) == [(1, 2), (2, 1)]
    assert play["counts"][9] == 1
    assert play["counts"][30] == 2
    assert play["short_minutes"] == 2, "until five minutes together were over 60 %"
    assert not any(each["flap"] for each in play["actions"])


def test_an_instance_serves_once_it_has_started():
    play = played(rule("> 60", "+1"), values=[90] * 20, starting_minutes=6)

    (first, *_) = [i for i, count in enumerate(play["counts"]) if count == 2]
    assert play["serving"][first + 5] == 1
    assert play["serving"][first + 6] == 2


def test_no_point_of_a_gap_scales_in():
    play = played(
        rule("> 60", "+1"), rule("< 27", "-1"), instances=3, values=[None] * 9
    )

    assert play["actions"] == []
    assert play["without_data"] == 9


def test_what_the_maximum_stands_against_is_counted():
    play = played(rule("> 60", "+1"), values=[900] * 60, instances=10)

    assert play["short_minutes"] == 60
    assert play["deferred"] == {"at_maximum": 60}


def test_an_action_that_is_taken_back_at_once_is_a_flap():
    """The load comes and goes faster than the rules look back."""
    nervous = rule("> 60", "+1", cooldown="PT1M"), rule("< 50", "-1", cooldown="PT1M")
    calm = rule("> 60", "+1", cooldown="PT30M"), rule("< 5", "-1", cooldown="PT30M")
    values = ([20] * 6 + [130] * 6) * 10

    assert sum(each["flap"] for each in played(*nervous, values=values)["actions"]) > 5
    assert not any(each["flap"] for each in played(*calm, values=values)["actions"])


def test_a_week_of_minutes_takes_less_than_two_seconds():
    values = [
        60 + 300 * max(0, math.sin(math.tau * i / DAY - 1.5)) for i in range(WEEK)
    ]

    began = time.process_time()
    play = played(rule("> 60", "+1"), rule("< 27", "-1"), values=values)

    assert time.process_time() - began < 2
    assert len(play["counts"]) == WEEK
