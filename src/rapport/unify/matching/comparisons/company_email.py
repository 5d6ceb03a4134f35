"""Mailboxes of companies: the mailbox, and the domain where it is the company's own."""

from __future__ import annotations

from rapport.unify.company_words import is_provider
from rapport.unify.matching.comparison import Column, Comparison, Level, RecordKind, Row
from rapport.unify.matching.comparisons.email import read_email
from rapport.unify.matching.comparisons.likeness import same_level

OWN, PROVIDER = "own", "provider"
_NOTHING = (None,) * 4


def read_company_email(email: str | None) -> tuple[str | None, str | None, str | None, str | None]:
    """The mailbox, the mailbox at the provider that was meant, the own domain, and whose domain it
    is.

    Examples
    --------
    >>> read_company_email("Info@Peeters.be")
    ('info@peeters.be', 'info@peeters.be', 'peeters.be', 'own')
    >>> read_company_email("bakkerij.peeters@gmial.com")[1:]
    ('bakkerijpeeters@gmail.com', None, 'provider')
    """
    exact, meant, *_ = read_email(email)
    if exact is None or meant is None:
        return _NOTHING
    domain = meant.rpartition("@")[2]
    if is_provider(domain):
        return (exact, meant, None, PROVIDER)
    return (exact, meant, domain, OWN)


def _one_at_provider(a: Row, b: Row) -> bool:
    return bool(a["company_email_at"] != b["company_email_at"])


def _two_at_providers(a: Row, b: Row) -> bool:
    return bool(a["company_email_at"] == PROVIDER and b["company_email_at"] == PROVIDER)


COMPARISON = Comparison(
    name="company_email",
    inputs=("email",),
    columns=(
        Column(name="company_email"),
        Column(name="company_email_meant"),
        Column(name="company_email_domain"),
        Column(name="company_email_at"),
    ),
    read=read_company_email,
    said=("company_email",),
    levels=(
        same_level("same_mailbox", "company_email"),
        same_level("same_mailbox_domain_typo", "company_email_meant"),
        same_level("same_domain", "company_email_domain"),
        Level(
            key="one_at_provider",
            sql="l.company_email_at <> r.company_email_at",
            holds=_one_at_provider,
        ),
        Level(
            key="two_at_providers",
            sql=f"l.company_email_at = '{PROVIDER}' and r.company_email_at = '{PROVIDER}'",
            holds=_two_at_providers,
        ),
    ),
    of=RecordKind.COMPANY,
)
