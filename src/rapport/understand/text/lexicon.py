"""Our own words of praise and blame, with the words that turn, strengthen or contrast them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

POSITIVE, NEGATIVE, NEGATOR, INTENSIFIER, CONTRAST = 1, 2, 3, 4, 5
_SECTIONS = {
    "positive": POSITIVE,
    "negative": NEGATIVE,
    "negator": NEGATOR,
    "intensifier": INTENSIFIER,
    "contrast": CONTRAST,
}
# An ending in -* matches any ending: Hungarian glues its grammar to the stem.
_SHORTEST_STEM = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Lexicon:
    """Words and stems of one language, without accents, each with the role it plays."""

    words: dict[str, int]
    stems: dict[str, int]

    def roles(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Role of each folded word, shape (n_words,); 0 for words without one."""
        return np.fromiter((self._role(word) for word in words), np.int64, len(words))

    def _role(self, word: str) -> int:
        role = self.words.get(word)
        if role is not None:
            return role
        for length in range(len(word), _SHORTEST_STEM - 1, -1):  # the longest stem knows best
            role = self.stems.get(word[:length])
            if role is not None:
                return role
        return 0


@cache
def load_lexicon(language: str) -> Lexicon:
    """Lexicon of a language we ship one for; ``shared`` holds emoji and emoticons."""
    words: dict[str, int] = {}
    stems: dict[str, int] = {}
    for name in dict.fromkeys(("shared", language)):
        role = 0
        file = resources.files(__package__) / "lexicon" / f"{name}.txt"
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line.startswith("["):
                role = _SECTIONS[line.strip("[] ")]
                continue
            for entry in line.split():
                if entry.endswith("*"):
                    stems[fold(entry[:-1])] = role
                else:
                    words[fold(entry)] = role
    return Lexicon(words=words, stems=stems)


def fold(word: str) -> str:
    """The word without accents: customers on foreign keyboards write `nagyon jo` and `decu`."""
    if word.isascii():
        return word
    parts = unicodedata.normalize("NFKD", word.lower().replace("ß", "ss").replace("ő", "o"))
    # The second half of a variation sequence (heart + U+FE0F) is a mark as well.
    return "".join(c for c in parts if not unicodedata.category(c).startswith("M")) or word
