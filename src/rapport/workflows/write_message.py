"""Write to one customer under the one policy: queue the message, or say why not."""

from __future__ import annotations

from msgspec import Struct

from rapport.act.channels.base import Message
from rapport.act.contact_policy import PolicyView, load_policies, seven_day_view
from rapport.act.decide import Candidate, Decision, decide, preview
from rapport.act.outbox import OutboxMessage, contact_key, enqueue
from rapport.errors import InvalidInput
from rapport.unify.stewardship import current_profile
from rapport.unify.survivorship import ProfileFacts, facts
from rapport.workflows.company import Company
from rapport.workflows.customers import consents_of

#: What a colleague may write for; a survey is sent by its campaign.
WRITTEN_PURPOSES = ("service", "marketing")
CHANNEL = "email"
#: The key of a message that nobody has written yet.
_UNWRITTEN = "preview"
_LONGEST_SUBJECT = 200
_LONGEST_TEXT = 20_000


class MessageOutcome(Struct, frozen=True, kw_only=True):
    """What became of a message: queued, or refused with the check and reason."""

    profile_id: str
    decision: Decision


class WritingView(Struct, frozen=True, kw_only=True):
    """What would be decided now, by purpose, before anything is written.

    Attributes
    ----------
    can_deliver : bool
        Whether a mail server is set; without one messages wait.
    """

    profile_id: str
    name: str | None
    address: str | None
    language: str | None
    decisions: dict[str, Decision]
    policies: tuple[PolicyView, ...]
    can_deliver: bool


def writing_view(company: Company, profile_id: str) -> WritingView:
    """Whether one may write to a customer now, for each purpose."""
    now = company.clock()
    with company.ledger.read() as connection:
        here = current_profile(connection, profile_id)
        known = facts(connection, here)
        policies = load_policies(connection)
        candidates = [_candidate(here, known, purpose, _UNWRITTEN) for purpose in WRITTEN_PURPOSES]
        decisions = preview(
            connection,
            candidates,
            consents=consents_of(connection, [here]),
            policies=policies,
            at=now,
        )
        views = tuple(seven_day_view(connection, here, policy, at=now) for policy in policies)
    shown = known.shown
    return WritingView(
        profile_id=here,
        name=shown["name"].value if "name" in shown else None,
        address=shown["email"].value if "email" in shown else None,
        language=shown["language"].value if "language" in shown else None,
        decisions=dict(zip(WRITTEN_PURPOSES, decisions, strict=True)),
        policies=views,
        can_deliver=bool(company.settings.smtp_host),
    )


def write_message(
    company: Company,
    profile_id: str,
    *,
    purpose: str,
    subject: str,
    text: str,
    key: str,
) -> MessageOutcome:
    """Decide on a message and queue it, in one transaction.

    Parameters
    ----------
    key : str
        Names this one message: sent twice, it reaches the customer once.

    Raises
    ------
    InvalidInput
        If the purpose is none of ours, or subject or text is empty or too long.
    """
    subject = " ".join(subject.split())
    if purpose not in WRITTEN_PURPOSES:
        raise InvalidInput(
            f"A colleague writes for {' or '.join(WRITTEN_PURPOSES)}, not {purpose!r}"
        )
    for what, given, longest in (
        ("subject", subject, _LONGEST_SUBJECT),
        ("text", text, _LONGEST_TEXT),
        ("key", key, 100),
    ):
        if not given.strip() or len(given) > longest or "\0" in given:
            raise InvalidInput(
                f"A message needs a {what} of 1 to {longest} characters; this one has {len(given)}"
            )
    now = company.clock()
    with company.ledger.write() as connection:
        here = current_profile(connection, profile_id)
        candidate = _candidate(here, facts(connection, here), purpose, key)
        (decision,) = decide(
            connection,
            company.ledger,
            [candidate],
            consents=consents_of(connection, [here]),
            policies=load_policies(connection),
            at=now,
        )
        if decision.allowed and decision.contact_id is not None and candidate.address:
            enqueue(
                connection,
                company.ledger,
                [
                    OutboxMessage(
                        idempotency_key=contact_key(decision.contact_id, now),
                        channel=CHANNEL,
                        recipient=candidate.address,
                        message=Message(
                            subject=subject,
                            text=text.strip(),
                            purpose=purpose,
                            # The header that mail programs show as "unsubscribe" (RFC 2369).
                            unsubscribe_url=f"mailto:{company.settings.mail_from}"
                            "?subject=unsubscribe"
                            if purpose == "marketing"
                            else None,
                        ),
                        contact_id=decision.contact_id,
                    )
                ],
                at=now,
            )
    return MessageOutcome(profile_id=here, decision=decision)


def _candidate(profile_id: str, known: ProfileFacts, purpose: str, key: str) -> Candidate:
    address = known.shown.get("email")
    return Candidate(
        profile_id=profile_id,
        message_key=f"written:{key}",
        channel=CHANNEL,
        purpose=purpose,
        address=None if address is None else address.value,
        # A chosen value belongs to no record; 0 stands for none.
        atom_id=None if address is None else address.atom_id or None,
    )
