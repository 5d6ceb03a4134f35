"""What members of a segment write, in words of their own, for who may see customers."""

from __future__ import annotations

from msgspec.structs import replace
from sqlalchemy import select

from rapport.privacy.redaction import redacted
from rapport.understand.personas.verbatims import Verbatim, typical_texts
from rapport.vocabulary.ledger_tables import segment_member
from rapport.workflows.company import Company
from rapport.workflows.customer_names import names_of
from rapport.workflows.persona_views import newest_portrait
from rapport.workflows.remembered import data_version, remembered


def texts_of_segment(company: Company, key: str) -> tuple[Verbatim, ...]:
    """Typical texts of a segment's members, without what names or reaches a person.

    They are looked up when they are asked for and kept nowhere, so that who is erased is not
    quoted. Empty where no words set the segment apart, and where it was not described yet.

    Raises
    ------
    NotFound
        If there is no such segment.
    """
    version = data_version(company)
    portrait = newest_portrait(company, key)
    if portrait is None or not portrait.words:
        return ()
    m = segment_member.c
    with company.ledger.read() as connection:
        members = list(
            connection.scalars(
                select(m.profile_id).where(m.segment_key == key).order_by(m.profile_id)
            )
        )

    def made() -> tuple[Verbatim, ...]:
        found = typical_texts(company.seen, portrait.data_until, members, portrait.words)
        with company.ledger.read() as connection:
            names = names_of(connection, [each.profile_id for each in found])
        return tuple(
            replace(each, text=redacted(each.text, [names.get(each.profile_id)])) for each in found
        )

    return remembered(company, version, ["texts", key, portrait.made_at, members], made)
