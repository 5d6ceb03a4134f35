"""Dates of birth as silos write them: day and month swapped, 1 January for "unknown"."""

from __future__ import annotations

import re
from datetime import date

from rapport.unify.matching.comparison import Column, Comparison, Level, Row
from rapport.unify.matching.comparisons.likeness import same, same_level
from rapport.unify.name_words import fold

#: Digits, with whatever stands between them; letters inside are months, suffixes or slips.
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ].*)?")
_NUMBERS = re.compile(r"\d+")
_COMPACT = re.compile(r"\d{8}(?:\.0)?")
_TIME = re.compile(r"[T ]+\d{1,2}:\d\d.*$", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]+")
#: A letter that slipped into an ISO date: "2003i03-13", "l978-11-12" and "2O03-03-13".
_LOOKALIKES = str.maketrans("oOlI", "0011")
_SLIPPED_ISO = re.compile(r"(\d{4})\D{0,3}(\d\d)\D{0,3}(\d\d)")

_MONTHS: dict[str, int] = {}
for _number, _names in enumerate(
    (
        "jan january januari janvier januar janner",
        "feb february februari fevrier februar fev febr",
        "mar march maart mars marz maerz marcius marc mrt maa",
        "apr april avril aprilis avr",
        "may mei mai majus maj",
        "jun june juni juin junius",
        "jul july juli juillet julius juil",
        "aug august augustus aout augusztus",
        "sep sept september septembre szeptember szept",
        "oct okt october oktober octobre",
        "nov november novembre",
        "dec dez december dezember decembre",
    ),
    start=1,
):
    _MONTHS |= dict.fromkeys(_names.split(), _number)

#: Dates that systems fill in by themselves.
_FILLED_IN = frozenset(
    {date(1900, 1, 1), date(1970, 1, 1), date(1899, 12, 30), date(1899, 12, 31), date(1753, 1, 1)}
)
_EARLIEST, _LATEST = 1500, 2099  # archives hold people of long ago
#: Two-digit years up to this one are of this century: few customers are younger.
_PIVOT = 20
#: Countries that write the month first.
_MONTH_FIRST = frozenset({"US", "PH"})
_LONGEST = 60


def _date(year: int, month: int, day: int) -> date | None:
    if not _EARLIEST <= year <= _LATEST:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _year(digits: str) -> int:
    number = int(digits)
    if len(digits) > 2:
        return number
    return number + (2000 if number <= _PIVOT else 1900)


def _day_and_month(first: str, second: str, year: int, month_first: bool) -> date | None:
    """Two numbers of which either may be the month; where both may, the country's habit counts."""
    a, b = int(first), int(second)
    day, month = (b, a) if month_first else (a, b)
    return _date(year, month, day) or _date(year, day, month)


def _read_date(text: str, month_first: bool) -> date | None:
    if (iso := _ISO.fullmatch(text)) is not None:
        year, month, day = int(iso[1]), int(iso[2]), int(iso[3])
        return _date(year, month, day) or _date(year, day, month)
    if _COMPACT.fullmatch(text) is not None:
        text = text[:8]
        found = _date(int(text[:4]), int(text[4:6]), int(text[6:]))
        return found or _day_and_month(text[:2], text[2:4], int(text[4:]), month_first)
    text = _TIME.sub("", text)
    words = [_MONTHS[w] for w in _WORD.findall(fold(text)) if w in _MONTHS]
    numbers = _NUMBERS.findall(text)
    if len(numbers) == 2 and len(words) == 1:
        return _with_month_name(numbers, words[0])
    if words:
        return None
    if len(numbers) == 3:
        first, second, third = numbers
        if (found := _three_numbers(first, second, third, month_first)) is not None:
            return found
    if numbers and len(numbers[0]) >= 4 and len(digits := "".join(numbers)) == 8:
        # A hyphen that moved: "19780-7-11" and "1972-041-8".
        return _date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    slipped = _SLIPPED_ISO.fullmatch(text.translate(_LOOKALIKES))
    return _date(int(slipped[1]), int(slipped[2]), int(slipped[3])) if slipped else None


def _three_numbers(first: str, second: str, third: str, month_first: bool) -> date | None:
    if len(second) > 2:
        return None
    if len(first) == 4 and len(third) <= 2:
        year, month, day = int(first), int(second), int(third)
        return _date(year, month, day) or _date(year, day, month)
    if len(first) <= 2 and len(third) in {2, 4}:
        return _day_and_month(first, second, _year(third), month_first)
    return None


def _with_month_name(numbers: list[str], month: int) -> date | None:
    """ "1 Mar 1970", "Mar 1 1970", "24-May-11" and "1970. március 1."."""
    first, second = numbers
    if len(first) == 4:
        return _date(int(first), month, int(second))
    if len(first) <= 2 and len(second) in {2, 4}:
        return _date(_year(second), month, int(first))
    return None


_NOTHING = (None, None, None, None, None)


def read_birth(
    birthday: str | None, country: str | None
) -> tuple[date | None, str | None, str | None, str | None, str | None]:
    """The date, its digits, its digits with day and month swapped, its year, and its months' key.

    Impossible dates, and those that systems fill in, say nothing. Where day and month may be
    either, the day comes first, as everywhere but in the United States.

    Examples
    --------
    >>> read_birth("1978. 11. 12.", "HU")[0]
    datetime.date(1978, 11, 12)
    >>> read_birth("11/12/1978", None)[1:3]
    ('19781211', '19781112')
    >>> read_birth("31/02/1978", "BE")[0] is None
    True
    """
    if not birthday or len(birthday) > _LONGEST:
        return _NOTHING
    try:
        found = _read_date(birthday.strip(), country in _MONTH_FIRST)
    except ValueError:  # digits of other scripts that Python counts as such: "²"
        return _NOTHING
    if found is None or found in _FILLED_IN:
        return _NOTHING
    year, month, day = f"{found.year:04}", f"{found.month:02}", f"{found.day:02}"
    swapped = f"{year}{day}{month}" if found.day <= 12 and found.day != found.month else None
    return (found, year + month + day, swapped, year, month + day)


def _same_default(a: Row, b: Row) -> bool:
    return bool(a["birth_digits"] == b["birth_digits"] and a["birth_month_day"] == "0101")


def _swapped(a: Row, b: Row) -> bool:
    return a["birth_swapped"] is not None and bool(a["birth_swapped"] == b["birth_digits"])


def _year_alone(a: Row, b: Row) -> bool:
    return bool(
        a["birth_year"] == b["birth_year"]
        and (a["birth_month_day"] == "0101" or b["birth_month_day"] == "0101")
    )


def _two_parts(a: Row, b: Row) -> bool:
    one, two = a["birth_digits"], b["birth_digits"]
    parts = (one[:4] == two[:4]) + (one[4:6] == two[4:6]) + (one[6:] == two[6:])
    return bool(parts == 2)


def _one_digit(a: Row, b: Row) -> bool:
    """One digit mistaken, or two neighbours swapped, among the eight."""
    one, two = a["birth_digits"], b["birth_digits"]
    differ = [i for i in range(8) if one[i] != two[i]]
    if len(differ) == 1:
        return True
    return (
        len(differ) == 2
        and differ[1] == differ[0] + 1
        and one[differ[0]] == two[differ[1]]
        and one[differ[1]] == two[differ[0]]
    )


COMPARISON = Comparison(
    name="birth",
    inputs=("birthday", "country"),
    columns=(
        Column(name="birth", type="date"),
        Column(name="birth_digits"),
        Column(name="birth_swapped"),
        Column(name="birth_year"),
        Column(name="birth_month_day"),
    ),
    read=read_birth,
    said=("birth",),
    levels=(
        Level(
            key="same_new_year",  # 1 January stands for "some day in that year" in many systems
            sql="l.birth_digits = r.birth_digits and l.birth_month_day = '0101'",
            holds=_same_default,
            rarity="birth",
        ),
        same_level("same_birth", "birth"),
        Level(
            key="day_and_month_swapped",
            sql="coalesce(l.birth_swapped = r.birth_digits, false)",
            holds=_swapped,
        ),
        Level(
            key="same_year_new_year",  # one of the two says no more than the year
            sql=(
                "l.birth_year = r.birth_year"
                " and (l.birth_month_day = '0101' or r.birth_month_day = '0101')"
            ),
            holds=_year_alone,
            rarity="birth_year",
        ),
        Level(
            key="one_digit",
            # Of equal length, so that one edit is a digit mistaken or two swapped.
            sql=(
                "case when jaro_winkler_similarity(l.birth_digits, r.birth_digits) < 0.8"
                " then false else damerau_levenshtein(l.birth_digits, r.birth_digits) = 1 end"
            ),
            holds=_one_digit,
        ),
        Level(
            key="two_parts",
            sql=(
                "l.birth_month_day = r.birth_month_day or (l.birth_year = r.birth_year"
                " and (left(l.birth_month_day, 2) = left(r.birth_month_day, 2)"
                " or right(l.birth_month_day, 2) = right(r.birth_month_day, 2)))"
            ),
            holds=_two_parts,
        ),
        Level(
            key="same_year",
            sql="l.birth_year = r.birth_year",
            holds=same("birth_year"),
            rarity="birth_year",
        ),
    ),
)
