"""E-mail addresses: mailboxes, slips in providers, and local parts that say who."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapport.unify.matching.comparisons.email import COMPARISON, intended_domain, read_email
from rapport.vocabulary.identifier_values import mailbox, normalise_email
from tests.unify.matching.comparisons.readings import level


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("gmai.com", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("gmail.hu", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("hotnail.com", "hotmail.com"),
        ("hotmial.com", "hotmail.com"),
        ("hotmail.vom", "hotmail.com"),
        ("outlok.com", "outlook.com"),
        ("telnet.be", "telenet.be"),
        ("telenet.com", "telenet.be"),
        ("skynet.bee", "skynet.be"),
        ("wanado.fr", "wanadoo.fr"),
        ("orang.fr", "orange.fr"),
        ("freemial.hu", "freemail.hu"),
        ("citromil.hu", "citromail.hu"),
        ("zigo.nl", "ziggo.nl"),
        ("peeters.con", "peeters.com"),
    ],
)
def test_a_slip_in_a_provider_s_name_is_mended(slip: str, meant: str) -> None:
    assert intended_domain(slip) == meant


@pytest.mark.parametrize(
    "domain",
    ["gmail.com", "mail.com", "email.com", "ymail.com", "hotmail.it", "live.be", "live.nl",
     "yahoo.es", "gmx.ch", "peeters.be", "wanadoo.nl", "sfr.fr", "sky.com", "free.fr", "me.com"],
)  # fmt: skip
def test_a_real_domain_is_left_alone(domain: str) -> None:
    assert intended_domain(domain) == domain


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Anna.Kovacs@gmail.com", "annakovacs+shop@googlemail.com", "same_mailbox"),
        ("anna@example.hu", '"Kovács Anna" <Anna@Example.hu>', "same_mailbox"),
        ("emilie..lebon@kpnmail.nl", "emilie.lebon@kpnmail.nl", "same_mailbox"),
        ("anna.kovacs@gmial.com", "anna.kovacs@gmail.com", "same_mailbox_domain_typo"),
        ("anna.kovacs@gmail.hu", "annakovacs@gmail.con", "same_mailbox_domain_typo"),
        ("anna.kovacs@telenet.be", "ana.kovacs@telenet.be", "local_typo"),
        ("anna.kovacs@telenet.be", "anna_kovacs@gmail.com", "same_local_part"),
        ("anna.kovacs84@telenet.be", "kovacs_anna@gmail.com", "same_local_words"),
        ("nathalie.lecoq@yahoo.com", "lecoq.nathalie@free.fr", "same_local_words"),
        ("annakovacs84@telenet.be", "annakovacs@gmail.com", "local_part_close"),
        ("info@peeters.be", "info@janssens.be", "else"),  # a desk, not a person
        ("jan@peeters.be", "jan@janssens.be", "else"),  # too short to say who
        ("a@b.be", "none", None),
        ("anna@example.hu", "n/a", None),
    ],
)
def test_addresses_stand_on_the_level_that_a_clerk_would_say(
    one: str, other: str, expected: str | None
) -> None:
    assert level(COMPARISON, {"email": one}, {"email": other}) == expected


@given(
    st.from_regex(
        r"[A-Za-z0-9._+-]{1,12}@[A-Za-z0-9-]{1,8}(\.[A-Za-z0-9]{1,5}){1,2}", fullmatch=True
    )
)
def test_the_quick_reading_of_plain_addresses_is_the_long_one(address: str) -> None:
    normal = normalise_email(address)
    if normal is not None:
        assert read_email(address)[0] == mailbox(normal)
