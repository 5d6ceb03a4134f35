"""May this text be quoted: what names or reaches a person is left out of it.

What is found by its form: addresses, links, handles, numbers of four digits and more (telephones,
orders, cards, accounts), and the names that are given. Another person's name in running text has no
form; who reads quotations must be allowed to see customers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

LEFT_OUT = "[…]"

_ADDRESSES = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+|@\w+", re.IGNORECASE)
#: Four digits and more, with what people write between them, and the letters that belong to them.
_NUMBERS = re.compile(r"#?\+?\(?\w*\d(?:[\s./()-]{0,3}\d){3,}\w*")
_WORDS = re.compile(r"[^\W\d_]+")
#: Of a name so long its forms with an ending are left out, too: Eszternek, Anne’s.
_WITH_ENDINGS = 4


def redacted(text: str, names: Iterable[str | None] = ()) -> str:
    """The text with everything that names or reaches a person left out.

    Parameters
    ----------
    text : str
    names : iterable of str or None
        Of those whom the text may name, such as who wrote it; every word of two letters and more
        counts.

    Returns
    -------
    str
        With `LEFT_OUT` for each.

    Examples
    --------
    >>> redacted("Call +32 470 12 34 56, an@shop.example: order W1024846, 16 days! Éva", ["eva"])
    'Call […], […] order […], 16 days! […]'
    """
    parts = {_plain(word) for name in names for word in _WORDS.findall(name or "") if len(word) > 1}
    text = _NUMBERS.sub(LEFT_OUT, _ADDRESSES.sub(LEFT_OUT, text))
    if not parts:
        return text
    with_endings = tuple(part for part in parts if len(part) >= _WITH_ENDINGS)

    def kept(found: re.Match[str]) -> str:
        word = _plain(found[0])
        named = word in parts or (with_endings and word.startswith(with_endings))
        return LEFT_OUT if named else found[0]

    return _WORDS.sub(kept, text)


def _plain(word: str) -> str:
    letters = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
