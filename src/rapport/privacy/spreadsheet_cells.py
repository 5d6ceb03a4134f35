"""Cells that a spreadsheet shows and never calculates, whatever a customer typed."""

from __future__ import annotations

import re

#: A cell that begins so is calculated by spreadsheets; see OWASP, "CSV Injection".
_CALCULATED = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
#: A signed number, such as a phone number or a refund: calculating it gives itself.
_NUMBER = re.compile(r"[+-]?\d[\d ]*(\.\d+)?")


def safe_cell(value: str) -> str:
    """``value`` so that no spreadsheet takes it for a formula.

    Examples
    --------
    >>> safe_cell("=HYPERLINK(1)"), safe_cell("+32 470 12 34 56"), safe_cell("Anna")
    ("'=HYPERLINK(1)", '+32 470 12 34 56', 'Anna')
    """
    # Spreadsheets pass over spaces, the no-break one too, before they look.
    if value.lstrip(" \u00a0").startswith(_CALCULATED) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value
