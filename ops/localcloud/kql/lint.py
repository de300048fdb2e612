"""Warnings: what runs, but may answer otherwise on Azure."""

from ops.localcloud.kql import lexer
from ops.localcloud.kql.lexer import Token
from ops.localcloud.kql.results import Warning

ESTIMATES = {"dcount", "dcountif", "percentile", "percentiles", "top-hitters"}
ENDS = {"endofday", "endofweek", "endofmonth", "endofyear"}  # at .9999999

MESSAGES = {
    "LINT001": "{} is exact here and an estimate on Azure: results may differ by "
    "about 1 %, which matters for a threshold nearby.",
    "LINT003": "{} is a real here: digits beyond the sixteenth are lost.",
    "LINT004": "The {} is cut: times are kept to the "
    "microsecond here, to 100 ns on Azure.",
}


def warnings(kql: str) -> list[Warning]:
    """All warnings for a query that was accepted, in the order of its text."""
    words = lexer.tokens(kql)
    found = [
        at(kql, code, words[index])
        for index in range(len(words))
        if (code := code_of(words, index))
    ]
    return found


def code_of(words: list[Token], index: int) -> str:
    """The warning that a word deserves, or ''."""
    word = words[index]
    following = words[index + 1].text if index + 1 < len(words) else ""
    name = word.text.lower()
    if word.kind == "moment" and sub_microsecond(name):
        return "LINT004"
    if following != "(":
        return ""
    if name in ENDS:
        return "LINT004"
    if name in ESTIMATES:
        return "LINT001"
    return "LINT003" if name in ("decimal", "todecimal") else ""


def sub_microsecond(moment: str) -> bool:
    """Does a datetime literal have a seventh digit after its point, not a zero?"""
    _, _, fraction = moment.rpartition(".")
    digits = fraction.rstrip(")z ").rstrip("0")
    return digits.isdigit() and len(digits) > 6


def at(kql: str, code: str, word: Token) -> Warning:
    line, position = lexer.place(kql, word.start)
    name = word.text.partition("(")[0]
    return Warning(code, MESSAGES[code].format(name), line, position)
