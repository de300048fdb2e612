"""What the live page shows at first: readings that are made once, and plain HTML."""

import threading
from datetime import UTC, datetime

from dash import dcc, html

from ops.boards import boardfile
from ops.page import looks, markup, view
from ops.page.kept import Kept

NOW = datetime(2026, 11, 25, 14, 2, 30, tzinfo=UTC)
BOARDS = boardfile.load()


def test_what_a_browser_shows_at_first_is_text_whatever_others_wrote():
    wild = "<script>1</script> {%scripts%} \"x\" onload='y'"
    told = {"data-tables": wild}
    part = html.Div([html.B(wild), None, 3], className="a", id={"of": "x"}, **told)

    made = markup.written([part])

    assert made.startswith('<div class="a" data-tables="&lt;script&gt;1')
    assert made.endswith("</b>3</div>")
    assert "<script" not in made
    assert "{%" not in made
    assert made.count('"') == 4


def test_a_browser_shows_at_first_what_the_library_will_show():
    field = dcc.Input(name="reason", required=True, disabled=False)
    link = dcc.Link("hold", href="/?a=1&b=2", className="on")
    parts = [field, link, dcc.Interval(id="tick"), html.P("x", hidden=True)]
    split = html.Span(style={"width": "30%"})

    assert markup.written(parts) == (
        '<div class="dash-input-container"><input name="reason" required></div>'
        '<a class="on" href="/?a=1&amp;b=2">hold</a><p hidden>x</p>'
    )
    assert markup.written(split) == '<span data-style="width: 30%"></span>'


def test_panels_that_are_drawn_from_the_same_rows_are_read_once():
    shown = view.parse("?board=overview&range=1h", BOARDS, NOW)
    board = {each.id: each for each in BOARDS["overview"].panels()}
    of = {name: looks.key(each, shown) for name, each in board.items()}

    assert of["overview.rate"] == of["overview.errors"] == of["overview.latency"]
    assert looks.key(looks.CHANGES, shown) == of["overview.changes"]
    assert len(set(of.values())) == len(of) - 2
    values = looks.whole(board["overview.rate"], shown.board).show
    assert set(values) == {"PerMinute", "FailedPercent", "P50", "P95", "P99"}
    assert looks.key(board["overview.rate"], shown.over("6h")) != of["overview.rate"]


def test_what_is_kept_is_told_at_once_while_it_is_good():
    kept = Kept()
    kept.get("rate", 60, lambda before: "rows")
    kept.get("old", 0, lambda before: "rows")

    assert kept.fresh("rate") == "rows"
    assert kept.fresh("old") is None
    assert kept.fresh("never asked for") is None


def test_a_reading_is_made_once_for_all_who_ask_at_the_same_time():
    kept, made, begun = Kept(), [], threading.Barrier(4)

    def ask():
        begun.wait()
        kept.get("rate", 60, lambda before: made.append(before) or len(made))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert made == [None]


def test_a_night_of_looking_keeps_no_more_readings_than_an_hour():
    kept = Kept(most=3)

    for number in range(1000):
        kept.get(number, 60, lambda before: "rows")

    assert len(kept) == 3


def test_a_reading_that_is_old_is_made_anew_and_knows_the_last_one():
    kept = Kept()

    assert kept.get("rate", 0, lambda before: (before, 1)) == (None, 1)
    assert kept.get("rate", 0, lambda before: (before, 2)) == ((None, 1), 2)
