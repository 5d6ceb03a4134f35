"""A silo that dates nothing may be imported each day: only what it says anew is kept anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rapport.collect.mapping import mapping_from
from rapport.workflows.import_files import import_file
from tests.company import empty_company

pytestmark = pytest.mark.slow  # whole companies: not before every commit

UNDATED: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "contacts": (
        "people.csv",
        {"columns": {"record_id": "id", "email": "mail", "consent_email_marketing": "news"}},
        "id,mail,news\n1,ann@example.org,yes\n2,bo@example.org,no\n",
        "id,mail,news\n1,ann@example.org,yes\n2,beau@example.org,no\n",
    ),
    "accounts": (
        "companies.csv",
        {"columns": {"account_id": "id", "account_name": "name"}},
        "id,name\n1,Peeters NV\n2,Kovács Kft.\n",
        "id,name\n1,Peeters NV\n2,Kovács Zrt.\n",
    ),
    "deals": (
        "deals.csv",
        {"columns": {"deal_id": "id", "account_id": "account", "stage": "stage"}},
        "id,account,stage\n1,a,open\n2,b,open\n",
        "id,account,stage\n1,a,open\n2,b,offer\n",
    ),
    "vcard": (
        "cards.vcf",
        {},
        "BEGIN:VCARD\nVERSION:3.0\nUID:1\nFN:Ann\nEMAIL:ann@example.org\nEND:VCARD\n"
        "BEGIN:VCARD\nVERSION:3.0\nUID:2\nFN:Bo\nEMAIL:bo@example.org\nEND:VCARD\n",
        "BEGIN:VCARD\nVERSION:3.0\nUID:1\nFN:Ann\nEMAIL:ann@example.org\nEND:VCARD\n"
        "BEGIN:VCARD\nVERSION:3.0\nUID:2\nFN:Beau\nEMAIL:bo@example.org\nEND:VCARD\n",
    ),
}


class Clock:
    """A day passes between imports."""

    now = datetime(2026, 11, 1, 12, 30, 15, 123_456, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.mark.parametrize("kind", UNDATED)
def test_records_without_dates_correct_nothing_until_they_say_something_else(
    kind: str, tmp_path: Path
) -> None:
    name, parts, before, after = UNDATED[kind]
    mapping = mapping_from({"source": "crm", "kind": kind, **parts}, "the test")
    clock = Clock()
    path = tmp_path / name
    came = []
    with empty_company(tmp_path, clock=clock) as company:
        for text in (before, before, after, after, before, before):
            path.write_text(text)
            clock.now += timedelta(days=1)
            done = import_file(company, path, mapping)
            came.append((done.accepted, done.corrected, done.duplicates, done.refused))
    # A card's id does not name its record, so that its going back is not seen.
    back = (0, 0, 2, 0) if kind == "vcard" else (0, 1, 1, 0)
    assert came == [(2, 0, 0, 0), (0, 0, 2, 0), (1, 0, 1, 0), (0, 0, 2, 0), back, (0, 0, 2, 0)]
