"""What the company's people say: answers to letters, chats and calls, and what stands around."""

from __future__ import annotations

from typing import Any

from rapport.demo.words import words

#: First names of colleagues who answer, by language; they are no customers.
AGENTS = {
    "nl": ("Lotte", "Bram", "Imke"),
    "fr": ("Solène", "Bastien", "Maud"),
    "hu": ("Réka", "Ákos", "Boglárka"),
    "en": ("Megan", "Owen", "Isla"),
}


def said(language: str, part: str, u: float, **filled: str) -> str:
    """One of the sentences of ``part`` (hello, thanks, a topic …), its blanks filled.

    Parameters
    ----------
    u : float
        Chance in [0, 1).
    """
    options: Any = words("replies")[language][part]
    text: str = options if isinstance(options, str) else options[int(u * len(options))]
    for name, value in filled.items():
        text = text.replace("{" + name + "}", value)
    return text


def agent(language: str, u: float) -> str:
    """Who answers."""
    names = AGENTS[language]
    return names[int(u * len(names))]
