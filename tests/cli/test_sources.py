"""What was refused is seen, mended and tried again in the shell as in the pages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rapport.errors import InvalidInput, NotFound
from tests.cli.conftest import Rapport

pytestmark = pytest.mark.slow  # whole companies: not before every commit

_VISITS = "visit_id,occurred_at,shop\nv1,2026-11-01 10:00,Gent\nv2,02.11.2026 11:00,Gent\n"
#: As the form of the pages: dates are told by the source's own format.
_MENDED = '[file]\ndate_format = "%Y-%m-%d %H:%M"\n'


@pytest.fixture
def till(rapport: Rapport) -> str:
    """A source with one row that its mapping does not fit."""
    Path("visits.csv").write_text(_VISITS)
    Path("mend.toml").write_text(_MENDED)
    ran = rapport("import", "visits", "visits.csv", "--source", "till", "--yes", "--json")
    assert json.loads(ran.out)[0]["refused"] == 1, ran.err
    return "till"


def test_what_was_refused_is_listed_with_its_place_and_reason(rapport: Rapport, till: str) -> None:
    ran = rapport("sources", "refused", till)
    assert ran.code == 0
    assert "1 × invalid_timestamp" in ran.out
    assert "visits.csv:2" in ran.out
    assert "2026-11-01 10:00" not in ran.out  # what it holds may be a person's
    as_csv = rapport("sources", "refused", till, "--csv", "--reason", "invalid_timestamp").out
    assert "v1,2026-11-01 10:00,Gent" in as_csv
    assert (
        rapport("sources", "refused", till, "--reason", "wrong_type").out == "Nothing is refused\n"
    )


def test_a_changed_mapping_is_tried_first_and_then_saves_the_row(
    rapport: Rapport, till: str
) -> None:
    tried = json.loads(rapport("sources", "map", till, "mend.toml", "--dry-run", "--json").out)
    assert tried == {"rows": 1, "accepted": 1, "reasons": {}}
    assert json.loads(rapport("sources", "refused", till, "--json").out)["records"]
    done = json.loads(rapport("sources", "map", till, "mend.toml", "--json").out)
    assert (done["accepted"], done["refused_again"]) == (1, 0)
    again = rapport("sources", "replay", till)
    assert again.out.startswith("0 touchpoints kept, 0 were here already, 0 records")
    assert rapport("sources", "refused", till).out == "Nothing is refused\n"


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ('kind = "orders"', "its kind is visits"),
        ('source = "other"', "its source is till"),
        ('[pull]\nfrom = "files"', "rapport sources connect"),
        ('[columns]\nvisit_id = "visit_id"', "`occurred_at`"),
        ("", "states nothing"),
        ('[colums]\nvisit_id = "visit_id"', "colums"),
    ],
)
def test_a_mapping_that_cannot_be_is_said_and_nothing_changes(
    rapport: Rapport, till: str, written: str, named: str
) -> None:
    Path("wrong.toml").write_text(written)
    ran = rapport("sources", "map", till, "wrong.toml")
    assert ran.code == InvalidInput.exit_code
    assert named in ran.err
    assert json.loads(rapport("sources", "refused", till, "--json").out)["records"]


def test_a_source_is_closed_and_opened(rapport: Rapport, till: str) -> None:
    assert rapport("sources", "disable", till).out == "till is closed\n"
    assert "closed" in rapport("sources", "list").out
    assert rapport("sources", "enable", till).out == "till is open\n"
    assert "closed" not in rapport("sources", "list").out
    assert rapport("sources", "disable", "nothing").code == NotFound.exit_code


def test_a_rhythm_is_set_and_taken_away(rapport: Rapport, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "one.csv").write_text(_VISITS)
    Path("inbox.toml").write_text(
        'source = "inbox"\nkind = "visits"\n'
        f'[pull]\nfrom = "files"\nurl = "{inbox.as_uri()}"\n'
        '[columns]\nvisit_id = "visit_id"\noccurred_at = "occurred_at"\n'
    )
    assert rapport("sources", "connect", "inbox.toml").code == 0
    assert "every 6h, next 20" in rapport("sources", "every", "inbox", "6h").out
    assert "only when asked" in rapport("sources", "every", "inbox", "never").out
    wrong = rapport("sources", "every", "inbox", "often")
    assert wrong.code == InvalidInput.exit_code
    assert "15m, 6h or 1d" in wrong.err
