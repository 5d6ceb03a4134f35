"""Matching a company's records: what stewards said makes the next probabilities right."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from rapport.unify.matching.model import default_model
from rapport.vocabulary.ledger_tables import link_constraint, pair_score
from rapport.workflows.company import Company
from rapport.workflows.customer_changes import undo
from rapport.workflows.identity_review import judge
from rapport.workflows.matching import match_company
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
