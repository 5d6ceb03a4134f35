"""E-mail: what customers wrote, who wrote it, and in which thread."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.collect.connector import Record
from rapport.collect.connectors.email import messages_to_records
from rapport.collect.guess import guess_mapping
from rapport.collect.html_text import html_to_text
from rapport.collect.mail_text import own_words
from rapport.collect.mapping import mapping_from
from rapport.errors import InvalidMapping
from rapport.vocabulary.identifier import Identifier
from rapport.workflows.import_files import import_file, named_files
from tests.collect.connectors.conversations_read import (
    mapping_for,
    read_bytes,
    read_corrected,
    survives,
)
from tests.collect.connectors.whole_way import NOW, SAMPLES, read, spoilt, whole_way
from tests.company import empty_company

SAMPLE = SAMPLES / "customer_service.mbox"
MAIL = mapping_for("email", own_addresses="@satrap.example")
ANNA = Identifier(kind="email", value="anna.kovacs@example.hu")


def at(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, second, tzinfo=UTC)


def test_a_mailbox_becomes_what_customers_wrote_and_what_was_answered() -> None:
    good, bad = read(SAMPLE, MAIL)
    first, to_anna, to_peter, dutch, bounced, absent = good
    assert (first.type, first.channel, first.occurred_at) == (
        "Email Received",
        "email",
        at(3, 8, 12, 44),
    )
    assert first.text == (
        "Részes szállítás\nJó napot!\n\nA sátor rudazata hiányzik a csomagból.\n"
        "From now on I will write in English."
    )
    assert (first.record, first.traits, first.language) == (ANNA, {"name": "Kovács Anna"}, "hu")
    assert first.touchpoint_id == "email:hu-1@example.hu"
    assert first.properties["thread"] == "hu-1@example.hu"
    assert {to_anna.type, to_peter.type} == {"Message Sent"}
    assert [to_anna.record, to_peter.record] == [
        ANNA,
        Identifier(kind="email", value="peter@example.hu"),
    ]
    assert to_anna.occurred_at == at(3, 10)  # "CET" for the number that the standard asks for
    assert to_anna.text is None
    assert to_anna.properties == {
        "message_id": "ours-1@satrap.example",
        "thread": "hu-1@example.hu",
        "in_reply_to": "hu-1@example.hu",
        "subject": "Re: Részes szállítás",
        "sent_text": "Elnézést kérünk, ma feladjuk a rudakat.",
        "by": "agent",
    }
    assert dutch.text == "Tent lekt\nBeste,\nDe tent & de tas lekken."
    assert dutch.properties["attachments"] == [{"name": "tent.jpg", "bytes": 10}]
    assert (bounced.type, bounced.record, bounced.message) == (
        "Message Bounced",
        Identifier(kind="email", value="gone@example.fr"),
        "ours-2@satrap.example",
    )
    assert bounced.properties == {"status": "5.1.1", "diagnostic": "550 5.1.1 User unknown"}
    # Nobody's words, so no text; and nothing that anybody could mend, so nothing refused.
    assert (absent.type, absent.record, absent.text) == (
        "Automatic Reply Received",
        Identifier(kind="email", value="claire@example.fr"),
        None,
    )
    assert absent.properties["automatic_text"] == "Je suis absente."
    assert [(r.reason, r.locator) for r in bad] == [
        ("invalid_timestamp", "customer_service.mbox:110"),
    ]


def test_importing_a_mailbox_twice_changes_nothing(tmp_path: Path) -> None:
    way = whole_way(tmp_path, SAMPLE.name, mapping=MAIL)
    assert (way.imported.rows, way.imported.accepted, way.imported.refused) == (6, 6, 1)
    assert way.profiles == 5
    assert [row.reason for row in way.refused] == ["invalid_timestamp"]


def test_a_refused_message_is_kept_whole_and_read_again_when_corrected() -> None:
    _, bad = read(SAMPLE, MAIL)
    (touch,), still = read_corrected(
        bad[0], MAIL, lambda raw: raw.replace(b"hier soir", b"Thu, 5 Nov 2026 10:00:00 +0100")
    )
    assert still == []
    assert (touch.record, touch.occurred_at) == (
        Identifier(kind="email", value="marc@example.fr"),
        at(5, 9),
    )


def test_a_mailbox_is_recognised_and_asks_which_addresses_are_the_companys(
    tmp_path: Path,
) -> None:
    guess = guess_mapping(SAMPLE)
    assert guess.mapping.kind == "email"
    assert "own_addresses" in guess.questions[0]
    message = tmp_path / "1762.M1P1.host:2,S"
    message.write_bytes(
        b"From: a@example.be\nDate: Tue, 3 Nov 2026 09:00:00 +0100\nTo: b@c.be\n\nx"
    )
    assert guess_mapping(message).mapping.kind == "email"
    notes = tmp_path / "orders.csv"
    notes.write_text("order_id,date,amount\n1,2026-01-01,2\n")
    assert guess_mapping(notes).mapping.kind == "orders"


@pytest.mark.parametrize("stated", ["", "satrap", "@", "info@satrap.example, x y"])
def test_own_addresses_must_be_addresses_or_domains(stated: str) -> None:
    with pytest.raises(InvalidMapping, match="own_addresses"):
        mapping_from(
            {"source": "m", "kind": "email", "constants": {"own_addresses": stated}}, "mapping"
        )


def test_a_maildir_is_a_folder_of_messages(tmp_path: Path) -> None:
    folder = tmp_path / "cur"
    folder.mkdir()
    for number, flags in ((1, ""), (2, "S"), (3, "RS")):
        (folder / f"17{number}.M1.host:2,{flags}").write_bytes(
            f"Message-ID: <{number}@x>\nFrom: a{number}@example.be\nTo: i@satrap.example\n"
            f"Date: Tue, 3 Nov 2026 0{number}:00:00 +0000\nSubject: S\n\nText {number}".encode()
        )
    found = named_files([folder], "email", "mail")
    with empty_company(tmp_path, clock=lambda: NOW) as company:
        results = [import_file(company, path, MAIL) for path, _ in found]
    assert [one.accepted for one in results] == [1, 1, 1]
    assert sorted(path.name for path in folder.iterdir() if "mapping" not in path.name) == [
        path.name for path, _ in found
    ]


def message(*headers: str, body: str = "Dag") -> bytes:
    return "\r\n".join((*headers, "", body)).encode()


BASE = ("Message-ID: <1@x>", "From: Jan <jan@example.be>", "To: info@satrap.example")


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("Tue, 3 Nov 2026 09:00:00 +0100", at(3, 8)),
        ("Tue, 3 Nov 2026 09:00:00 CEST", at(3, 7)),
        ("3 Nov 2026 09:00 -0500", at(3, 14)),
        ("Tue, 3 Nov 2026 09:00:00", at(3, 8)),  # the mapping's zone
        ("Tue, 3 Nov 2026 09:00:60 +0100", at(3, 8, 0, 59)),
        ("Tue, 3 Nov 2026 09:00:00 +9900", at(3, 8)),  # no such zone
    ],
)
def test_dates_with_names_for_zones_or_none_are_read(
    tmp_path: Path, date: str, moment: datetime
) -> None:
    mapping = mapping_for("email", zone="Europe/Brussels", own_addresses="@satrap.example")
    (touch,), bad = read_bytes(tmp_path, message(*BASE, f"Date: {date}"), mapping, "a.eml")
    assert (bad, touch.occurred_at) == ([], moment)


def test_a_date_that_cannot_be_read_gives_way_to_that_of_the_last_server(tmp_path: Path) -> None:
    received = "Received: from a by b with SMTP id x; Tue, 3 Nov 2026 09:00:05 +0100"
    (touch,), _ = read_bytes(tmp_path, message(received, *BASE, "Date: ?"), MAIL, "a.eml")
    assert touch.occurred_at == at(3, 8, 0, 5)


def test_a_form_on_the_website_speaks_for_the_customer_who_is_to_be_answered(
    tmp_path: Path,
) -> None:
    (touch,), _ = read_bytes(
        tmp_path,
        message(
            "From: Website <web@satrap.example>",
            "To: info@satrap.example",
            "Reply-To: Éva <eva@example.hu>",
            "Date: Tue, 3 Nov 2026 09:00:00 +0100",
        ),
        MAIL,
        "form.eml",
    )
    assert (touch.type, touch.record) == (
        "Email Received",
        Identifier(kind="email", value="eva@example.hu"),
    )


def test_a_letter_among_colleagues_is_refused(tmp_path: Path) -> None:
    good, bad = read_bytes(
        tmp_path,
        message(
            "From: a@satrap.example", "To: b@satrap.example", "Date: Tue, 3 Nov 2026 09:00:00 +0100"
        ),
        MAIL,
        "a.eml",
    )
    assert (good, [r.reason for r in bad]) == ([], ["missing_identity"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "Dank je\n\nOp 21 nov. 2026 om 14:03 heeft Winkel <w@x.be> het volgende\n"
            "geschreven:\n\n> Dag",
            "Dank je",
        ),
        (
            "Merci\n\nLe sam. 21 nov. 2026 à 14:03, Boutique <b@x.be> a\u00a0écrit\u00a0:\n\n> A",
            "Merci",
        ),
        (
            "Köszi\n\nBolt <b@x.hu> ezt írta (időpont: 2026. nov. 21., Szo, 14:03):\n\n> Szia",
            "Köszi",
        ),
        ("Danke\n\nAm Sa., 21. Nov. 2026 um 14:03 Uhr schrieb Laden <l@x.de>:\n\n> Hallo", "Danke"),
        (
            "Thanks a lot\n\nOn Sat, Nov 21, 2026 at 2:03 PM Shop <s@x.com> wrote:\nHello",
            "Thanks a lot",
        ),
        ("Hallo\n\nVon: Laden\nGesendet: Samstag\nAn: Anna\nBetreff: Zelt\n\nGuten Tag", "Hallo"),
        ("Bonjour\n\nDe : Magasin\nEnvoyé : samedi\nÀ : Anna\nObjet : Tente\n\nSalut", "Bonjour"),
        ("Szia\n\n-----Eredeti üzenet-----\nFeladó: Bolt\nKüldve: ma\n\nHelló", "Szia"),
        ("Rossz.\n\nVerzonden vanaf mijn iPhone", "Rossz."),
        ("Kapott.\n\nAz iPhone-omról küldve", "Kapott."),
        ("Lekt.\n\nMet vriendelijke groeten,\nJan Peeters\nTel. 0470 12 34 56", "Lekt."),
        ("Lekt.\n-- \nJan\n0470 12 34 56", "Lekt."),
        ("> vraag 1?\nJa.\n\n> vraag 2?\nNee.", "Ja.\n\nNee."),
        ("On Monday I bought a tent.\nIt leaks.", "On Monday I bought a tent.\nIt leaks."),
        ("De prijs: 30 euro\nVan wie is dit?", "De prijs: 30 euro\nVan wie is dit?"),
        ("Thank you", "Thank you"),
        (
            "-------- Doorgestuurd bericht --------\nVan: Jan <j@x.be>\nAan: w@x.be\n"
            "Onderwerp: Tent\n\nMijn tent lekt",
            "Mijn tent lekt",
        ),
    ],
)
def test_only_the_words_of_the_sender_stay(text: str, said: str) -> None:
    assert own_words(text) == said


def test_html_without_end_tags_and_with_bare_signs_is_read() -> None:
    assert html_to_text("<p>prijs < 10<br>& > 5<p>twee<script>x<") == "prijs < 10\n& > 5\ntwee"


def test_messages_from_a_server_are_records_of_the_same_kind() -> None:
    records = list(messages_to_records([message(*BASE, "Date: x"), b"\x00\xff no message"]))
    assert isinstance(records[0], Record)
    assert not isinstance(records[1], Record)
    assert records[1].refusal.reason == "wrong_type"


def test_a_message_nested_a_thousand_times_is_refused_or_read_but_never_crashes(
    tmp_path: Path,
) -> None:
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)
    )
    good, bad = read_bytes(
        tmp_path,
        b"From: a@example.be\nDate: Tue, 3 Nov 2026 09:00:00 +0100\n" + nested,
        MAIL,
        "a.eml",
    )
    assert len(good) + len(bad) == 1


@pytest.mark.parametrize(
    "hostile",
    [
        b"Content-Type: text/html\n\n" + b"<!--" * 200_000,
        b"Content-Type: text/html\n\n" + b"<" * 400_000 + b">",
        b"Content-Type: text/plain; charset=idna\n\n" + b"a." * 100_000,
        b"Subject: " + b"=?utf-8?q?" * 20_000 + b"\n\nx",
        b"To: " + b'<,("' * 20_000 + b"\n\nx",
        b"\n" + b"On " * 200_000,
        b"\n" + b"Op 3 schreef\n" * 60_000,
        b"\n" + b"x" * 3_000_000,
    ],
)
def test_messages_made_to_be_slow_are_read_as_fast_as_others(
    tmp_path: Path, hostile: bytes
) -> None:
    base = b"From: a@example.be\nDate: Tue, 3 Nov 2026 09:00:00 +0100\n"
    good, bad = read_bytes(tmp_path, base + hostile, MAIL, "a.eml")
    assert len(good) + len(bad) == 1


@given(content=spoilt(SAMPLE.read_bytes()))
@settings(max_examples=50, deadline=None)
def test_damaged_mailboxes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    survives(tmp_path_factory.getbasetemp(), content, MAIL, "a.mbox")


@given(content=st.binary(max_size=2000))
@settings(max_examples=30, deadline=None)
def test_any_bytes_after_a_header_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    base = b"From: a@example.be\nDate: Tue, 3 Nov 2026 09:00:00 +0100\n"
    survives(tmp_path_factory.getbasetemp(), base + content, MAIL, "a.eml")
