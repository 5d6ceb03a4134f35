"""Cells that a spreadsheet shows and never calculates, whatever a customer typed."""

from __future__ import annotations

import re

#: A cell that begins so is calculated by spreadsheets; see OWASP, "CSV Injection". They pass over
#: spaces and characters that print nothing before they look, some also over a tab or a line's end.
_CALCULATED = re.compile(
    "[\t\r\n]|[\\s\x00-\x1f\x7f\u200b\u2060\ufeff]*[=+@\uff1d\uff0b\uff0d\uff20-]"
)
#: A signed number, such as a phone number or a refund: calculating it gives itself.
_NUMBER = re.compile(r"[+-]?\d[\d ]*(\.\d+)?")


def safe_cell(value: str) -> str:
    """``value`` so that no spreadsheet takes it for a formula.

    Examples
    --------
    >>> safe_cell("=HYPERLINK(1)"), safe_cell("+32 470 12 34 56"), safe_cell("Anna")
    ("'=HYPERLINK(1)", '+32 470 12 34 56', 'Anna')
    """
    if _CALCULATED.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value
