"""The words that set a group apart, and texts chosen by them, against counts made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rapport.engines.lake import Query, Step
from rapport.understand.personas.statements import lift_of
from rapport.understand.personas.verbatims import typical_texts
from rapport.understand.personas.words import Word, distinctive_words, read_words
from rapport.vocabulary import touchpoint as v
from rapport.workflows.company import Company
from rapport.workflows.resolve import resolve_company
from tests.company import empty_company
from tests.conftest import FakeClock
from tests.touchpoints import START, email, keep, touchpoint

NOW = START + timedelta(days=30)
GROUP, OTHERS = 40, 60
RECORDS = Query(
    steps=(
        Step(
            "answer",
            "SELECT DISTINCT t.touchpoint_id, m.profile_id FROM touchpoints AS t "
            "JOIN membership AS m ON m.atom_id = t.atom_id",
        ),
    )
)


def wrote(person: int, text: str, *, day: int = 1, kind: str = v.REVIEW_POSTED, **more: Any) -> Any:
    return touchpoint(
        f"{person}-{day}-{kind}", type=kind, record=email(f"c{person}@kadar.example"), text=text,
        language="en", occurred_at=START + timedelta(days=day), **more,
    )  # fmt: skip


def reviews() -> list[Any]:
    """Of 40 in the group 20 write of waiting, of 60 others 4; all of tents; few of snow."""
    found = []
    for n in range(GROUP + OTHERS):
        waits = n < 20 or GROUP <= n < GROUP + 4
        text = f"The tents are here{', waiting was long' if waits else ''} {n}"
        found.append(wrote(n, text + (" snow" if n < 4 else "")))
    return found


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with empty_company(tmp_path, clock=FakeClock(NOW)) as opened:
        yield opened


def profiles_of(company: Company) -> dict[int, str]:
    rows = company.seen.ask(RECORDS).to_pylist()
    return {int(row["touchpoint_id"].partition("-")[0]): row["profile_id"] for row in rows}


def filled(company: Company, more: list[Any]) -> tuple[frozenset[str], dict[int, str]]:
    keep(company, [*reviews(), *more])
    resolve_company(company)
    who = profiles_of(company)
    return frozenset(who[n] for n in range(GROUP)), who


def test_a_word_is_told_with_its_share_lift_and_count(company: Company) -> None:
    # An older text, an agent's words, a text after the end and one of another year say nothing.
    group, _ = filled(
        company,
        [
            *(wrote(n, "awful parcel", day=0) for n in range(GROUP)),
            *(wrote(n, "dreadful call", day=2, kind=v.CALL_ENDED) for n in range(GROUP)),
            *(wrote(n, "future words", day=40) for n in range(GROUP)),
        ],
    )
    said = read_words(company.seen, NOW)
    assert [each.language for each in said] == ["en"]
    assert len(said[0].writers) == GROUP + OTHERS
    found = distinctive_words(said, None, {"g": group, "few": frozenset(list(group)[:9])})
    assert found["few"] == ()  # fewer than thirty say nothing of a group
    assert {word.word for word in found["g"]} == {"long", "waiting"}
    waiting = next(word for word in found["g"] if word.word == "waiting")
    assert (waiting.customers, waiting.known, waiting.share) == (20, 40, 0.5)
    assert waiting.everybody == pytest.approx(24 / 100)
    assert (waiting.lift, waiting.low, waiting.high) == lift_of(20, 40, 24, 100)
    assert waiting.lift == pytest.approx(0.5 / 0.24)
    assert 0 < waiting.p_adjusted < 0.05


def test_groups_are_compared_with_those_who_are_named(company: Company) -> None:
    group, who = filled(company, [])
    # Among the group and the four others who wait, too, waiting is nothing special.
    everybody = group | {who[n] for n in range(GROUP, GROUP + 4)}
    said = read_words(company.seen, NOW)
    assert distinctive_words(said, everybody, {"g": group})["g"] == ()


def word(said: str, low: float) -> Word:
    return Word(
        language="en", word=said, customers=20, known=40, share=0.25, everybody=0.1, lift=low + 1,
        low=low, high=low + 2, p_adjusted=0.01,
    )  # fmt: skip


def test_texts_hold_the_words_and_are_of_different_people_and_wordings(company: Company) -> None:
    _, who = filled(
        company,
        [
            wrote(0, "Waiting was long, so long that I forgot about it", day=3),
            wrote(1, "Waiting was long, so long that I forgot about it", day=3),
            wrote(0, "Waiting, waiting, waiting and nothing else", day=4),
            wrote(2, "long", day=5),  # nothing to be read in it
            wrote(99, "Waiting was long for somebody else", day=6),
        ],
    )
    words = [word("waiting", 3.0), word("long", 1.5)]
    members = [who[0], who[1], who[2], who[30]]
    found = typical_texts(company.seen, NOW, members, words)
    assert len({each.profile_id for each in found}) == len(found) == 3
    assert len({"".join(c for c in each.text if not c.isdigit()) for each in found}) == len(found)
    assert who[30] not in {each.profile_id for each in found}  # wrote of tents only
    assert all(each.words == ("waiting", "long") for each in found if "long" in each.text)
    assert typical_texts(company.seen, NOW, members, []) == ()
