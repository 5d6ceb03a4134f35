"""Texts of several lines, such as letters and transcripts, as people read them."""

from __future__ import annotations

import codecs
import re

from rapport.vocabulary.identifier_values import clean_text

#: Characters kept of one text; a longer one is a pasted file.
LONGEST_TEXT = 100_000
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_BLANK_LINES = re.compile(r"\n{3,}")
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
#: Codecs that Python calls text but that are no way to write letters, or are slow on purpose.
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"})


def clean_lines(value: str) -> str:
    """``value`` with clean lines, at most one blank one in a row, and no control characters.

    Examples
    --------
    >>> clean_lines("Dag,\\r\\n\\r\\n\\r\\n\\r\\nmijn  tent\\u200b lekt\\0 ")
    'Dag,\\n\\nmijn tent lekt'
    """
    text = _CONTROL.sub("", _LINE_ENDS.sub("\n", value[: 2 * LONGEST_TEXT]))
    lines = "\n".join(clean_text(line) for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", lines).strip()[:LONGEST_TEXT]


def decode_text(raw: bytes, charset: str | None = None) -> str:
    """The bytes as text: in the stated charset, else UTF-8, else Windows' western one.

    Nothing is lost to a wrong or unknown charset: the last attempt replaces what it cannot read.
    """
    for attempt in (charset, "utf-8", "cp1252"):
        if attempt is None or not attempt.isascii():
            continue
        try:
            known = codecs.lookup(attempt.strip("'\" "))
            if known.name in _NO_CHARSETS:
                continue
            return raw.decode(known.name)
        except (LookupError, UnicodeError, ValueError):
            continue
    return raw.decode("cp1252", "replace")
