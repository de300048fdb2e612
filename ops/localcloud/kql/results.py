"""What a query gives back, and how far it may go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Azure: the service limits of the Logs Query API; sql and text are our own."""

    rows: int = 500_000
    bytes: int = 64_000_000
    seconds: float = 180
    most_seconds: float = 600
    text_characters: int = 100_000
    sql_characters: int = 1_000_000
    cached_queries: int = 256


@dataclass(frozen=True)
class Table:
    """Columns as (name, Kusto type); rows of values as JSON carries them."""

    name: str
    columns: list[tuple[str, str]]
    rows: list[list[Any]]


@dataclass(frozen=True)
class Warning:
    """Something that works here and may surprise on Azure, or the other way round."""

    code: str
    message: str
    line: int | None = None
    position: int | None = None


@dataclass
class Result:
    """A whole answer; partial_error says why there could have been more."""

    tables: list[Table]
    render: dict[str, Any] | None = None
    partial_error: dict[str, Any] | None = None
    statistics: dict[str, Any] = field(default_factory=dict)
    warnings: list[Warning] = field(default_factory=list)
    size_bytes: int = 0

    def finish(self, seconds: float) -> None:
        """Add what is only known at the end."""
        table = self.tables[0]
        self.statistics = {
            "query": {
                "executionTime": round(seconds, 7),
                "resourceUsage": {"cpu": {"user": f"{seconds:.7f}"}},
                "datasetStatistics": [
                    {
                        "tableRowCount": len(table.rows),
                        "tableSize": self.size_bytes,
                    }
                ],
            }
        }


def partial(limit: str, inner_code: str) -> dict[str, Any]:
    """The error object beside tables that were cut short."""
    return {
        "code": "PartialError",
        "message": "There were some errors when processing your query.",
        "details": [
            {
                "code": "EngineError",
                "message": "Something went wrong processing your query on the server.",
                "innererror": {
                    "code": inner_code,
                    "message": f"Query result set has exceeded {limit}",
                    "severity": 2,
                    "severityName": "Error",
                },
            }
        ],
    }
