"""crm/ and crm_hu/: contacts as the offices in Brussels and Budapest keep them, dirt included."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from rapport.demo.files import copy_mapping, day_text, write_csv
from rapport.demo.people import CATEGORIES, Person
from rapport.demo.phone_numbers import PLACEHOLDERS, written_phone
from rapport.demo.spelling import western, written_first, written_last, written_street
from rapport.demo.words import words
from rapport.demo.world import Record, World, Written, WrittenFile, unique_records

JUNK_MAIL = ("test@test.com", "geen@mail.be", "aucun@mail.fr", "info@kadar.example")
JUNK_MAIL_HU = ("nincs@nincs.hu", "test@test.com")

HEADER = (
    "Référence client",
    "Civilité",
    "Prénom",
    "Nom",
    "Courriel",
    "Téléphone",
    "Date de naissance",
    "Rue et numéro",
    "Code postal",
    "Ville",
    "Pays",
    "Langue",
    "Société",
    "Carte de fidélité",
    "Magasin préféré",
    "Canal d'acquisition",
    "Opt-in e-mail",
    "Opt-in SMS",
    "Profilage",
    "Créé le",
    "Modifié le",
    "Points",
)
HEADER_HU = (
    "Ügyfélszám",
    "Név",
    "E-mail cím",
    "Telefonszám",
    "Születési dátum",
    "Utca, házszám",
    "Irányítószám",
    "Város",
    "Nyelv",
    "Törzsvásárlói kártya",
    "Kedvenc kategória",
    "Hírlevél",
    "SMS",
    "Profilalkotás",
    "Éves költés (eFt)",
    "Rögzítve",
    "Módosítva",
)
_LANGUAGES = {"nl": "néerlandais", "fr": "français", "en": "anglais", "hu": "hongrois"}
_LANGUAGES_HU = {"hu": "magyar", "en": "angol"}
_CHANNELS = {
    "store": "Magasin",
    "search": "Recherche",
    "social": "Réseaux sociaux",
    "referral": "Parrainage",
    "email": "E-mail",
    "direct": "Direct",
}
_COMPANIES = (
    "Bouwbedrijf De Linde BV",
    "Conseil & Associés SRL",
    "Studio Noord",
    "Atelier Vert SARL",
)


def write(world: World) -> Written:
    people = world.people
    rng = world.rng("crm")
    records: list[Record] = []
    rows: dict[str, list[tuple[int, tuple[Any, ...]]]] = {"crm": [], "crm_hu": []}
    start = int(np.datetime64(world.story.start).astype(np.int64))
    end = start + world.story.days - 1
    who = np.flatnonzero(people.crm)
    doubles = who[rng.random(len(who)) < 0.06]
    everyone = np.concatenate((who, doubles))
    numbers = 100_000 + rng.permutation(800_000)[: len(everyone)]
    chance = rng.random((len(everyone), 24)).tolist()
    for place, (i, number, u) in enumerate(
        zip(everyone.tolist(), numbers.tolist(), chance, strict=True)
    ):
        person, double = people.persons[i], place >= len(who)
        source = "crm_hu" if person.country == "HU" else "crm"
        created = min(end, start + int(people.born[i] + (60 * u[0] if double else 0)))
        updated = created + int(u[1] * (end - created + 1))
        old = u[2] < 0.6 and person.old_street != person.street
        address = (
            (person.old_street, person.old_postal_code, person.old_city)
            if old
            else (person.street, person.postal_code, person.city)
        )
        mail = (
            person.email_other if (double or u[3] < 0.15) and person.email_other else person.email
        )
        if u[4] < 0.025:
            junk = JUNK_MAIL_HU if source == "crm_hu" else JUNK_MAIL
            mail = junk[int(u[5] * len(junk))]
        elif u[4] < 0.12 and not people.newsletter[i]:
            mail = ""
        phone = person.landline if person.landline and u[6] < 0.35 else person.mobile
        phone = "" if u[7] < 0.12 else written_phone(phone, u[8])
        if u[7] > 0.97:
            phone = PLACEHOLDERS[int(u[8] * len(PLACEHOLDERS))]
        card = people.card_number[i] if people.card[i] and u[9] < 0.5 else ""
        consents = (people.newsletter[i] or u[10] < 0.1, u[11] < 0.3, u[12] < 0.7)
        born = person.birthday
        make = _hungarian_row if source == "crm_hu" else _french_row
        key = f"U{number}" if source == "crm_hu" else f"C{number}"
        row = make(
            person,
            key,
            u,
            mail.upper() if u[13] < 0.04 else mail,
            phone,
            address,
            card,
            consents,
            people.acquisition[i],
            int(people.interests[i].argmax()),
            created,
            updated,
            None if u[14] < 0.25 else born,
        )
        rows[source].append((created, row))
        records.append((i, source, "crm_contact", source, key))
    files = []
    for source, path, header, delimiter, encoding in (
        ("crm", "crm/contacts.csv", HEADER, ";", "cp1252"),
        ("crm_hu", "crm_hu/ugyfelek.csv", HEADER_HU, ";", "utf-8"),
    ):
        ordered = [row for _, row in sorted(rows[source], key=lambda r: (r[0], r[1][0]))]
        count = write_csv(
            world.folder / path, header, ordered, delimiter=delimiter, encoding=encoding
        )
        files.append(WrittenFile(path=path, source=source, rows=count))
        copy_mapping(world.folder, path.removesuffix(".csv"))
    fragment, bad = _fragment()
    path = "late/contacts_fragment.csv"
    count = write_csv(world.folder / path, HEADER, fragment, delimiter=";", encoding="cp1252")
    copy_mapping(world.folder, "late/contacts_fragment")
    files.append(WrittenFile(path=path, source="crm", rows=count, bad_rows=len(bad)))
    return Written(
        files=tuple(files),
        records=unique_records(records),
        touchpoints=Counter(
            {"crm": len(rows["crm"]) + count - len(bad), "crm_hu": len(rows["crm_hu"])}
        ),
        bad_rows=tuple((path, line, reason) for line, reason in bad),
    )


def _yes_no(flags: tuple[bool, bool, bool], yes: str, no: str) -> tuple[str, str, str]:
    a, b, c = (yes if flag else no for flag in flags)
    return a, b, c


def _french_row(
    person: Person,
    key: str,
    u: list[float],
    mail: str,
    phone: str,
    address: tuple[str, str, str],
    card: str,
    consents: tuple[bool, bool, bool],
    acquisition: str,
    _interest: int,
    created: int,
    updated: int,
    birthday: Any,
) -> tuple[Any, ...]:
    first = written_first(person.first, person.language, u[15])
    last = written_last(person.last, u[16])
    if u[17] < 0.03:
        first, last = last, first  # typed into each other's box
    title = ("Mme" if person.female else "M.") if u[18] < 0.8 else ""
    row = (
        key,
        title,
        first,
        last,
        mail,
        phone,
        birthday.strftime("%d/%m/%Y") if birthday else "",
        written_street(address[0], u[19]),
        address[1],
        address[2],
        "Belgique" if person.country == "BE" else "France",
        _LANGUAGES[person.language],
        _COMPANIES[int(u[20] * 40) % 4] if u[20] < 0.05 else "",
        card,
        person.store,
        _CHANNELS[acquisition],
        *_yes_no(consents, "oui", "non"),
        day_text(created, "%d/%m/%Y"),
        day_text(updated, "%d/%m/%Y"),
        f"{u[21] * 900:.2f}".replace(".", ","),
    )
    return tuple(western(str(cell)) for cell in row)


def _hungarian_row(
    person: Person,
    key: str,
    u: list[float],
    mail: str,
    phone: str,
    address: tuple[str, str, str],
    card: str,
    consents: tuple[bool, bool, bool],
    _acquisition: str,
    interest: int,
    created: int,
    updated: int,
    birthday: Any,
) -> tuple[Any, ...]:
    if person.married_name and u[15] < 0.6:
        name = person.married_name
    else:
        first = written_first(person.first, person.language, u[17])
        name = f"{written_last(person.last, u[16])} {first}"
    return (
        key,
        name,
        mail,
        phone,
        birthday.strftime("%Y.%m.%d.") if birthday else "",
        written_street(address[0], u[19]),
        address[1],
        address[2],
        _LANGUAGES_HU.get(person.language, "magyar"),
        card,
        words("catalogue")[CATEGORIES[interest]]["hu"] if u[18] < 0.5 else "",
        *_yes_no(consents, "igen", "nem"),
        f"{u[21] * 400:.1f}".replace(".", ","),
        day_text(created, "%Y.%m.%d."),
        day_text(updated, "%Y.%m.%d."),
    )


def _fragment() -> tuple[list[tuple[str, ...]], list[tuple[int, str]]]:
    """Rows of a broken export: some must be taken in as harmless text, some refused.

    An unknown country is no reason to refuse a contact: the word is kept, not understood.
    """

    def row(
        key: str, first: str, last: str, country: str = "Belgique", updated: str = "02/11/2026"
    ) -> tuple[str, ...]:
        return (
            key,
            "Mme",
            first,
            last,
            "",
            "",
            "",
            "Rue Haute 1",
            "1000",
            "Bruxelles",
            country,
            "français",
            "",
            "",
            "",
            "Magasin",
            "non",
            "non",
            "non",
            "01/11/2026",
            updated,
            "0,00",
        )

    rows = [
        row("F1", "<b>Julie</b>", "<script>alert('crm')</script>"),
        row("F2", '=HYPERLINK("http://fraude.example";"cliquez")', "Dubois"),
        row("F3", "+cmd|' /C calc'!A0", "Lambert"),
        row("", "Sans", "Référence"),
        row("F5", "Pays", "Inconnu", country="Syldavie"),
        row("F6", "Date", "Impossible", updated="32/13/2026"),
        row("F7", "Zéro\0", "Caractère"),
        row("F8", "Long " * 220_000, "Très"),
    ]
    bad = [
        (5, "missing_field"),
        (7, "invalid_timestamp"),
        (8, "contains_nul"),
        (9, "too_large"),
    ]
    return rows, bad
