"""Everything that a person can set, run, see or be refused by stands in the manual."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from rapport.act.channels import CHANNELS as SENDING
from rapport.collect.connectors import KINDS
from rapport.errors import RapportError
from rapport.settings import PREFIX, Settings
from rapport.understand.metrics import METRICS
from rapport.vocabulary.access import PERMISSIONS, ROLES
from rapport.vocabulary.identifier import IDENTIFIER_KINDS
from rapport.vocabulary.lake_tables import LAKE_TABLES
from rapport.vocabulary.ledger_tables import metadata
from rapport.vocabulary.touchpoint import CHANNELS, REFUSAL_REASONS
from tests.cli.commands import COMMANDS
from tests.docs.written_reference import generator

DOCS = Path(__file__).resolve().parents[2] / "docs"


def _errors(root: type[RapportError] = RapportError) -> set[str]:
    found = {root.code}
    for child in root.__subclasses__():
        # Tests may define errors of their own; the manual is about ours.
        if child.__module__ == RapportError.__module__:
            found |= _errors(child)
    return found


#: Page of the manual, and how it must name each thing.
DOCUMENTED: dict[str, tuple[str, set[str]]] = {
    "settings": (
        "reference/settings.md",
        {f"`{PREFIX}{f.name.upper()}`" for f in fields(Settings)},
    ),
    "commands": ("reference/cli.md", {f"## `rapport {' '.join(path)}`" for path in COMMANDS}),
    "metrics": ("reference/metrics.md", {f"## `{metric.name}`" for metric in METRICS}),
    "reasons to refuse": ("reference/refusals.md", {f"`{code}`" for code in REFUSAL_REASONS}),
    "permissions": ("reference/access.md", {f"`{name}`" for name in PERMISSIONS}),
    "roles": ("reference/access.md", {f" {name} |" for name in ROLES}),
    "errors": ("reference/errors.md", {f"`{code}`" for code in _errors()}),
    "kinds of files": ("reference/files.md", {f"## `{kind}`" for kind in KINDS}),
    "channels": ("reference/files.md", {f"`{channel}`" for channel in CHANNELS}),
    "kinds of identifiers": ("reference/people.md", {f"`{kind}`" for kind in IDENTIFIER_KINDS}),
    "tables of the ledger": ("reference/tables.md", {f"### `{t}`\n" for t in metadata.tables}),
    "tables of the lake": ("reference/tables.md", {f"### `{t}` in the lake" for t in LAKE_TABLES}),
    "reasons not to write": (
        "explanation/contact-policy.md",
        {"`consent_missing`", "`suppressed`", "`policy_cap`", "`already_contacted`"},
    ),
}


@pytest.mark.parametrize("what", DOCUMENTED)
def test_everything_is_in_the_manual(what: str) -> None:
    page, names = DOCUMENTED[what]
    text = (DOCS / page).read_text("utf-8")
    assert names
    assert sorted(name for name in names if name not in text) == []


def test_every_table_says_what_a_row_of_it_is() -> None:
    pages = generator()
    assert set(pages["LEDGER_ROWS"]) == set(metadata.tables)
    assert set(pages["LAKE_ROWS"]) == set(LAKE_TABLES)


def test_every_setting_says_what_it_means() -> None:
    assert [f.name for f in fields(Settings) if not f.metadata.get("meaning")] == []


def test_every_reason_to_refuse_and_permission_has_words() -> None:
    for code, meaning in {**REFUSAL_REASONS, **PERMISSIONS}.items():
        assert len(meaning) > 8, code


def test_every_reason_not_to_write_that_the_code_gives_is_explained() -> None:
    source = (DOCS.parent / "src/rapport/act/decide.py").read_text("utf-8")
    page = (DOCS / "explanation/contact-policy.md").read_text("utf-8")
    given = set(re.findall(r'"code": "([a-z_]+)"', source))
    assert sorted(code for code in given if f"`{code}`" not in page) == []


def test_every_channel_that_sends_is_in_the_manual() -> None:
    how_to = (DOCS / "how-to/send-email.md").read_text("utf-8").lower()
    for name, _module in SENDING:
        assert name in how_to.replace("e-mail", "email")
