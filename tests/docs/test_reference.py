"""The reference pages say what the code says."""

from __future__ import annotations

import pytest

from tests.docs.written_reference import ROOT, generator

PAGES = generator()["PAGES"]


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_reference_page_is_current(page: str) -> None:
    path = ROOT / "docs" / "reference" / page
    assert path.exists(), f"docs/reference/{page}: run python scripts/write_reference.py"
    assert path.read_text("utf-8") == PAGES[page](), (
        f"docs/reference/{page} is old: run python scripts/write_reference.py"
    )


def test_every_reference_page_is_written_by_a_program_or_by_hand_knowingly() -> None:
    # A page written by hand falls behind the code unseen, so each is a choice.
    by_hand = {"collector.md", "protocols.md", "tracker.md"}
    written = {path.name for path in (ROOT / "docs" / "reference").glob("*.md")}
    assert written == {*PAGES, "metrics.md", *by_hand}
