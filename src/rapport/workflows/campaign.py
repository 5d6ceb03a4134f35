"""One message to a segment, decided person by person under the one contact policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.act.channels import Message
from rapport.act.contact_policy import load_policies
from rapport.act.decide import Candidate, decide, preview
from rapport.act.outbox import OutboxMessage, contact_key, enqueue
from rapport.errors import InvalidInput
from rapport.understand.segments.members import member_ids
from rapport.vocabulary.identifier_values import normalise_email
from rapport.vocabulary.ledger_tables import attribute, membership, profile
from rapport.workflows.company import Company, Progress, silent
from rapport.workflows.customers import consents_of
from rapport.workflows.segment_definitions import all_segments
from rapport.workflows.segments import times_of

CHUNK = 500


class Campaign(Struct, frozen=True, kw_only=True):
    """A message in several languages, to a segment, by e-mail.

    ``{name}`` in a text becomes the person's name, or the language's fallback.
    """

    key: str
    name: str
    segment: str
    subject: Mapping[str, str]
    text: Mapping[str, str]
    fallback_name: Mapping[str, str]
    purpose: str = "marketing"
    default_language: str = "en"


class CampaignResult(Struct, frozen=True, kw_only=True):
    """How many were considered, and what was decided, by the check that decided."""

    audience: int
    allowed: int
    by_check: dict[str, int]


def run_campaign(
    company: Company, campaign: Campaign, *, dry_run: bool = False, progress: Progress = silent
) -> CampaignResult:
    """Decide on every member of the segment and put what is allowed into the outbox.

    Decision, slot and message are one transaction per few hundred people, so that no cap can be
    exceeded and no slot is taken for nothing. A person gets a campaign once, however often it
    runs. With ``dry_run`` nothing is reserved, queued or kept.

    Raises
    ------
    InvalidInput
        If the segment does not exist.
    """
    rules = {each.key: each.rule for each in all_segments(company)}
    if campaign.segment not in rules:
        raise InvalidInput(
            f"Segment {campaign.segment!r} does not exist; known are {', '.join(rules)}"
        )
    rule = rules[campaign.segment]
    times = times_of(company, [rule])
    found = member_ids(company.seen, rule, now=times.now, at=times.at)["profile_id"].to_pylist()
    by_check: Counter[str] = Counter()
    allowed = 0
    for start in range(0, len(found), CHUNK):
        decisions = _decide_chunk(company, campaign, found[start : start + CHUNK], dry_run=dry_run)
        by_check.update(d.check for d in decisions)
        allowed += sum(d.allowed for d in decisions)
        progress("decide", min(start + CHUNK, len(found)), len(found))
    return CampaignResult(audience=len(found), allowed=allowed, by_check=dict(by_check))


def _decide_chunk(
    company: Company, campaign: Campaign, profile_ids: Sequence[str], *, dry_run: bool
) -> list[Any]:
    now = company.clock()
    opened = company.ledger.read() if dry_run else company.ledger.write()
    with opened as connection:
        people = {
            row.profile_id: row
            for row in connection.execute(
                select(profile.c.profile_id, profile.c.name, profile.c.email, profile.c.language)
                .where(profile.c.profile_id.in_(profile_ids))
                .where(profile.c.merged_into.is_(None))
            )
        }
        stating = _stating(connection, {p: row.email for p, row in people.items() if row.email})
        candidates = [
            Candidate(
                profile_id=profile_id,
                message_key=f"campaign:{campaign.key}",
                channel="email",
                purpose=campaign.purpose,
                address=people[profile_id].email,
                # Should this record turn out to be somebody else's, the message was theirs.
                atom_id=stating.get(profile_id),
            )
            for profile_id in profile_ids
            if profile_id in people
        ]
        consents = consents_of(connection, list(people))
        policies = load_policies(connection)
        if dry_run:
            return preview(connection, candidates, consents=consents, policies=policies, at=now)
        decisions = decide(
            connection, company.ledger, candidates, consents=consents, policies=policies, at=now
        )
        messages = [
            OutboxMessage(
                idempotency_key=contact_key(d.contact_id, now),
                channel=d.channel,
                recipient=people[d.profile_id].email,
                message=_written(campaign, people[d.profile_id]),
                contact_id=d.contact_id,
            )
            for d in decisions
            if d.allowed and d.contact_id is not None
        ]
        enqueue(connection, company.ledger, messages, at=now)
        return decisions


def _stating(connection: Connection, addresses: Mapping[str, str]) -> dict[str, int]:
    """The record of each person that stated their e-mail address last."""
    f, m = attribute.c, membership.c
    rows = connection.execute(
        select(m.profile_id, f.atom_id, f.value)
        .join(attribute, (f.atom_id == m.atom_id) & (f.name == "email"))
        .where(m.profile_id.in_(addresses), m.valid_to.is_(None))
        .order_by(f.observed_at, f.atom_id)
    )
    return {
        profile_id: atom_id
        for profile_id, atom_id, value in rows
        if normalise_email(value) == normalise_email(addresses[profile_id])
    }


def _written(campaign: Campaign, person: Any) -> Message:
    language = person.language if person.language in campaign.text else campaign.default_language
    name = person.name or campaign.fallback_name[language]
    return Message(
        subject=campaign.subject[language],
        text=campaign.text[language].replace("{name}", name),
        purpose=campaign.purpose,
    )
