"""A sentence of a manager's, read into a hypothesis: no more than phrases, and nothing guessed.

"Customers who wait over 2 days leave more." is a wait, its length, an outcome and a direction. What
the sentence does not say stays open, and the page asks for it; what was understood is shown before
anything is counted.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from babel import Locale
from msgspec import Struct

from rapport.errors import InvalidInput
from rapport.understand.hypotheses.definition import (
    USUAL_FOLLOW_DAYS,
    Did,
    Exposure,
    Holds,
    Hypothesis,
    Outcome,
    Waited,
)
from rapport.understand.hypotheses.ready_made import DEEDS, OUTCOMES, WAITS
from rapport.understand.segments.happening import Span
from rapport.understand.segments.rule import Condition

LANGUAGES = ("en", "nl", "fr", "hu")
#: Within how many days something was done, where the sentence does not say.
USUAL_WITHIN = Span(number=90)
#: How long a wait is, where the sentence does not say.
USUAL_WAIT = Span(number=2)
_MOST = 300


class Reading(Struct, frozen=True, kw_only=True):
    """What was understood; None where the sentence does not say it in words that we know."""

    exposure: Exposure | None
    outcome: Outcome | None
    more: bool | None

    def hypothesis(self, follow_days: int | None = None) -> Hypothesis:
        """The hypothesis that was read, all of it.

        Raises
        ------
        InvalidInput
            If a part was not understood, naming which.
        """
        if self.exposure is None or self.outcome is None or self.more is None:
            names = {"exposure": "who is meant", "outcome": "what they do", "more": "more or less"}
            open_ = [said for part, said in names.items() if getattr(self, part) is None]
            raise InvalidInput(
                f"Not understood: {', '.join(open_)}. Say it otherwise, or give a definition"
            )
        return Hypothesis(
            exposure=self.exposure,
            outcome=self.outcome,
            more=self.more,
            follow_days=follow_days or USUAL_FOLLOW_DAYS,
        )


class _Found(NamedTuple):
    start: int
    end: int
    key: str


def read_sentence(sentence: str, language: str) -> Reading:
    """What a sentence says.

    Parameters
    ----------
    language : {"en", "nl", "fr", "hu"}
        Tried first; then the others, and the reading that understands most is given.
    """
    text = _plain(sentence[:_MOST])
    order = [language, *(each for each in LANGUAGES if each != language)]
    readings = [_read(text, each) for each in order if each in LANGUAGES]
    return max(readings, key=lambda r: [r.exposure, r.outcome, r.more].count(None) * -1)


def _read(text: str, language: str) -> Reading:
    rest, span, longer, times = _length(text, language)
    outcome, more, rest = _outcome(rest, language)
    return Reading(
        exposure=_exposure(rest, language, span, longer, times),
        outcome=None if outcome is None else OUTCOMES[outcome],
        more=more,
    )


def _length(text: str, language: str) -> tuple[str, Span | None, bool, int | None]:
    """The text without its lengths of time and numbers of times; the first of each."""
    words = _phrases()
    numbers = {word: n for n, word in enumerate(words["number"][language], start=1)}
    number = rf"(?P<number>\d{{1,4}}|{'|'.join(numbers)})"
    compare = {name: _either(words["length"][name][language]) for name in ("longer", "shorter")}
    both = f"(?:{compare['longer']}|{compare['shorter']})"
    span: Span | None = None
    longer, times = True, None
    for unit in ("hours", "days", "weeks", "times"):
        pattern = re.compile(
            rf"(?:(?P<before>{both}) )?\b{number} ?(?:{_either(words['unit'][unit][language])})"
            rf"(?: (?P<after>{both}))?"
        )
        match = pattern.search(text)
        if match is None:
            continue
        count = numbers.get(match["number"]) or int(match["number"])
        text = f"{text[: match.start()]} {text[match.end() :]}"
        if unit == "times":
            times = count
        elif span is None and count:
            said = " ".join(filter(None, (match["before"], match["after"])))
            longer = re.search(rf"\b(?:{compare['shorter']})", said) is None
            hours = {"hours": 1, "days": 24, "weeks": 168}[unit] * count
            span = Span(number=hours, unit="hours") if hours % 24 else Span(number=hours // 24)
    return text, span, longer, times


def _outcome(text: str, language: str) -> tuple[str | None, bool | None, str]:
    """The outcome said nearest to a word of direction, the direction, and the text without both."""
    words = _phrases()
    directions = [
        *_search(text, words["direction"]["more"][language], "more"),
        *_search(text, words["direction"]["less"][language], "less"),
    ]
    outcomes = [
        found
        for key, phrases in words["outcome"].items()
        for found in _search(text, phrases[language], key)
    ]
    if not outcomes:
        return None, _direction(directions), text
    if not directions:
        # The last thing said is what becomes of them.
        best = max(outcomes, key=lambda each: (each.end, each.end - each.start))
        return best.key, None, _without(text, [best])
    nearest = min(
        ((o, d) for o in outcomes for d in directions),
        key=lambda pair: (_between(*pair), -pair[0].end, pair[0].start),
    )
    return nearest[0].key, nearest[1].key == "more", _without(text, list(nearest))


def _direction(found: list[_Found]) -> bool | None:
    return found[-1].key == "more" if found else None


def _between(one: _Found, other: _Found) -> int:
    return max(0, max(one.start, other.start) - min(one.end, other.end))


def _exposure(
    text: str, language: str, span: Span | None, longer: bool, times: int | None
) -> Exposure | None:
    words = _phrases()
    waits = _search(text, words["wait"]["delivery"][language], "delivery")
    if waits:
        is_solution = _search(text, words["wait"]["solution"][language], "solution")
        begins, ends = WAITS["solution" if is_solution else "delivery"]
        return Waited(begins=begins, ends=ends, span=span or USUAL_WAIT, longer=longer)
    deeds = [
        found
        for key, phrases in words["deed"].items()
        for found in _search(text, phrases[language], key)
    ]
    if deeds:
        key = min(deeds, key=lambda each: (each.start, each.start - each.end)).key
        return Did(which=DEEDS[key], times=times or 1, within=span or USUAL_WITHIN)
    for code, names in _countries(language):
        if _search(text, names, code):
            return Holds(rule=Condition(column="country", operator="eq", value=code))
    return None


# ── words ──────────────────────────────────────────────────────────────────────────────────────


@cache
def _phrases() -> dict[str, Any]:
    path = files("rapport.understand.hypotheses") / "phrases.toml"
    return tomllib.loads(path.read_text("utf-8"))


@cache
def _countries(language: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Countries by their name, as it is written; an ending may follow it (Magyarországról)."""
    names = {str(code): str(name) for code, name in Locale.parse(language).territories.items()}
    return tuple(
        (code, (f"{_plain(name)}*",))
        for code, name in names.items()
        if len(code) == 2 and code.isalpha()
    )


def _search(text: str, phrases: list[str] | tuple[str, ...], key: str) -> list[_Found]:
    return [
        _Found(match.start(), match.end(), key)
        for match in re.finditer(rf"\b(?:{_either(phrases)})", text)
    ]


def _either(phrases: list[str] | tuple[str, ...]) -> str:
    """A pattern of any of the phrases as whole words, the longest first."""
    return "|".join(
        re.escape(phrase).replace(r"\*", r"\w*") + r"\b"
        for phrase in sorted(phrases, key=len, reverse=True)
    )


def _without(text: str, found: list[_Found]) -> str:
    for each in sorted(found, reverse=True):
        text = f"{text[: each.start]} {text[each.end :]}"
    return text


def _plain(text: str) -> str:
    """Small letters and digits without accents, one space between words."""
    bare = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", text)
        if not unicodedata.combining(letter)
    )
    return " ".join(re.findall(r"[a-z0-9]+", bare.lower()))
