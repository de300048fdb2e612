"""The colours of the live page: read by everyone, in light and in dark."""

import re

import pytest

from ops.page import palette
from ops.page.app import ASSETS


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """WCAG 2.2's ratio."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def schemes():
    """The colours of the page by name, in light and in dark."""
    text = (ASSETS / "page.css").read_text()
    found = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    ]
    assert len(found) == 2
    return found


@pytest.mark.parametrize("scheme", schemes(), ids=["light", "dark"])
def test_text_stands_out_from_what_it_stands_on(scheme):
    for ground in ("panel", "paper", "bad-tint"):
        for ink in ("ink", "quiet", "link", "bad", "uneasy", "good"):
            assert contrast(scheme[ink], scheme[ground]) >= 4.5, (ink, ground)
    assert contrast("#ffffff", "#a3181e") >= 4.5  # the banner


@pytest.mark.parametrize("scheme", schemes(), ids=["light", "dark"])
def test_lines_and_limits_stand_out_in_either_scheme(scheme):
    drawn = (*palette.OWN.values(), *palette.OTHERS, palette.BAD, palette.UNEASY)
    for colour in (*drawn, palette.MARK):
        for ground in ("panel", "bad-tint"):
            assert contrast(colour, scheme[ground]) >= 3, (colour, ground)
    for colour in (*palette.OWN.values(), *palette.OTHERS):
        assert contrast("#0b1017", colour) >= 4.5  # what is written on the split
    assert contrast(scheme["focus"], scheme["paper"]) >= 3
