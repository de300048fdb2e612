"""What is refused before any translation: size, commands, and what only Azure has."""

import re
from itertools import pairwise

from ops.localcloud.kql import lexer
from ops.localcloud.kql.errors import QueryError, syntax_error
from ops.localcloud.kql.results import Limits
from ops.localcloud.kql.translation import check_syntax

# A zero byte and halves of surrogate pairs, which no UTF-8 text can hold.
UNWRITABLE = re.compile(r"[\x00\ud800-\udfff]")

AZURE_ONLY = {
    "externaldata": "reads a file from the network",
    "series_decompose_anomalies": "is Azure's own model of seasons and outliers",
    "series_decompose_forecast": "is Azure's own model of seasons",
    "series_decompose": "is Azure's own model of seasons",
    **dict.fromkeys(
        ("hll", "hll_merge", "hll_if", "dcount_hll"), "holds Azure's own sketch"
    ),
    **dict.fromkeys(
        ("tdigest", "tdigest_merge", "percentile_tdigest", "rank_tdigest"),
        "holds Azure's own sketch",
    ),
    **dict.fromkeys(("autocluster", "basket", "diffpatterns"), "is Azure's own model"),
    **dict.fromkeys(("workspace", "app", "resource"), "reads another workspace"),
    **dict.fromkeys(("cluster", "database"), "reads another cluster"),
    **dict.fromkeys(("adx", "arg"), "reads another service"),
}


def check(kql: str, limits: Limits) -> None:
    """Raise QueryError unless the text may be translated."""
    if len(kql) > limits.text_characters:
        raise QueryError(
            f"The query text is {len(kql):,} characters long; localcloud takes "
            f"{limits.text_characters:,}.",
            code="SyntaxError",
            inner_code="SYN0004",
        )
    if found := UNWRITABLE.search(kql):
        raise lexer.unparsed(kql, found.start())
    words = lexer.tokens(kql)
    if not words:
        raise syntax_error(1, 0, "")
    if words[0].text == ".":
        # Kusto's control commands can write; Log Analytics takes none either.
        raise lexer.unparsed(kql, words[0].start)
    refuse_azure_only(kql, words)
    check_syntax(kql)


def refuse_azure_only(kql: str, words: list[lexer.Token]) -> None:
    for word, following in pairwise(words):
        if word.kind != "name" or following.text != "(":
            continue
        if reason := AZURE_ONLY.get(word.text.lower()):
            line, position = lexer.place(kql, word.start)
            raise QueryError(
                f"'{word.text}' is Azure-only: it {reason}. Run this query with a "
                "stage that is on Azure.",
                inner_code="LOCAL001",
                line=line,
                position=position,
                token=word.text,
            )
