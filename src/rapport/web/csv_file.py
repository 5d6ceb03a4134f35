"""Files for spreadsheets, which cannot be made to calculate what a customer typed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from rapport.privacy.spreadsheet_cells import safe_cell

#: Excel takes a file as UTF-8 only with this mark before it.
BYTE_ORDER_MARK = "\ufeff"


def csv_pieces(header: Sequence[str], pieces: Iterable[Iterable[Sequence[str]]]) -> Iterator[str]:
    """The file piece by piece, so that none of any size is held at once."""
    yield BYTE_ORDER_MARK + _written([header])
    for rows in pieces:
        yield _written(rows)


def _written(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([safe_cell(cell) for cell in row] for row in rows)
    return text.getvalue()
