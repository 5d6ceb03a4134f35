"""Matching a company's records: what stewards said makes the next probabilities right."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import insert, select

from rapport.unify.matching.model import default_model, probability_of
from rapport.vocabulary.ledger_tables import (
    blocked_value,
    link_constraint,
    pair_score,
    review_pair,
)
from rapport.workflows.company import Company
from rapport.workflows.customer_changes import undo
from rapport.workflows.identity_review import judge
from rapport.workflows.lookup import kept_index, look_up
from rapport.workflows.matching import match_company, matching_is_due
from tests.company import empty_company
from tests.conftest import FakeClock
from tests.customer_data import fill, someone

pytestmark = pytest.mark.slow  # a whole company

ELS = "els@kadar.example"
#: Each of them twice, in one town.
FAMILIES = (
    "Aerts", "Bogaert", "Claes", "Dewulf", "Engels", "Fierens", "Goossens", "Hermans", "Iwens",
    "Jacobs", "Kerkhove", "Lambert", "Mertens", "Nijs", "Oosters", "Pauwels",
)  # fmt: skip

GIVEN = (
    "Anna", "Bert", "Cecile", "Dirk", "Els", "Femke", "Gert", "Hilde", "Ilona", "Jan", "Karel",
    "Lien", "Maarten", "Nele", "Otto", "Petra",
)  # fmt: skip


def scored(company: Company) -> dict[str, float]:
    """Bits of the pairs that wait for somebody, by their key."""
    decided = select(link_constraint.c.atom_a).where(link_constraint.c.revoked_by.is_(None))
    with company.ledger.read() as connection:
        return {
            f"{row.atom_a}-{row.atom_b}": row.bits
            for row in connection.execute(
                select(pair_score).where(
                    pair_score.c.joined.is_(False), pair_score.c.atom_a.not_in(decided)
                )
            )
        }


def test_what_stewards_say_of_pairs_moves_the_others_and_comes_back(
    tmp_path: Path, clock: FakeClock
) -> None:
    with empty_company(tmp_path, clock=clock) as company:
        now = clock()
        fill(
            company,
            [
                someone(now, 2 * n + side, f"{given} {family}", city="Gent", postal_code="9000")
                for n, family in enumerate(FAMILIES)
                for side, given in enumerate(("Johanna", "Johanna"))
            ],
        )
        match_company(company)
        before = scored(company)
        assert len(before) >= 12
        model = company.choice("identity_model")
        said = [judge(company, key, same=False, author=ELS) for key in sorted(before)[:-4]]
        clock.advance(timedelta(hours=1))
        match_company(company)
        after = scored(company)
        left = sorted(before)[-4:]
        # All that were in doubt were two people: so the others are less likely one.
        assert all(after.get(key, -9.0) < before[key] - 0.5 for key in left)
        assert company.choice("identity_model") == model  # the weights themselves stay
        for each in said:
            assert each.decision_id is not None
            undo(company, each.decision_id, author=ELS)
        clock.advance(timedelta(hours=1))
        match_company(company)
        assert scored(company) == pytest.approx(before, abs=0.02)
        assert default_model().shift == 0


def kept_pairs(company: Company) -> dict[tuple[int, int], tuple[bool, float]]:
    """The pairs above the review line, whether they joined, and their bits."""
    with company.ledger.read() as connection:
        return {
            (row.atom_a, row.atom_b): (row.joined, row.bits)
            for row in connection.execute(select(pair_score))
        }


def named(company: Company, **stated: str) -> list[str | None]:
    """Who may be the person who states this."""
    return [match.name for match in look_up(company, stated).matches]


def test_what_came_since_is_matched_without_matching_all(tmp_path: Path, clock: FakeClock) -> None:
    with empty_company(tmp_path, clock=clock) as company:
        now = clock()
        fill(
            company,
            [
                someone(now, n, f"{given} {family}", city=f"{family}gem")
                for n, (given, family) in enumerate(zip(GIVEN, FAMILIES, strict=True))
            ],
        )
        assert matching_is_due(company)
        first = match_company(company)
        assert (first.whole, first.records) == (True, len(FAMILIES))
        assert not matching_is_due(company)
        clock.advance(timedelta(hours=1))
        fill(
            company,
            [
                someone(now, 100, "Anna Aerts", city="Aertsgem"),
                someone(now, 101, "Oskar Wagemakers", birthday="1961-05-17", phone="0470123456"),
                someone(now, 102, "Wagemakers Oskar", birthday="1961-05-17", phone="0470123456"),
            ],
        )
        assert matching_is_due(company)
        assert named(company, name="Oskar Wagemakers", birthday="1961-05-17") == []
        some = match_company(company, whole=False)
        assert not some.whole
        assert 3 <= some.records < len(FAMILIES)  # the newcomers and who is like them
        assert some.merged == 1
        assert len(named(company, name="Oskar Wagemakers", birthday="1961-05-17")) == 1
        in_parts = kept_pairs(company)
        clock.advance(timedelta(hours=1))
        again = match_company(company, whole=False)
        assert (again.records, again.changed) == (0, 0)
        assert match_company(company, whole=True).merged == 0
        at_once = kept_pairs(company)
        assert {pair: said[0] for pair, said in at_once.items()} == {
            pair: said[0] for pair, said in in_parts.items()
        }
        # A name that was Wagemakers once is rarer among sixteen records than among nineteen.
        assert all(abs(at_once[pair][1] - in_parts[pair][1]) < 1.5 for pair in at_once)


def test_a_record_that_says_another_name_leaves_its_person_at_the_next_match(
    tmp_path: Path, clock: FakeClock
) -> None:
    with empty_company(tmp_path, clock=clock) as company:
        now = clock()
        oskar = {"birthday": "1961-05-17", "phone": "0470123456"}
        fill(
            company,
            [
                *(someone(now, n, f"{GIVEN[n]} {name}") for n, name in enumerate(FAMILIES)),
                someone(now, 101, "Oskar Wagemakers", **oskar),
                someone(now, 102, "Oskar Wagemakers", **oskar),
            ],
        )
        assert match_company(company).merged == 1
        anew = someone(now, 102, "Mieke Hendrickx", birthday="1987-11-30", phone="0499887766")
        fill(
            company,
            [
                msgspec.structs.replace(
                    anew, touchpoint_id="anew", occurred_at=now - timedelta(days=1)
                )
            ],
        )
        assert len(kept_pairs(company)) == 1
        assert not match_company(company, whole=False).merged
        assert kept_pairs(company) == {}
        assert named(company, name="Mieke Hendrickx", birthday="1987-11-30") == ["Mieke Hendrickx"]
        assert named(company, name="Oskar Wagemakers", **oskar) == ["Oskar Wagemakers"]


def test_a_steward_s_word_marks_its_records_and_holds_in_parts(
    tmp_path: Path, clock: FakeClock
) -> None:
    with empty_company(tmp_path, clock=clock) as company:
        now = clock()
        fill(
            company,
            [
                someone(now, 2 * n + side, f"Johanna {family}", city="Gent", postal_code="9000")
                for n, family in enumerate(FAMILIES)
                for side in range(2)
            ],
        )
        match_company(company)
        waiting = next(
            f"{a}-{b}" for (a, b), (joined, _) in sorted(kept_pairs(company).items()) if not joined
        )
        judge(company, waiting, same=True, author=ELS)
        assert matching_is_due(company) is False  # not at once: it was matched just now
        clock.advance(timedelta(hours=1))
        assert matching_is_due(company)
        done = match_company(company, whole=False)
        assert 0 < done.records < 2 * len(FAMILIES)
        assert done.merged == done.split == 0  # the word was heard when it was spoken
        a, b = map(int, waiting.split("-"))
        assert kept_pairs(company)[a, b][0]


def test_a_rule_that_is_changed_has_all_records_matched(tmp_path: Path, clock: FakeClock) -> None:
    with empty_company(tmp_path, clock=clock) as company:
        now = clock()
        fill(company, [someone(now, n, f"Johanna {family}") for n, family in enumerate(FAMILIES)])
        match_company(company)
        with company.ledger.read() as connection:
            kept = kept_index(connection)
        with company.ledger.write() as connection:
            connection.execute(
                insert(blocked_value).values(
                    kind="email", value="niemand@kassa.be", reason="typed", author=ELS, at=now
                )
            )
        match_company(company)
        with company.ledger.read() as connection:
            anew = kept_index(connection)
        assert kept is not None
        assert anew is not None
        assert kept.made_with != anew.made_with


def test_of_two_people_all_their_records_are_heard(tmp_path: Path, clock: FakeClock) -> None:
    # The father's shop record says no birthday: alone it could be the son's.
    with empty_company(tmp_path, clock=clock) as company:
        now = clock()
        home = {"city": "Gent", "postal_code": "9000", "street": "Dorpsstraat 3"}
        fill(
            company,
            [
                someone(now, 1, "Jan Peeters", birthday="1975-01-05", phone="0470550101", **home),
                someone(now, 2, "Jan Peeters", phone="0470550101", city="Gent"),
                someone(now, 3, "Jan Peeters", birthday="2003-09-09", phone="0470550909", **home),
            ],
        )
        match_company(company)
        with company.ledger.read() as connection:
            rows = connection.execute(select(pair_score)).all()
            (suggested,) = connection.execute(select(review_pair)).all()
        apart = sorted((row for row in rows if not row.joined), key=lambda row: row.bits)
        assert len(apart) == 2
        least, most = apart
        # Neither what the likelier pair says nor what the other does, but both together.
        assert least.probability == most.probability
        assert probability_of(least.bits) < most.probability < probability_of(most.bits)
        # The records that are shown are the most alike ones.
        assert (suggested.atom_a, suggested.atom_b) == (most.atom_a, most.atom_b)
        assert suggested.probability == most.probability
