"""Every table of the ledger and its columns.

Times are whole microseconds since 1970 in UTC, so that both engines store, sort and compare
them alike; JSON is text that msgspec wrote, so that its bytes are the same on both.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970; exact, unlike a float timestamp."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The moment ``micros`` microseconds after 1970, in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def to_ten_thousandths(amount: Decimal) -> int:
    """``amount`` as the whole number that a column of money holds."""
    return round(amount * 10_000)


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_micros(value)


class Json(TypeDecorator[Any]):
    """Any msgspec value as JSON text; reads back as plain dicts and lists."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value, order="sorted").decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else msgspec.json.decode(value)


class Money(TypeDecorator[Decimal]):
    """An exact amount with four decimals, as a whole number of ten-thousandths."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else to_ten_thousandths(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value) / 10_000


#: Big integers that count themselves: SQLite only counts columns declared INTEGER.
_Serial = BigInteger().with_variant(Integer(), "sqlite")
#: Text compared byte by byte on both engines, so that prefix searches use the index.
_Bytewise = Text().with_variant(Text(collation="C"), "postgresql")

metadata = MetaData()

# ── sources and the journal ────────────────────────────────────────────────────────────────────

source = Table(
    "source",
    metadata,
    Column("source_id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),  # Touchpoint.source
    Column("label", Text, nullable=False),
    Column("kind", Text, nullable=False),  # "collector", "orders", "contacts", … (connector)
    Column("mapping", Json),
    Column("pull", Json),  # where Rapport fetches it from; secrets only as references
    Column("every_minutes", Integer),  # how often it is fetched; null: when asked
    Column("pull_state", Json),  # where the next visit begins, as the last one left it
    Column(
        "write_key_digest", Text, unique=True
    ),  # sha256 of the write key; the key itself is shown once
    Column("created_at", UtcTime, nullable=False),
    Column("expected_every_hours", Integer),  # older than this is "late"
    Column("enabled", Boolean, nullable=False, default=True),
)

journal = Table(
    "journal",
    metadata,
    Column("position", _Serial, primary_key=True, autoincrement=True),
    Column("source_id", Integer, nullable=False),
    Column("message_id", _Bytewise, nullable=False),
    Column("kind", Text, nullable=False),  # "segment": a raw event and its envelope; "touchpoint"
    Column("received_at", UtcTime, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    UniqueConstraint("source_id", "message_id", name="journal_once"),
    sqlite_autoincrement=True,  # a position is never used again, not even after an erasure
)

refused = Table(
    "refused",
    metadata,
    Column("refused_id", _Serial, primary_key=True, autoincrement=True),
    Column("source_id", Integer, nullable=False),
    Column("message_id", Text),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("locator", Text),
    Column("received_at", UtcTime, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("payload_digest", Text, nullable=False),
    Column("replayed_at", UtcTime),
    Index("refused_by_source", "source_id", "received_at"),
    # The same bad row sent again is one refusal, not two.
    UniqueConstraint("source_id", "reason", "payload_digest", name="refused_once"),
)

source_day = Table(
    "source_day",  # counts per source and day, kept by the worker: pages need no scan
    metadata,
    Column("source_id", Integer, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("accepted", Integer, nullable=False, default=0),
    Column("refused", Integer, nullable=False, default=0),
    Column("last_accepted_at", UtcTime),  # how fresh a source is, without a scan of the journal
)

position = Table(
    "position",  # how far each worker has walked the journal
    metadata,
    Column("worker", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

# ── identity ───────────────────────────────────────────────────────────────────────────────────

atom = Table(
    "atom",
    metadata,
    Column("atom_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
)

identifier = Table(
    "identifier",
    metadata,
    Column("kind", _Bytewise, primary_key=True),
    Column("namespace", _Bytewise, primary_key=True),
    Column("value", _Bytewise, primary_key=True),
    Column("atom_id", BigInteger, primary_key=True, autoincrement=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Index("identifier_by_atom", "atom_id"),
)

attribute = Table(
    "attribute",  # the latest value of each attribute as each record states it
    metadata,
    Column("atom_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("observed_at", UtcTime, nullable=False),
    Column("position", BigInteger, nullable=False),
)

blocked_value = Table(
    "blocked_value",  # never evidence: test@test.com, 0000000
    metadata,
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)

profile = Table(
    "profile",
    metadata,
    Column("profile_id", Text, primary_key=True),
    Column("created_at", UtcTime, nullable=False),
    Column("merged_into", Text),  # where an old link now leads
    # The chosen values and counts: derived, rewritten by the worker for every touched profile.
    Column("name", Text),
    Column("email", Text),
    Column("phone", Text),
    Column("birthday", Text),
    Column("gender", Text),  # m, f, x; null: not given
    Column("language", Text),
    Column("country", Text),
    Column("city", Text),
    Column("postal_code", Text),
    Column("first_seen", UtcTime),
    Column("last_seen", UtcTime),
    Column("touchpoint_count", Integer, nullable=False, default=0),
    Column("order_count", Integer, nullable=False, default=0),
    Column("revenue", Money, nullable=False, default=Decimal(0)),
    Column("last_order_at", UtcTime),
    Column("conflict_count", Integer, nullable=False, default=0),
    Index("profile_by_last_seen", "last_seen"),
    Index("profile_by_merged_into", "merged_into"),  # all earlier ids of a person
    Index("profile_by_revenue", "revenue"),
)

stale_profile = Table(
    "stale_profile",  # its derived columns are older than its history; the worker renews them
    metadata,
    Column("mark", _Serial, primary_key=True, autoincrement=True),
    Column("profile_id", Text, nullable=False),
    sqlite_autoincrement=True,  # whoever takes a mark away means that one, and no later one
)

unmatched_record = Table(
    "unmatched_record",  # new, or says something new since records were matched
    metadata,
    Column("mark", _Serial, primary_key=True, autoincrement=True),
    Column("atom_id", BigInteger, nullable=False),
    sqlite_autoincrement=True,  # as of `stale_profile`
)

membership = Table(
    "membership",  # which profile a record belongs to; exactly one open row per atom
    metadata,
    Column("membership_id", _Serial, primary_key=True, autoincrement=True),
    Column("atom_id", BigInteger, nullable=False),
    Column("profile_id", Text, nullable=False),
    Column("valid_from", UtcTime, nullable=False),
    Column("valid_to", UtcTime),
    Column("decision_id", BigInteger, nullable=False),
    Index(
        "membership_open",
        "atom_id",
        unique=True,
        sqlite_where=text("valid_to IS NULL"),
        postgresql_where=text("valid_to IS NULL"),
    ),
    Index("membership_by_profile", "profile_id"),
    Index("membership_by_decision", "decision_id"),
)

decision = Table(
    "decision",  # append-only: every change of identity, by whom and why
    metadata,
    Column("decision_id", _Serial, primary_key=True, autoincrement=True),
    Column(
        "kind", Text, nullable=False
    ),  # create join merge split must_link cannot_link undo erase
    Column("inputs", Json, nullable=False),
    Column("outputs", Json, nullable=False),
    Column("why", Json, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("reverses", BigInteger),
)

link_constraint = Table(
    "link_constraint",  # a human's word, which outranks all evidence
    metadata,
    Column("constraint_id", _Serial, primary_key=True, autoincrement=True),
    Column("atom_a", BigInteger, nullable=False),
    Column("atom_b", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),  # "must" | "cannot"
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decision_id", BigInteger, nullable=False),
    Column("revoked_by", BigInteger),  # the decision since which it does not stand
    Index("link_constraint_by_a", "atom_a"),
    Index("link_constraint_by_b", "atom_b"),
)

overruled_link = Table(
    "overruled_link",  # by which later decisions; they may be undone, and the link stand again
    metadata,
    Column("constraint_id", BigInteger, primary_key=True, autoincrement=False),
    Column("decision_id", BigInteger, primary_key=True, autoincrement=False),
    Index("overruled_link_by_decision", "decision_id"),
)

pair_score = Table(
    "pair_score",  # records that matching found alike: above the review line, others are not kept
    metadata,
    Column("atom_a", BigInteger, primary_key=True, autoincrement=False),  # the smaller number
    Column("atom_b", BigInteger, primary_key=True, autoincrement=False),
    Column("bits", Float, nullable=False),  # match weight, prior included
    Column("probability", Float, nullable=False),  # that they are one person
    Column("joined", Boolean, nullable=False),  # linkage put both into one person
    Column("fields", Json, nullable=False),  # what each comparison says: [name, level, bits]
    Column("model", Text, nullable=False),
    Column("scored_at", UtcTime, nullable=False),
    Index("pair_score_by_b", "atom_b"),
    Index("pair_score_by_probability", "joined", "probability"),
)

review_pair = Table(
    "review_pair",  # two people that matching suggests to be one: derived, the worklist of stewards
    metadata,
    Column("atom_a", BigInteger, primary_key=True, autoincrement=False),  # the most alike records
    Column("atom_b", BigInteger, primary_key=True, autoincrement=False),
    Column("probability", Float, nullable=False),
    Column("joined", Boolean, nullable=False),  # matching joined them, and an objection parts them
    Column("rank", Float, nullable=False),  # likelier and more valuable is higher
    Column("state", Text, nullable=False),  # open | later
    Index("review_pair_by_rank", "state", "rank", "atom_a", "atom_b"),
    Index("review_pair_by_b", "atom_b"),
)

review_verdict = Table(
    "review_verdict",  # what a steward said of a suggestion: how far matching can be believed
    metadata,
    Column("verdict_id", _Serial, primary_key=True, autoincrement=True),
    Column("atom_a", BigInteger, nullable=False),
    Column("atom_b", BigInteger, nullable=False),
    Column("probability", Float, nullable=False),  # as it was said to the steward
    Column("joined", Boolean, nullable=False),
    Column("same", Boolean, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("decision_id", BigInteger),  # none while a second person has not approved it
    Column("undone", Boolean, nullable=False, default=False),
    Index("review_verdict_by_decision", "decision_id"),
    Index("review_verdict_by_probability", "undone", "probability"),
)

identity_proposal = Table(
    "identity_proposal",  # a large join or split that waits for a second person
    metadata,
    Column("proposal_id", _Serial, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),  # join | separate | undo
    Column("sides", Json, nullable=False),  # records, as decimal text, of each side
    Column("reverses", BigInteger),  # of an undo: the decision
    Column("records", Integer, nullable=False),
    Column("value", Money, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", UtcTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("verdict_id", BigInteger),  # the review that led to it
    Column("status", Text, nullable=False),  # open | approved | refused | withdrawn
    Column("decided_by", Text),
    Column("decided_at", UtcTime),
    Column("decided_reason", Text),
    Column("decision_id", BigInteger),
    Index("identity_proposal_by_status", "status", "proposed_at"),
)

identity_day = Table(
    "identity_day",  # how well records were joined, measured once a day: no page counts anything
    metadata,
    Column("day", Date, primary_key=True),
    Column("measured_at", UtcTime, nullable=False),
    Column("last_decision", BigInteger, nullable=False),  # decisions up to it are counted
    Column("figures", Json, nullable=False),  # see unify.identity_figures
)

pinned_value = Table(
    "pinned_value",  # a human chose which silo is right
    metadata,
    Column("profile_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)

value_proof = Table(
    "value_proof",  # what happened that shows whether a stated value works: a click, a bounce
    metadata,
    Column("atom_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),  # the attribute
    Column("value", Text, primary_key=True),  # normalised
    Column("proof", Text),  # clicked wrote spoke paid delivered … ; null: none
    Column("proven_at", UtcTime),
    Column("failure", Text),  # bounced
    Column("failed_at", UtcTime),
)

value_rule = Table(
    "value_rule",  # which value is shown where silos differ, by attribute; none: the usual rule
    metadata,
    Column("rule_id", _Serial, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),  # the attribute; "address" and "name" for their parts
    Column("rule", Json, nullable=False),  # see unify.value_rules.ValueRule
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("changed", Json, nullable=False),  # what was foretold: shown values that change
    Column("ended_at", UtcTime),
    Column("ended_by", Text),
    Column("ended_reason", Text),
    Index(
        "value_rule_open",
        "name",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

settlement = Table(
    "settlement",  # a human's word on a contradiction that is no attribute: which silo is right
    metadata,
    Column("settlement_id", _Serial, primary_key=True, autoincrement=True),
    Column("profile_id", Text, nullable=False),
    Column("kind", Text, nullable=False),  # order | consent
    Column("name", Text, nullable=False),
    Column("item", Text, nullable=False),  # the order's number; "" for a consent
    Column("right_source", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("undone_at", UtcTime),
    Column("undone_by", Text),
    Index("settlement_by_profile", "profile_id"),
)

conflict = Table(
    "conflict",  # silos that contradict each other: derived with a profile's row, never values
    metadata,
    Column("profile_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),  # order | consent | attribute
    Column("name", Text, primary_key=True),
    Column("item", Text, primary_key=True),  # the order's number, else ""
    Column("loser", Text, primary_key=True),  # the silo whose word does not stand
    Column("winner", Text, nullable=False),
    Column("why", Text, nullable=False),  # the rule that decides
    Column("tier", Integer, nullable=False),  # of harm: 1 is the worst
    Column("value", Money, nullable=False),  # money concerned, in the reporting currency
    Column("harm", BigInteger, nullable=False),  # tier and value as one number to sort by
    Column("since", UtcTime, nullable=False),
    Column("settled", Text, nullable=False),  # "" | pin | rule | word
    Column("verified", Boolean, nullable=False),  # something happened that shows who is right
    Column("urgent_until", UtcTime),  # when what makes it worse ends, such as an open delivery
    Index("conflict_by_harm", "settled", "harm", "since", "profile_id"),
    Index(
        "conflict_by_sides",
        *("kind", "name", "winner", "loser", "settled", "harm", "since", "profile_id"),
    ),
    Index("conflict_by_loser", "loser", "profile_id"),
    Index("conflict_by_urgent", "urgent_until"),
)

conflict_total = Table(
    "conflict_total",  # sums of `conflict`, kept with every change: no page counts the rows
    metadata,
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("winner", Text, primary_key=True),
    Column("loser", Text, primary_key=True),
    Column("settled", Text, primary_key=True),
    Column("tier", Integer, primary_key=True, autoincrement=False),
    Column("people", Integer, nullable=False),  # of whom the silos differ so
    Column("verified", Integer, nullable=False),
    Column("value", Money, nullable=False),
)

search_term = Table(
    "search_term",  # what the one search box finds, folded to plain lower-case letters
    metadata,
    Column("term", _Bytewise, primary_key=True),
    Column("kind", Text, primary_key=True),  # name email phone phone_end order card
    Column("profile_id", Text, primary_key=True),
    Index("search_term_by_profile", "profile_id"),
)

# ── households and accounts ─────────────────────────────────────────────────────────────────────

belonging = Table(
    "belonging",  # what a record says of where its person lives and works
    metadata,
    Column("atom_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),  # home | company | account | domain | title
    Column("value", _Bytewise, primary_key=True),  # standardised, so that two silos say the same
    Column("detail", Text, nullable=False),  # of a home the box; else as it was written
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Index("belonging_by_value", "kind", "value"),
)

household = Table(
    "household",  # people who live together: derived with the profiles' rows
    metadata,
    Column("household_id", Text, primary_key=True),  # names its oldest record
    Column("name", Text, nullable=False),  # the family names, most frequent first
    Column("members", Integer, nullable=False),  # who may be one person counted once
    Column("street", Text),
    Column("postal_code", Text),
    Column("city", Text),
    Column("country", Text),
    Column("confidence", Float, nullable=False),  # of its weakest member
    Column("order_count", Integer, nullable=False),
    Column("revenue", Money, nullable=False),
    Column("last_seen", UtcTime),
    Index("household_by_members", "members", "household_id"),
    Index("household_by_name", "name", "household_id"),
    Index("household_by_revenue", "revenue", "household_id"),
)

household_member = Table(
    "household_member",  # a person lives in one household at a time
    metadata,
    Column("profile_id", Text, primary_key=True),
    Column("household_id", Text, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("why", Json, nullable=False),  # [kind, same family name, confidence], strongest first
    Index("household_member_by_household", "household_id"),
)

account = Table(
    "account",  # a company we know people of: derived with the profiles' rows
    metadata,
    Column("account_id", Text, primary_key=True),  # names its oldest record
    Column("profile_id", Text),  # the company as a customer itself; null: only its people name it
    Column("name", Text, nullable=False),
    Column("name_key", _Bytewise, nullable=False),
    Column("business_id", Text),
    Column("domain", Text),
    Column("city", Text),
    Column("country", Text),
    Column("people", Integer, nullable=False),  # suggested ones are not counted
    Column("order_count", Integer, nullable=False),  # the company's own
    Column("revenue", Money, nullable=False),
    Column("last_seen", UtcTime),
    Index("account_by_name", "name_key"),
    Index("account_by_people", "people", "account_id"),
    Index("account_by_profile", "profile_id"),
    Index("account_by_revenue", "revenue", "account_id"),
)

account_member = Table(
    "account_member",  # people of a company; one may be a contact of several
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("profile_id", Text, primary_key=True),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime),  # the record names another company since
    Column("confidence", Float, nullable=False),
    Column("suggested", Boolean, nullable=False),  # only the domain of an e-mail address says so
    Column("title", Text),
    Column("why", Json, nullable=False),  # account_number company_name domain word
    Index("account_member_by_profile", "profile_id"),
)

group_word = Table(
    "group_word",  # a colleague's word on who belongs together, of households and of accounts
    metadata,
    Column("word_id", _Serial, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),  # household | account
    Column("together", Boolean, nullable=False),
    Column("atom_a", BigInteger, nullable=False),  # records, never profiles: words follow merges
    Column("atom_b", BigInteger, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("taken_back_at", UtcTime),
    Column("taken_back_by", Text),
    Index("group_word_by_a", "atom_a"),
    Index("group_word_by_b", "atom_b"),
)

group_role = Table(
    "group_role",  # a colleague's word on somebody's role; without one it is derived
    metadata,
    Column("kind", Text, primary_key=True),  # household | account
    Column("atom_id", BigInteger, primary_key=True, autoincrement=False),
    Column("role", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)

consent = Table(
    "consent",  # every word on every purpose; the latest counts
    metadata,
    Column("atom_id", BigInteger, primary_key=True, autoincrement=False),
    Column("purpose", Text, primary_key=True),
    Column("occurred_at", UtcTime, primary_key=True),
    Column("granted", Boolean, nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("source", Text, nullable=False),
)

# ── acting ─────────────────────────────────────────────────────────────────────────────────────

alert_rule = Table(
    "alert_rule",
    metadata,
    Column("rule_id", _Serial, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True),
    Column("definition", Json, nullable=False),  # see act.alerts.AlertRule
    Column("owner_email", Text, nullable=False),
    Column("enabled", Boolean, nullable=False, default=True),
)

ticket = Table(
    "ticket",
    metadata,
    Column("ticket_id", _Serial, primary_key=True, autoincrement=True),
    Column("rule_id", BigInteger),
    Column("atom_id", BigInteger),  # never the profile: history follows merges
    Column("position", BigInteger),  # the touchpoint that caused it
    Column("title_code", Text, nullable=False),  # words are made per language by the page
    Column("facts", Json, nullable=False),
    Column("status", Text, nullable=False),  # open | working | resolved
    Column("owner_email", Text, nullable=False),
    Column("priority", Integer, nullable=False, default=2),
    Column("opened_at", UtcTime, nullable=False),
    Column("due_at", UtcTime),
    Column("resolved_at", UtcTime),
    Column("cause", Text),
    UniqueConstraint("rule_id", "position", name="ticket_once"),
    Index("ticket_by_status", "status", "opened_at"),
    Index("ticket_by_atom", "atom_id"),
)

ticket_note = Table(
    "ticket_note",
    metadata,
    Column("note_id", _Serial, primary_key=True, autoincrement=True),
    Column("ticket_id", BigInteger, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("kind", Text, nullable=False),  # note | assigned | status | contacted
    Column("body", Text, nullable=False),
    Index("ticket_note_by_ticket", "ticket_id"),
)

contact_policy = Table(
    "contact_policy",
    metadata,
    Column("policy_id", _Serial, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True),
    Column("max_messages", Integer, nullable=False),
    Column("window_days", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False, default=True),
)

contact = Table(
    "contact",  # the contact ledger: every touch we initiate, on every channel, human ones too
    metadata,
    Column("contact_id", _Serial, primary_key=True, autoincrement=True),
    Column("profile_id", Text, nullable=False),
    Column("atom_id", BigInteger),
    Column("channel", Text, nullable=False),
    Column("purpose", Text, nullable=False),  # marketing | service | survey
    Column("message_key", Text, nullable=False),  # the same message reaches a person once
    Column("at", UtcTime, nullable=False),
    Column("status", Text, nullable=False),  # reserved | sent | failed | released
    Column("counted", Boolean, nullable=False, default=True),
    Index("contact_by_profile", "profile_id", "at"),
    Index("contact_by_atom", "atom_id"),
    UniqueConstraint("profile_id", "message_key", name="contact_once"),
)

send_decision = Table(
    "send_decision",  # every yes and every no, with its reason
    metadata,
    Column("decision_id", _Serial, primary_key=True, autoincrement=True),
    Column("profile_id", Text, nullable=False),
    Column("message_key", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("allowed", Boolean, nullable=False),
    Column("check", Text, nullable=False),  # the check that decided
    Column("reason", Json, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index("send_decision_by_profile", "profile_id", "at"),
)

suppression = Table(
    "suppression",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("reason", Text, nullable=False),  # bounced | unsubscribed | complaint | request
    Column("at", UtcTime, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("outbox_id", _Serial, primary_key=True, autoincrement=True),
    Column("idempotency_key", Text, nullable=False, unique=True),
    Column("channel", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("message", Json, nullable=False),  # subject, body, headers
    Column("contact_id", BigInteger),  # None: to a colleague, not a customer
    Column("status", Text, nullable=False),  # waiting | sending | sent | failed
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_attempt_at", UtcTime, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
    Column("receipt", Text),
    Column("last_error", Text),
    Index("outbox_due", "status", "next_attempt_at"),
    Index("outbox_by_contact", "contact_id"),
)

next_action = Table(
    "next_action",  # what we advise to do next with a person, and what became of it
    metadata,
    Column("profile_id", Text, primary_key=True),
    Column("code", Text, nullable=False),
    Column("facts", Json, nullable=False),
    Column("expected_value", Money),
    Column("made_at", UtcTime, nullable=False),
    Column("status", Text, nullable=False),  # open | accepted | declined
    Column("status_by", Text),
)

# ── understanding and predicting ───────────────────────────────────────────────────────────────

segment = Table(
    "segment",
    metadata,
    Column("segment_id", _Serial, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True),
    Column("rule", Json, nullable=False),  # see understand.segments
    Column("author", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

board = Table(
    "board",
    metadata,
    Column("board_id", _Serial, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("roles", Json, nullable=False),  # who may see it besides its author
    Column("author", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("removed_at", UtcTime),  # kept, so that removing can be undone
)

board_card = Table(
    "board_card",
    metadata,
    Column("card_id", _Serial, primary_key=True, autoincrement=True),
    Column("board_id", BigInteger, nullable=False),
    Column("place", Integer, nullable=False),
    Column("title", Text),  # null: the names of its metrics
    Column("question", Json, nullable=False),  # see workflows.saved_questions
    Column("removed_at", UtcTime),
    Index("board_card_by_board", "board_id", "place"),
)

board_mail = Table(
    "board_mail",
    metadata,
    Column("board", Text, primary_key=True),  # its key; a ready-made one's own
    Column("weekday", Integer, nullable=False),  # 0: Monday
    Column("hour", Integer, nullable=False),  # of the company's time zone
    Column("recipients", Json, nullable=False),  # e-mail addresses of users
    Column("author", Text, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
)

journey_version = Table(
    "journey_version",  # append-only: the newest of a key holds; see understand.journeys
    metadata,
    Column("version_id", _Serial, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False),  # of the addresses; a ready-made one's own where changed
    Column("version", Integer, nullable=False),  # of the key, from 1
    Column("name", Text),  # null: a ready-made journey, which pages name
    Column("definition", Json),  # null: taken back; a ready-made journey is then as it came
    Column("author", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    UniqueConstraint("key", "version"),
)

hypothesis = Table(
    "hypothesis",  # what somebody believes of customers; see understand.hypotheses
    metadata,
    Column("hypothesis_id", _Serial, primary_key=True, autoincrement=True),
    Column("statement", Text, nullable=False),  # in the author's words
    Column("definition", Json, nullable=False),
    Column("author", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("withdrawn_at", UtcTime),  # its looks still count
)

hypothesis_look = Table(
    "hypothesis_look",  # append-only: each look at the data makes the next one stricter
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # of the company, from 1
    Column("hypothesis_id", BigInteger, nullable=False),
    Column("looked_at", UtcTime, nullable=False),
    Column("data_until", UtcTime, nullable=False),
    Column("data_version", Text, nullable=False),  # a second look at the same data is no look
    Column("author", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("is_finding", Boolean, nullable=False),  # chance is ruled out, whichever way round
    Column("result", Json, nullable=False),
    Index("hypothesis_look_of", "hypothesis_id"),
)

segment_version = Table(
    "segment_version",  # all segments with their rules, as people were last placed by them
    metadata,
    Column("version_id", _Serial, primary_key=True, autoincrement=True),
    Column("segments", Json, nullable=False),  # pairs of key and rule, in order
    Column("made_at", UtcTime, nullable=False),
    Column("whole", Boolean, nullable=False),  # everybody is placed by it
    sqlite_autoincrement=True,
)

segment_state = Table(
    "segment_state",  # what every condition says of a person; see understand.segments.standing
    metadata,
    Column("profile_id", Text, primary_key=True),
    Column("version_id", BigInteger, nullable=False),
    Column("truths", Text, nullable=False),
    Column("look_at", UtcTime),  # before it nothing changes by itself; null: never
    Index("segment_state_due", "look_at"),
)

segment_member = Table(
    "segment_member",  # who belongs to which segment, since when
    metadata,
    Column("segment_key", Text, primary_key=True),
    Column("profile_id", Text, primary_key=True),
    Column("since", UtcTime, nullable=False),
    Column("from_start", Boolean, nullable=False),  # was there when the segment began
    Index("segment_member_by_profile", "profile_id"),
)

segment_change = Table(
    "segment_change",  # who entered or left, when and why
    metadata,
    Column("change_id", _Serial, primary_key=True, autoincrement=True),
    Column("segment_key", Text, nullable=False),
    Column("profile_id", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("entered", Boolean, nullable=False),
    Column("cause", Text, nullable=False),  # "touchpoint", "time", "figures", "identity", "rule"
    Column("why", Json, nullable=False),  # the conditions that changed, and whether they hold now
    Index("segment_change_by_segment", "segment_key", "change_id"),
    Index("segment_change_by_profile", "profile_id"),
)

segment_day = Table(
    "segment_day",  # how many belonged at the end of a day, and how many came and went
    metadata,
    Column("segment_key", Text, primary_key=True),
    Column("day", Date, primary_key=True),  # of the company's time zone
    Column("members", Integer, nullable=False),
    Column("entered", Integer, nullable=False),
    Column("left", Integer, nullable=False),
)

segment_mark = Table(
    "segment_mark",  # somebody whose place in segments may have changed; the worker looks
    metadata,
    Column("mark", _Serial, primary_key=True, autoincrement=True),
    Column("profile_id", Text, nullable=False),
    sqlite_autoincrement=True,  # as of `stale_profile`
)

model_version = Table(
    "model_version",
    metadata,
    Column("version_id", _Serial, primary_key=True, autoincrement=True),
    Column("model", Text, nullable=False),
    Column("fitted_at", UtcTime, nullable=False),
    Column("data_until", UtcTime, nullable=False),
    Column("card", Json, nullable=False),  # parameters, what it saw, back-test, calibration
    Column("status", Text, nullable=False),  # live | retired | refused
)

score = Table(
    "score",  # the current scores of each profile; the lake keeps their history
    metadata,
    Column("profile_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),  # probability_alive, expected_orders, expected_value
    Column("value", Float, nullable=False),
    Column("low", Float),
    Column("high", Float),
    Column("reasons", Json, nullable=False),
    Column("version_id", BigInteger, nullable=False),
    Column("as_of", UtcTime, nullable=False),
    Column("horizon_days", Integer),
)

persona_fit = Table(
    "persona_fit",  # one search for groups of customers that are found again
    metadata,
    Column("fit_id", _Serial, primary_key=True, autoincrement=True),
    Column("fitted_at", UtcTime, nullable=False),
    Column("data_until", UtcTime, nullable=False),
    Column("status", Text, nullable=False),  # live | retired | refused
    Column("card", Json, nullable=False),  # groups, stability, and who moved since the fit before
)

persona = Table(
    "persona",  # a discovered group of customers, the same one over fits; ids are never used again
    metadata,
    Column("persona_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text),  # a colleague's; else two traits name it
    Column("traits", Json, nullable=False),
    Column("first_fit", BigInteger, nullable=False),
    Column("last_fit", BigInteger, nullable=False),  # the newest that found it
)

persona_member = Table(
    "persona_member",  # the persona of each customer of whom enough is known
    metadata,
    Column("profile_id", Text, primary_key=True),
    Column("persona_id", BigInteger, nullable=False),
    Column("since", UtcTime, nullable=False),
)

portrait = Table(
    "portrait",  # what the members of a segment are like beside everybody; of groups, never persons
    metadata,
    Column("segment_key", Text, primary_key=True),
    Column("made_at", UtcTime, nullable=False),
    Column("data_until", UtcTime, nullable=False),
    Column("portrait", Json, nullable=False),
)

exchange_rate = Table(
    "exchange_rate",  # what one unit of the currency is worth in the reporting currency
    metadata,
    Column("currency", Text, primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("rate", Text, nullable=False),  # an exact decimal
)

# ── people who use Rapport, and running it ─────────────────────────────────────────────────────

user = Table(
    "user_account",  # "user" is a reserved word of PostgreSQL
    metadata,
    Column("user_id", _Serial, primary_key=True, autoincrement=True),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("language", Text, nullable=False, default="en"),
    Column("theme", Text, nullable=False, default="auto"),
    Column("time_zone", Text, nullable=False, default="Europe/Brussels"),
    Column("created_at", UtcTime, nullable=False),
    Column("disabled_at", UtcTime),
)

session = Table(
    "session",
    metadata,
    Column("token_digest", Text, primary_key=True),
    Column("user_id", BigInteger, nullable=False),
    Column("csrf_token", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

api_token = Table(
    "api_token",
    metadata,
    Column("token_digest", Text, primary_key=True),
    Column("user_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

sign_in_attempt = Table(
    "sign_in_attempt",  # failed ones slow the next down
    metadata,
    Column("email_digest", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", UtcTime, nullable=False),
)

setting = Table(
    "setting",  # choices of the company itself, such as the reporting currency
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Json, nullable=False),
)

job = Table(
    "job",
    metadata,
    Column("job_id", _Serial, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text),  # what it works on, such as a source's name
    Column("arguments", Json, nullable=False),
    Column("status", Text, nullable=False),  # waiting | running | done | failed
    Column("step", Text),
    Column("done", Integer, nullable=False, default=0),
    Column("total", Integer),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("error", Text),
    Column("result", Json),
    Index("job_by_subject", "kind", "subject", "job_id"),
)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", _Serial, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text),
    Column("details", Json),
)
