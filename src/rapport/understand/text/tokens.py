"""From what customers send (HTML, blobs, emoji) to words in flat arrays, a whole batch at once."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Characters of a text that are read. A complaint says what it wants to say well before this;
#: what follows in longer texts is quoted mail, terms of sale and attachments.
READ_CHARS = 4000

#: Markup is removed before the cut, so that a mail whose first kilobytes are style sheets is still
#: heard; but no more than this is searched for markup, so that 1 MB costs no more than 32 kB.
_SEARCHED_CHARS = 8 * READ_CHARS

_UNHEARD = re.compile(r"<(script|style|head)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"</?[a-z!][^<>]*>?", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+|@\w+", re.IGNORECASE)
# 40 unbroken characters are no word of these languages: base64, keys, file names, keyboard mash.
_BLOB = re.compile(r"[^\s<>]{40,}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")

EMOJI = "\U0001f300-\U0001faff\u2600-\u27bf"
_TOKEN = re.compile(
    r"[^\W\d_]+"  # words; an apostrophe divides (l'accueil, don't), which serves French best
    rf"|[{EMOJI}]"
    r"|[:;=]['-]?[()d/|p](?!\w)"  # :-) :( ;p, already in lower case
    r"|[!?.,;]"  # marks that end a clause, or shout
    r"|\x00"  # between texts
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """Tokens of ``n_texts`` texts, one after the other.

    ``words`` are the distinct tokens; ``ids`` (n_tokens,) says which one stands at each place and
    ``texts`` (n_tokens,) in which text, in rising order.
    """

    words: list[str]
    ids: NDArray[np.int64]
    texts: NDArray[np.int64]
    n_texts: int

    def only(self, texts: NDArray[np.int64]) -> Tokens:
        """Tokens of the texts at the given places (rising), which become 0, 1, 2 …"""
        place = np.full(self.n_texts, -1, dtype=np.int64)
        place[texts] = np.arange(len(texts))
        kept = place[self.texts] >= 0
        used, ids = np.unique(self.ids[kept], return_inverse=True)
        return Tokens(
            words=[self.words[i] for i in used],
            ids=ids.astype(np.int64),
            texts=place[self.texts[kept]],
            n_texts=len(texts),
        )


def readable_part(text: str) -> tuple[str, int | None]:
    """Prose of a text in lower case, and after how many characters it was cut, if it was."""
    cut = len(text) > _SEARCHED_CHARS
    prose = text[:_SEARCHED_CHARS]
    if "<" in prose:
        prose = _TAG.sub(" ", _UNHEARD.sub(" ", prose))
    if "&" in prose:
        prose = html.unescape(prose)
    if len(prose) > READ_CHARS:
        cut, prose = True, prose[:READ_CHARS]
    cut_at = len(prose) if cut else None
    if "@" in prose or "://" in prose or "www." in prose:
        prose = _ADDRESS.sub(" ", prose)
    if len(prose) >= 40:
        prose = _BLOB.sub(" ", prose)
    return _CONTROL.sub(" ", prose).lower(), cut_at


def tokenise(prose: Sequence[str]) -> Tokens:
    """Tokens of texts that `readable_part` returned; numbers are left out."""
    known: dict[str, int] = {"\0": 0}
    found = _TOKEN.findall("\0".join(prose))
    ids = np.fromiter((known.setdefault(t, len(known)) for t in found), np.int64, len(found))
    ends = ids == 0
    return Tokens(
        words=list(known)[1:],
        ids=ids[~ends] - 1,
        texts=np.cumsum(ends)[~ends],
        n_texts=len(prose),
    )
