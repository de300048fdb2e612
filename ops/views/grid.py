"""A table that loses nothing on a narrow terminal: what has no room stands beneath.

Sentences wrap within their column. Other columns that don't fit beside their fellows
move to a line of their own below each row, with their names in front. So no word is
broken and no two columns run together, as long as the first column fits.
"""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

GAP = 2  # spaces between columns, as Rich pads them
INDENT = 2  # of what stands beneath a row
PROSE = 24  # the least width for a column of sentences


class Grid(Table):
    """`prose` names columns of sentences, `below` those that move first, all together.

    If that is not enough, the last columns move.
    """

    def __init__(
        self, *columns: str, prose: Iterable[str] = (), below: Iterable[str] = ()
    ) -> None:
        super().__init__(box=None, pad_edge=False, header_style="dim")
        self.prose, self.below = frozenset(prose), frozenset(below)
        for column in columns:
            self.add_column(column, overflow="fold", no_wrap=column not in self.prose)

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        widths = [self._width(column, console, options) for column in self.columns]
        kept = self._kept(widths, options.max_width)
        if len(kept) == len(self.columns):
            yield from super().__rich_console__(console, options)
            return
        self._widen(kept, widths, options.max_width)
        yield _line(kept, [column.header for column in kept], widths, style="dim")
        for cells in zip(*(column.cells for column in self.columns), strict=True):
            row = [cells[column._index] for column in kept]
            yield _line(kept, row, widths)
            room = options.max_width - INDENT
            if beneath := _wrapped(self._beneath(cells, kept), room):
                yield Padding(beneath, (0, 0, 0, INDENT), expand=False)

    def _kept(self, widths: list[int], room: int) -> list[Column]:
        """The columns that stand beside each other."""
        kept = list(self.columns)
        if _total(kept, widths) > room:
            kept = [each for each in kept if each.header not in self.below]
        while len(kept) > 1 and _total(kept, widths) > room:
            kept.pop()
        return kept

    def _widen(self, kept: list[Column], widths: list[int], room: int) -> None:
        """Give what is left of a line to the columns of sentences."""
        prose = [column for column in kept if column.header in self.prose]
        for column in prose:
            widths[column._index] += (room - _total(kept, widths)) // len(prose)

    def _beneath(self, cells: tuple[Any, ...], kept: list[Column]) -> list[Text]:
        """The other columns of a row that hold something, each as `name value`."""
        parts = []
        for column in self.columns:
            value = _text(cells[column._index])
            if column not in kept and value.plain.strip():
                name = (f"{column.header} ", "dim") if column.header else ""
                parts.append(Text.assemble(name, value))
        return parts

    def _width(self, column: Column, console: Console, options: ConsoleOptions) -> int:
        """What a column needs: its longest cell, or enough for sentences."""
        cells = [column.header, *column.cells]
        room = options.update(max_width=10_000)
        width = max(Measurement.get(console, room, cell).maximum for cell in cells)
        return min(width, PROSE) if column.header in self.prose else width


def _total(columns: list[Column], widths: list[int]) -> int:
    return sum(widths[each._index] for each in columns) + GAP * (len(columns) - 1)


def _wrapped(parts: list[Text], room: int) -> Text:
    """The parts side by side; what has no room behind its fellow begins a line."""
    whole, used = Text(), 0
    for part in parts:
        gap = GAP if used else 0
        fits = used + gap + part.cell_len <= room
        whole.append(" " * gap if fits or not used else "\n").append_text(part)
        used = used + gap + part.cell_len if fits else part.cell_len
    return whole


def _line(
    columns: list[Column], cells: list[Any], widths: list[int], style: str = ""
) -> Table:
    """One row as a table of its own, as wide as its fellows."""
    line = Table(box=None, pad_edge=False, show_header=False, style=style)
    for column in columns:
        width = widths[column._index] if len(columns) > 1 else None
        line.add_column(width=width, justify=column.justify, overflow="fold")
    line.add_row(*cells, style=style)
    return line


def _text(cell: Any) -> Text:
    return Text.from_markup(cell, emoji=False) if isinstance(cell, str) else cell
