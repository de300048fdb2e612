"""What a query can be refused with, in Azure's own terms."""

from collections.abc import Collection


class QueryError(Exception):
    """A query that was refused; never SQL text, never a raw engine error.

    code is Azure's outer name (SyntaxError, SemanticError, or QueryTimeout and
    ResourceLimit for a run that was cut off), inner_code the number beneath it
    (SYN0002, SEM0100...). line counts from 1, position from 0 within that line;
    both and token are None where the fault has no place in the text. spellings are the
    words of which one may stand there, where no token is known.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "SemanticError",
        inner_code: str = "SEM0001",
        line: int | None = None,
        position: int | None = None,
        token: str | None = None,
        spellings: Collection[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.inner_code = inner_code
        self.line = line
        self.position = position
        self.token = token
        self.spellings = frozenset(spellings)

    def summary(self) -> str:
        """The sentence Azure puts between the outer and the inner code."""
        return SUMMARIES[self.code]


SUMMARIES = {
    "SyntaxError": "A recognition error occurred in the query.",
    "SemanticError": "A semantic error occurred.",
    "QueryTimeout": "Query was terminated because it ran for too long.",
    "ResourceLimit": "Query exceeded a resource limit.",
}


def syntax_error(line: int, position: int, token: str) -> QueryError:
    """Azure: `Query could not be parsed at '<' on line [2,0]`."""
    return QueryError(
        f"Query could not be parsed at '{token}' on line [{line},{position}]",
        code="SyntaxError",
        inner_code="SYN0002",
        line=line,
        position=position,
        token=token,
    )
