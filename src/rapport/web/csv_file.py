"""Files for spreadsheets, which cannot be made to calculate what a customer typed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

#: Excel takes a file as UTF-8 only with this mark before it.
BYTE_ORDER_MARK = "\ufeff"
#: A cell that begins so is calculated by spreadsheets; see OWASP, "CSV Injection".
_CALCULATED = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
#: A signed number, such as a phone number or a refund: calculating it gives itself.
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def safe_cell(value: str) -> str:
    """``value`` so that no spreadsheet takes it for a formula.

    Examples
    --------
    >>> safe_cell("=HYPERLINK(1)"), safe_cell("+32470123456"), safe_cell("Anna")
    ("'=HYPERLINK(1)", '+32470123456', 'Anna')
    """
    if value.lstrip().startswith(_CALCULATED) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def csv_pieces(header: Sequence[str], pieces: Iterable[Iterable[Sequence[str]]]) -> Iterator[str]:
    """The file piece by piece, so that none of any size is held at once."""
    yield BYTE_ORDER_MARK + _written([header])
    for rows in pieces:
        yield _written(rows)


def _written(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([safe_cell(cell) for cell in row] for row in rows)
    return text.getvalue()
