"""An alias call joins who somebody was to who they are, whichever of the two ids it means."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw
from sqlalchemy import select

from rapport.collect.segment import SegmentEnvelope, encode_envelope
from rapport.collect.touchpoints import touchpoint_from_segment
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.touchpoint import Touchpoint
from rapport.workflows.resolve import resolve_company
from tests.company import empty_company
from tests.conftest import FakeClock
from tests.touchpoints import START, keep

pytestmark = pytest.mark.slow  # seconds: not before every commit

BROWSED = ("track", {"anonymousId": "A", "event": "Product Viewed"})
HAD_ANOTHER_ACCOUNT = ("identify", {"userId": "A", "traits": {"email": "old@shop.example"}})
ALIAS = ("alias", {"previousId": "A", "userId": "U"})
BOUGHT = ("identify", {"userId": "U", "traits": {"email": "new@shop.example"}})
STRANGER = ("track", {"anonymousId": "B", "userId": "V", "event": "Product Viewed"})


def _said(minute: int, kind: str, event: dict[str, Any]) -> Touchpoint:
    at = START + timedelta(minutes=minute)
    envelope = SegmentEnvelope(
        type=kind,
        id=f"m{minute}",
        event=Raw(msgspec.json.encode({**event, "timestamp": at.isoformat()})),
    )
    return touchpoint_from_segment(encode_envelope(envelope), "shop", at)


@pytest.mark.parametrize("before", [BROWSED, HAD_ANOTHER_ACCOUNT], ids=["browser", "account"])
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_an_alias_joins_a_browser_or_an_account_to_the_user_in_any_order(
    tmp_path: Path, clock: FakeClock, before: tuple[str, Any], order: tuple[int, ...]
) -> None:
    story = (before, ALIAS, BOUGHT)
    told = [*(story[n] for n in order), STRANGER]
    with empty_company(tmp_path, clock=clock) as company:
        keep(company, [_said(minute, *call) for minute, call in enumerate(told)])
        resolve_company(company)
        with company.ledger.read() as connection:
            profiles = connection.execute(select(t.profile.c.touchpoint_count)).scalars().all()
    # The stranger, and all that the one person did; an alias is nothing done.
    assert sorted(profiles) == [1, 2]
