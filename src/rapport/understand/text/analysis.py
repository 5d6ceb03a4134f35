"""In which language a customer wrote, and how pleased the text sounds.

Linear models over hashed words and a lexicon of our own: small, quick, and without taste for irony.
`docs/decisions/0010-sentiment-first-method.md` has the measured accuracy and what would replace it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from msgspec import Struct

from rapport.errors import InvalidInput
from rapport.understand.text.features import Floats, Ints, language_features, sentiment_features
from rapport.understand.text.lexicon import NEGATIVE, POSITIVE, load_lexicon
from rapport.understand.text.model import load_model, softmax
from rapport.understand.text.tokens import Tokens, readable_part, tokenise

#: Languages whose sentiment we dare to judge.
LANGUAGES: tuple[str, ...] = ("nl", "fr", "hu", "en", "de")
OTHER = "other"
METHOD = "linear-v1"

#: A sentiment nearer to 0 than this counts as neutral.
NEUTRAL_WITHIN = 0.25

#: How much a stated language is believed before reading: forms are filled in by habit and
#: profiles by colleagues, so one plain sentence must be able to overrule it.
_STATED_PRIOR = 0.85
_CONFIDENT = 0.5
# A few letters are thin evidence against a stated language: `Super!` is said in four of five.
_PLENTY_OF_LETTERS = 12
_EMOJI_SENTIMENT = 0.6
_BATCH = 8192

Polarity = Literal["negative", "neutral", "positive"]
Outcome = Literal["judged", "emoji only", "nothing said", "too short", "unknown language"]


class TextAnalysis(Struct, frozen=True, kw_only=True):
    """What was heard in one text.

    Parameters
    ----------
    language : str or None
        One of `LANGUAGES`; ``other`` if it is none of them or cannot be told; None without words.
    language_confidence : float, in [0, 1]
        Probability of ``language``; of the best guess where that is too small to believe.
    sentiment : float or None, in [-1, 1]
        Probability that it is positive minus that it is negative. None if it was not judged.
    method : str
        What judged it. Figures of different methods are not to be averaged.
    outcome : str
        Why there is a sentiment, or why there is none.
    cut_at : int or None
        After how many characters of prose (markup not counted) it was cut; None if read whole.
    """

    language: str | None
    language_confidence: float
    sentiment: float | None
    method: str = METHOD
    outcome: Outcome = "judged"
    cut_at: int | None = None


def analyse_texts(
    texts: Sequence[str | None], stated_languages: Sequence[str | None]
) -> list[TextAnalysis]:
    """Language and sentiment of each text.

    Parameters
    ----------
    texts : sequence of str or None, length n
        As customers sent them: plain, HTML, empty. Only the first `READ_CHARS` characters of
        prose are read.
    stated_languages : sequence of str or None, length n
        Language tag of the form, profile or call (``nl``, ``nl-BE``), None where unknown. It tips
        the scale in short texts; a clear text overrules it.

    Returns
    -------
    list of TextAnalysis, length n
        In the order of ``texts``. Texts that cannot be judged say why in ``outcome``.

    Raises
    ------
    InvalidInput
        If the two sequences differ in length.
    """
    if len(texts) != len(stated_languages):
        raise InvalidInput(
            f"{len(texts)} texts came with {len(stated_languages)} stated languages; "
            "give one language, or None, for each text"
        )
    analyses: list[TextAnalysis] = []
    for start in range(0, len(texts), _BATCH):
        end = start + _BATCH
        analyses += _analyse_batch(texts[start:end], stated_languages[start:end])
    return analyses


def polarity_of(sentiment: float) -> Polarity:
    """Negative, neutral or positive, with `NEUTRAL_WITHIN` as the border."""
    if sentiment > NEUTRAL_WITHIN:
        return "positive"
    return "negative" if sentiment < -NEUTRAL_WITHIN else "neutral"


def _analyse_batch(texts: Sequence[str | None], stated: Sequence[str | None]) -> list[TextAnalysis]:
    parts = [readable_part(text or "") for text in texts]
    tokens = tokenise([prose for prose, _ in parts])
    letters = np.array([len(w) if w[0].isalpha() else 0 for w in tokens.words] or [0])
    letters_in = _sum(tokens, letters)
    worded = np.flatnonzero(letters_in >= 2)
    wordless = np.flatnonzero(letters_in < 2)

    language: list[str | None] = [None] * len(texts)
    confidence = np.zeros(len(texts))
    sentiment: list[float | None] = [None] * len(texts)
    outcome: list[Outcome] = ["nothing said"] * len(texts)

    for i, feeling in zip(wordless, _emoji_sentiment(tokens.only(wordless)), strict=True):
        if not np.isnan(feeling):
            sentiment[i], outcome[i] = float(feeling), "emoji only"
        elif letters_in[i]:
            outcome[i] = "too short"

    if len(worded):
        told, confidence[worded] = _languages(
            tokens.only(worded), [stated[i] for i in worded.tolist()]
        )
        for i, name in zip(worded, told, strict=True):
            language[i] = name
            outcome[i] = "judged" if name != OTHER else "unknown language"
        for name in LANGUAGES:
            places = worded[[told_name == name for told_name in told]]
            if len(places):
                for i, value in zip(places, _sentiment(tokens.only(places), name), strict=True):
                    sentiment[i] = float(value)

    return [
        TextAnalysis(
            language=language[i],
            language_confidence=round(float(confidence[i]), 4),
            sentiment=None if sentiment[i] is None else round(sentiment[i], 4),  # type: ignore[arg-type]
            outcome=outcome[i],
            cut_at=cut_at,
        )
        for i, (_, cut_at) in enumerate(parts)
    ]


def _languages(tokens: Tokens, stated: Sequence[str | None]) -> tuple[list[str], Floats]:
    model = load_model("language")
    logits = model.logits(language_features(tokens))
    letters = _sum(tokens, np.array([len(w) if w[0].isalpha() else 0 for w in tokens.words]))
    prior = np.full(logits.shape, 1 / len(model.classes))
    for row, tag in enumerate(stated):
        primary = tag.replace("_", "-").split("-")[0].strip().lower() if tag else ""
        if primary:
            column = model.classes.index(primary if primary in model.classes else OTHER)
            prior[row] = (1 - _STATED_PRIOR) / (len(model.classes) - 1)
            prior[row, column] = _STATED_PRIOR
            logits[row] *= 1 - np.exp(-letters[row] / _PLENTY_OF_LETTERS)
    probability = softmax(logits + np.log(prior))
    best = probability.argmax(axis=1)
    sure = probability.max(axis=1)
    told = [
        model.classes[column] if share >= _CONFIDENT else OTHER
        for column, share in zip(best, sure, strict=True)
    ]
    return told, sure


def _sentiment(tokens: Tokens, language: str) -> Floats:
    model = load_model(language)
    logits = model.logits(sentiment_features(tokens, load_lexicon(language)))
    probability = softmax(logits)
    positive, negative = model.classes.index("positive"), model.classes.index("negative")
    return np.asarray(probability[:, positive] - probability[:, negative])


def _emoji_sentiment(tokens: Tokens) -> Floats:
    """Mean mood of known emoji, NaN where there is none."""
    roles = load_lexicon("shared").roles(tokens.words)
    mood = np.where(roles == POSITIVE, 1, np.where(roles == NEGATIVE, -1, 0))
    known = _sum(tokens, np.abs(mood))
    total = _sum(tokens, mood)
    return np.where(known > 0, _EMOJI_SENTIMENT * total / np.maximum(known, 1), np.nan)


def _sum(tokens: Tokens, value_of_word: Ints) -> Ints:
    """Sum over the tokens of each text of a whole number per distinct word."""
    if not len(tokens.ids):
        return np.zeros(tokens.n_texts, dtype=np.int64)
    weights = value_of_word[tokens.ids].astype(float)
    return np.bincount(tokens.texts, weights, minlength=tokens.n_texts).astype(np.int64)
