"""One spelling of a town's name, and what else a person may have meant by what they wrote.

The build folds the gazetteer's names with it too, so nothing but the standard library is needed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i",
                          "œ": "oe", "æ": "ae"})  # fmt: skip
_SAINTS = {"saint": "st", "sainte": "ste", "sankt": "st", "sint": "st"}
#: What stands behind a town's name and names a part of it: Paris 11e, Lyon 3, Budapest XI. ker.
_PART = re.compile(
    r" (?:\d+|[ivx]+)?(?: ?(?:e|er|eme|ker|kerulet|arrondissement|cedex))*(?: \d+)?$"
)
_BETWEEN = re.compile(r"\s*[/(),;]\s*|\s+[-–]\s+")


def folded(name: str) -> str:
    """Small plain letters and digits, words parted by one space; Saint as in St-Étienne.

    Examples
    --------
    >>> folded("Saint-Étienne"), folded("ST ETIENNE"), folded("Győr")
    ('st etienne', 'st etienne', 'gyor')
    """
    small = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    plain = "".join(letter for letter in small if not unicodedata.combining(letter))
    words = re.findall(r"[^\W_]+", plain)
    return " ".join(_SAINTS.get(word, word) for word in words)


def spellings(written: str) -> Iterator[str]:
    """Folded names that a person may have meant, the likeliest first.

    Examples
    --------
    >>> list(spellings("Bruxelles / Brussel"))
    ['bruxelles brussel', 'bruxelles', 'brussel']
    >>> list(spellings("Paris 11e"))
    ['paris 11e', 'paris']
    """
    seen = set()
    for part in (written, *_BETWEEN.split(written)):
        whole = folded(part)
        # "11e" is one word; the pattern wants the number and its ending apart.
        town = _PART.sub("", re.sub(r"(\d)(e|er|eme)\b", r"\1 \2", whole))
        for name in (whole, town):
            if name and name not in seen:
                seen.add(name)
                yield name
