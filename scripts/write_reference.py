"""Write the reference pages of the manual from what the code itself says.

    python scripts/write_reference.py          writes docs/reference/
    python scripts/write_reference.py --check  says which pages are old, and changes nothing

`tests/docs/test_reference.py` fails while a page says something else than the code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import groupby
from pathlib import Path

import click
import sqlalchemy

from rapport import errors
from rapport.cli import main_group
from rapport.collect.catalogue import DIALECTS, count_by_tier, data_sources
from rapport.collect.connectors import KINDS, connector_of
from rapport.settings import PREFIX, Secret, Settings
from rapport.vocabulary.access import PERMISSIONS, ROLES
from rapport.vocabulary.identifier import IDENTIFIER_KINDS
from rapport.vocabulary.lake_tables import LAKE_TABLES
from rapport.vocabulary.ledger_tables import metadata
from rapport.vocabulary.profile import ATTRIBUTES
from rapport.vocabulary.touchpoint import CHANNELS, REFUSAL_REASONS

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
WRITTEN = (
    "This page is written by `python scripts/write_reference.py`; change {source}, not this.\n"
)


# ── commands ───────────────────────────────────────────────────────────────────────────────────


def cli() -> str:
    """Every command with its help."""
    parts = [
        "# Commands",
        "",
        WRITTEN.format(source="`src/rapport/cli/`"),
        "Settings that stand before the command hold for all of them: `rapport --data FOLDER "
        "COMMAND`. `--json` prints the exact result for programs. Exit codes: "
        "[Errors](errors.md).",
        "",
        *_help(("rapport",), main_group),
    ]
    for path, command in _commands(main_group, ("rapport",)):
        parts += [f"## `{' '.join(path)}`", "", *_help(path, command)]
    return "\n".join(parts)


def _commands(
    group: click.Group, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in sorted(group.commands.items()):
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


def _help(path: tuple[str, ...], command: click.Command) -> list[str]:
    # A width of its own, so that the page is the same wherever it is written.
    context = click.Context(
        command, info_name=" ".join(path), terminal_width=98, max_content_width=98,
        help_option_names=["-h", "--help"],
    )  # fmt: skip
    return ["```text", *(line.rstrip() for line in command.get_help(context).splitlines()),
            "```", ""]  # fmt: skip


# ── settings ───────────────────────────────────────────────────────────────────────────────────


def settings() -> str:
    """Every setting with its default and meaning."""
    lines = [
        "# Settings",
        "",
        WRITTEN.format(source="`src/rapport/settings.py`"),
        "Rapport starts without any. Each is an environment variable; an option of a command "
        "(`--data`, `--port`, `--host`) comes before it. A name that does not exist, or a value "
        "that does not fit, stops the command and says so, all mistakes at once.",
        "",
        "| Variable | Type | Default | Meaning |",
        "|---|---|---|---|",
    ]
    for setting in fields(Settings):
        secret = isinstance(setting.default, Secret)
        default = str(setting.default).lower() if setting.default in (True, False) else (
            str(setting.default))  # fmt: skip
        shown = "" if secret or default == "" else f"`{default}`"
        kind = "secret" if secret else type(setting.default).__name__
        lines.append(
            f"| `{PREFIX}{setting.name.upper()}` | {_TYPES[kind]} | {shown} | "
            f"{setting.metadata['meaning']} |"
        )
    return "\n".join([*lines, "", _COMPANY_CHOICES])


_TYPES = {
    "str": "text",
    "int": "whole number",
    "bool": "true or false",
    "secret": "secret, shown as stars",
}
_COMPANY_CHOICES = """What belongs to the company rather than to the machine, such as its name, \
reporting currency and time
zone, is kept in the ledger and moves with the data folder.
"""


# ── stores ─────────────────────────────────────────────────────────────────────────────────────

#: What a row of each table is.
LEDGER_ROWS: dict[str, str] = {
    "account": "a company with people: whom we know of it, what it bought; derived",
    "account_member": "one person of a company, since when and why; derived",
    "alert_rule": "a condition on touchpoints that opens a ticket, and who gets it",
    "api_token": "a token with which a program acts as a user; only its digest is kept",
    "atom": "a record or device that produced touchpoints; it never changes",
    "attribute": "the latest value of one attribute as one record states it",
    "audit": "who changed what in Rapport, and when",
    "belonging": "what one record says of where its person lives or works",
    "blocked_value": "a value that proves nothing about who is who, such as test@test.com",
    "board": "questions beside each other under a name, and the roles that may see them",
    "board_card": "one question of a board, in its place",
    "board_mail": "when a board is mailed, and to which colleagues",
    "conflict": "one silo whose word on a person does not stand, and how much harm that does; "
    "derived, without values",
    "conflict_total": "how many conflicts of one kind there are between two silos; moved with each",
    "consent": "one word of a person on one purpose; the latest counts",
    "contact": "the contact ledger: one touch that we began, on any channel",
    "contact_policy": "at most so many messages in so many days",
    "decision": "one change of identity, by whom and why; append-only",
    "exchange_rate": "what one unit of a currency is worth from a day on",
    "group_role": "a colleague's word on somebody's role in a household or at a company",
    "group_word": "a colleague's word that two records do, or do not, belong together",
    "household": "people who live together; derived",
    "household_member": "one person of a household, since when and why; derived",
    "identifier": "a value, such as an e-mail address, that one record holds",
    "identity_day": "how well records were joined, measured once a day",
    "identity_proposal": "a large join or split that waits, or waited, for a second person",
    "job": "long work, how far it is and how it ended",
    "journal": "one accepted payload, in order of arrival; the truth all else is made from",
    "pair_score": "two records that matching found alike, with weights, joined or to be reviewed",
    "link_constraint": "a steward's word that two records are, or are not, one person",
    "hypothesis": "what somebody believes of customers, in their words and as a comparison",
    "hypothesis_look": "one look at the data for a hypothesis, with its verdict; append-only",
    "journey_version": "a journey's definition as it stood from then on; append-only",
    "membership": "which profile a record belongs to, from when until when",
    "model_version": "one fit of a model with its model card",
    "next_action": "what we advise to do next with a person, and what became of it",
    "outbox": "one message on its way out, with its attempts and receipt",
    "pinned_value": "the value of an attribute that a person chose to show",
    "position": "how far each worker has walked the journal",
    "persona": "a discovered group of customers, with the id and name that it keeps",
    "persona_fit": "one search for groups of customers: how many, how stable, who moved",
    "persona_member": "the discovered group that a customer is in",
    "portrait": "what the members of a segment are like beside everybody",
    "profile": "a resolved person with the chosen values; derived",
    "review_pair": "two people that matching suggests to be one; derived",
    "review_verdict": "what a steward said of such a suggestion",
    "refused": "one record that could not be used, whole, with its reason",
    "score": "the current scores of each profile",
    "search_term": "one folded word under which the search box finds a profile",
    "segment": "a rule over customers",
    "segment_change": "somebody who entered or left a segment, when, and which condition changed",
    "segment_day": "how many belonged to a segment at the end of a day, and how many came and went",
    "segment_mark": "a profile whose place in segments must be looked at again",
    "segment_member": "somebody who belongs to a segment, and since when",
    "segment_state": "what every condition of every segment says of a profile, and when to look "
    "again",
    "segment_version": "all segments with their rules, by which people were last placed",
    "send_decision": "one yes or no to a message, with the check that decided",
    "session": "a signed-in browser; only the digest of its token is kept",
    "setting": "a choice of the company, such as its reporting currency",
    "settlement": "a colleague's word on which silo is right about an order or a consent",
    "sign_in_attempt": "failed attempts to sign in, which slow the next down",
    "source": "a silo: where data comes from, its mapping and its promise of freshness",
    "source_day": "accepted and refused records of a source on one day",
    "stale_profile": "a profile whose derived values wait to be renewed",
    "overruled_link": "a person's link that a later word overruled",
    "unmatched_record": "a record that waits to be matched",
    "suppression": "an address that must not be written to, and why",
    "ticket": "something that a person must answer, with owner, due time and cause",
    "ticket_note": "what somebody wrote or did on a ticket",
    "user_account": "somebody who signs in",
    "value_proof": "what happened last that shows whether a value works: a click, a call, a bounce",
    "value_rule": "how an attribute chooses where silos differ, who made the rule, and until when",
}
LAKE_ROWS: dict[str, str] = {
    "touchpoints": "one recorded interaction",
    "order_items": "one line of an order",
    "site_events": "what a visitor of a web site did, read out of the touchpoint of that position",
    "membership": "which profile each record belonged to when the snapshot was made",
    "customers": "one profile with what questions and segments ask about it; derived",
    "scores": "one score of one profile as one model version gave it",
    "model_versions": "one fitted or refused model; kept in the ledger and laid over the lake, "
    "never written to it",
    "stated_figures": "a cost, spending or target that the company states, for a stretch of time; "
    "kept in the ledger and laid over the lake, never written to it",
}


def tables() -> str:
    """Every stored table and column."""
    lines = [
        "# Tables",
        "",
        WRITTEN.format(source="`src/rapport/vocabulary/ledger_tables.py` and `lake_tables.py`"),
        "Two stores hold everything ([decisions](../decisions/)): the **ledger** (SQLite or "
        "PostgreSQL) and the **lake** (Delta tables, which any tool that reads Delta or Parquet "
        "can open). Times are UTC. *Key*: part of the primary key; *needed*: never empty.",
        "",
        "## Ledger",
        "",
    ]
    for name, table in sorted(metadata.tables.items()):
        lines += [f"### `{name}`", "", f"A row is {LEDGER_ROWS[name]}.", "",
                  "| Column | Type | |", "|---|---|---|"]  # fmt: skip
        for column in table.columns:
            marks = "key" if column.primary_key else "" if column.nullable else "needed"
            lines.append(f"| `{column.name}` | {_ledger_type(column.type)} | {marks} |")
        lines.append("")
    lines += ["## Lake", ""]
    for name, schema in LAKE_TABLES.items():
        lines += [f"### `{name}` in the lake", "", f"A row is {LAKE_ROWS[name]}.", "",
                  "| Column | Type | |", "|---|---|---|"]  # fmt: skip
        for field in schema:
            marks = "" if field.nullable else "needed"
            lines.append(f"| `{field.name}` | {_LAKE_TYPES.get(str(field.type), field.type)} | "
                         f"{marks} |")  # fmt: skip
        lines.append("")
    return "\n".join(lines)


_LEDGER_TYPES = {
    "UtcTime": "time, microseconds since 1970 in UTC",
    "Json": "JSON text",
    "Money": "money, in ten-thousandths",
    "Text": "text",
    "Integer": "whole number",
    "BigInteger": "whole number",
    "Boolean": "true or false",
    "Float": "number",
    "Date": "date",
    "LargeBinary": "bytes",
}
_LAKE_TYPES = {
    "string": "text",
    "int32": "whole number",
    "int64": "whole number",
    "double": "number",
    "bool": "true or false",
    "timestamp[us, tz=UTC]": "time",
    "decimal128(18, 4)": "money or quantity, four decimals",
}


def _ledger_type(column_type: sqlalchemy.types.TypeEngine[object]) -> str:
    return _LEDGER_TYPES[type(column_type).__name__]


# ── words that the product uses ────────────────────────────────────────────────────────────────


def refusals() -> str:
    """Why a record is refused."""
    lines = [
        "# Why a record is refused",
        "",
        WRITTEN.format(source="`REFUSAL_REASONS` in `src/rapport/vocabulary/touchpoint.py`"),
        "A record that cannot be used is not lost: it is kept whole with one of these reasons, "
        "counted, shown with its file and line, and can be read again once the cause is mended. "
        "See [Read refused rows](../how-to/read-refused-rows.md).",
        "",
        "| Reason | Meaning |",
        "|---|---|",
        *(f"| `{code}` | {meaning} |" for code, meaning in REFUSAL_REASONS.items()),
        "",
    ]
    return "\n".join(lines)


def access() -> str:
    """Roles and permissions."""
    head = " | ".join(ROLES)
    lines = [
        "# Roles and permissions",
        "",
        WRITTEN.format(source="`src/rapport/vocabulary/access.py`"),
        "Every page and every address of the API states the permission it needs; one that states "
        "none is refused to everybody.",
        "",
        f"| Permission | Allows to | {head} |",
        f"|---|---|{'---|' * len(ROLES)}",
    ]
    for permission, meaning in PERMISSIONS.items():
        held = " | ".join("yes" if permission in role else "" for role in ROLES.values())
        lines.append(f"| `{permission}` | {meaning} | {held} |")
    return "\n".join([*lines, ""])


def _family(root: type[errors.RapportError]) -> Iterator[type[errors.RapportError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:  # a room's own error has the code of its parent
            yield from _family(child)


def error_codes() -> str:
    """Every error with its code, HTTP status and exit code."""
    lines = [
        "# Errors",
        "",
        WRITTEN.format(source="`src/rapport/errors.py`"),
        "Every error says in one sentence what happened and what to do next. Programs read its "
        'code: `{"code": …, "message": …}` from the API, the exit code from a command. '
        "Exit code 75 means that trying again later may work.",
        "",
        "| Code | HTTP status | Exit code | When |",
        "|---|---|---|---|",
    ]
    notes = _error_notes()
    lines.extend(
        f"| `{error.code}` | {error.http_status} | {error.exit_code} | {notes[error.__name__]} |"
        for error in _family(errors.RapportError)
    )
    lines += [
        "",
        "A command also ends with 0 when all went well, 1 when `rapport doctor` found something "
        "bad, 2 when it was used wrongly, and 130 after Ctrl-C.",
        "",
    ]
    return "\n".join(lines)


def _error_notes() -> dict[str, str]:
    """The words beside each class in the drawing at the top of `errors.py`."""
    notes: dict[str, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        words = line.strip("│├└─ ").split(maxsplit=1)
        if words and words[0] in vars(errors):
            notes[words[0]] = words[1].strip() if len(words) > 1 else ""
    return notes


def files() -> str:
    """Kinds of files and their fields."""
    lines = [
        "# Files that can be imported",
        "",
        WRITTEN.format(source="`src/rapport/collect/connectors/`"),
        "`rapport import KIND FILE` reads CSV, JSON, JSON lines and Parquet, also packed with "
        "gzip. A mapping file beside the data (`sales.csv.mapping.toml`) says which column is "
        "which field: [Your own data](../tutorials/your-own-data.md).",
        "",
    ]
    for kind in KINDS:
        connector = connector_of(kind)
        lines += [
            f"## `{kind}`",
            "",
            f"{connector.label}.",
            "",
            f"Needed: {_codes(connector.required)}.",
            "",
            f"Possible: {_codes(connector.optional)}.",
            "",
        ]
    lines += ["## Channels", "", f"A `channel` is one of {_codes(CHANNELS)}.", ""]
    return "\n".join(lines)


def sources() -> str:
    """Kinds of sources, what leads to them, and how far each is tested."""
    counts = count_by_tier()
    lines = [
        "# Sources that can be connected",
        "",
        WRITTEN.format(source="`src/rapport/collect/catalogue.py`"),
        f"{sum(counts.values())} kinds of sources: "
        + ", ".join(f"{count} {tier}" for tier, count in counts.items())
        + ". Each counts once, however many ways lead to it; `rapport sources kinds` prints them.",
        "",
        "- **live-tested**: a test goes the whole way with the real thing: the maker's own library "
        "against a running server, a running database or storage, or a file of an open format or "
        "a plain table.",
        "- **contract-tested**: a test holds it to what its maker documents, recorded or written "
        "as a sample. No account of ours was asked.",
        "- **dialect-compiled**: a test compiles the very statements that would be asked; none "
        "were run.",
        "",
        "How to connect them: [a database](../how-to/fetch-from-a-database.md), "
        "[files](../how-to/fetch-files.md), [a service](../how-to/fetch-from-a-service.md), "
        "[a mailbox](../how-to/fetch-a-mailbox.md), [a Singer tap](../how-to/use-a-singer-tap.md), "
        "[other trackers](../how-to/connect-other-trackers.md), "
        "[exported files](../how-to/import-files.md).",
        "",
    ]
    for category, found in groupby(data_sources(), key=lambda each: each.category):
        lines += [f"## {category.capitalize()}", "", "| source | tested | ways |", "|---|---|---|"]
        for each in found:
            ways = ", ".join(f"{way.how} `{way.name}`" for way in each.ways)
            lines.append(f"| {each.label} | {each.tier} | {ways} |")
        lines.append("")
    packages = [each for each in DIALECTS if each.package]
    lines += [
        "## Packages of dialects",
        "",
        "SQLAlchemy speaks MariaDB, Microsoft SQL Server, MySQL, Oracle, PostgreSQL and SQLite by "
        "itself. For the others install the package beside Rapport, and the driver that it asks "
        "for.",
        "",
        "| database | URL begins with | package |",
        "|---|---|---|",
        *(
            f"| {each.label} | `{each.name.replace('.', '+')}://` | `{each.package}` |"
            for each in packages
        ),
        "",
    ]
    return "\n".join(lines)


def _codes(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing"


def people() -> str:
    """Identifiers and attributes of a person."""
    lines = [
        "# Identifiers and attributes",
        "",
        WRITTEN.format(source="`src/rapport/vocabulary/identifier.py` and `profile.py`"),
        "How identifiers join records: [Identity](../explanation/identity.md).",
        "",
        "## Kinds of identifiers",
        "",
        "*Limit*: how many different values one profile may hold. *Within*: where a value is "
        "unique.",
        "",
        "| Kind | What sharing it proves | Limit | Strength (1 is strongest) | Within |",
        "|---|---|---|---|---|",
    ]
    proves = {"person": "the same person", "contact": "supports, never suffices",
              "device": "nothing about two people"}  # fmt: skip
    order = sorted(kind.priority for kind in IDENTIFIER_KINDS.values())
    lines.extend(
        f"| `{kind.kind}` | {proves[kind.identifier_class.value]} | {kind.limit} | "
        f"{order.index(kind.priority) + 1} | {'its source' if kind.scoped else 'the world'} |"
        for kind in IDENTIFIER_KINDS.values()
    )
    lines += ["", "## Attributes", "", "| Attribute | Kind of data |", "|---|---|",
              *(f"| `{name}` | {kind} |" for name, kind in ATTRIBUTES.items()), ""]  # fmt: skip
    return "\n".join(lines)


PAGES: dict[str, Callable[[], str]] = {
    "access.md": access,
    "cli.md": cli,
    "errors.md": error_codes,
    "files.md": files,
    "people.md": people,
    "refusals.md": refusals,
    "settings.md": settings,
    "sources.md": sources,
    "tables.md": tables,
}


def old_pages() -> list[str]:
    """Names of the pages that say something else than the code."""
    return [
        name
        for name, write in PAGES.items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text("utf-8") != write()
    ]


def main() -> None:
    """Write the pages, or only look."""
    old = old_pages()
    if "--check" in sys.argv[1:]:
        sys.stdout.write("".join(f"{name} is old\n" for name in old))
        sys.exit(1 if old else 0)
    for name in old:
        (FOLDER / name).write_text(PAGES[name](), encoding="utf-8")
        sys.stdout.write(f"{name} written\n")


if __name__ == "__main__":
    main()
