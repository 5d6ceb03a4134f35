"""What customers' own words say: their language and how pleased they sound."""

from rapport.understand.text.analysis import (
    LANGUAGES,
    METHOD,
    NEUTRAL_WITHIN,
    OTHER,
    Polarity,
    TextAnalysis,
    analyse_texts,
    polarity_of,
)
from rapport.understand.text.tokens import READ_CHARS

__all__ = [
    "LANGUAGES",
    "METHOD",
    "NEUTRAL_WITHIN",
    "OTHER",
    "READ_CHARS",
    "Polarity",
    "TextAnalysis",
    "analyse_texts",
    "polarity_of",
]
