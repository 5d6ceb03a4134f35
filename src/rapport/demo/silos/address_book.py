"""address_book/: the address book of a shop's telephone, as its staff typed it in."""

from __future__ import annotations

from collections import Counter

import numpy as np

from rapport.demo.files import copy_mapping
from rapport.demo.people import Person
from rapport.demo.phone_numbers import written_phone
from rapport.demo.spelling import plain_letters, western
from rapport.demo.world import Record, World, Written, WrittenFile, unique_records

SOURCE = "phone_gent"
STORE = "Gent"
#: The shop's own number, which staff give where a customer states none.
STORE_PHONE = "+3292340199"
_NOTES = ("schoenmaat 43", "belt na 18u", "wacht op tent 4p", "herstelling rugzak", "skikaart")
_OTHERS = (
    ("Chauffeur FlitsExpress", "+32470990011"),
    ("Loodgieter Filiaal", "+32470990012"),
    ("Magazijn Antwerpen", "+3232340199"),
)


def write(world: World) -> Written:
    people = world.people
    rng = world.rng("address_book")
    near = np.array([p.store == STORE for p in people.persons])
    who = rng.permutation(np.flatnonzero(near & (people.solo == "")))
    who = who[: round(0.02 * people.count)]
    u = rng.random((len(who), 9)).tolist()
    start = int(np.datetime64(world.story.start).astype("datetime64[s]").astype(np.int64))
    records: list[Record] = []
    cards: list[str] = []
    for n, i in enumerate(who.tolist()):
        uid = f"gent-{n + 1:04d}"
        # Typed in once the person was a customer.
        begin = max(0.0, float(people.born[i]))
        typed = start + int((begin + u[n][8] * (world.story.days - begin)) * 86_400)
        cards.append(_card(uid, people.persons[i], u[n], f"{np.datetime64(typed, 's')}Z"))
        records.append((i, SOURCE, "crm_contact", SOURCE, uid))
    others = []
    for n, (name, phone) in enumerate(_OTHERS):
        uid = f"gent-x{n + 1}"
        lines = (f"UID:{uid}", f"N:;{name};;;", f"FN:{name}", f"TEL;TYPE=CELL:{phone}")
        cards.append("\r\n".join(("BEGIN:VCARD", "VERSION:3.0", *lines, "END:VCARD")))
        others.append((name, SOURCE, "crm_contact", SOURCE, uid))
    path = "address_book/gent.vcf"
    target = world.folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes("".join(f"{card}\r\n" for card in cards).encode())
    copy_mapping(world.folder, "address_book/gent")
    return Written(
        files=(WrittenFile(path=path, source=SOURCE, rows=len(cards)),),
        records=unique_records(records),
        others=tuple(others),
        touchpoints=Counter({SOURCE: len(cards)}),
    )


def _card(uid: str, person: Person, u: list[float], typed: str) -> str:
    shown = _shown_name(person, u[0])
    lines = ["BEGIN:VCARD", "VERSION:3.0", f"UID:{uid}", f"REV:{typed}"]
    # Who types quickly fills one box.
    whole = u[1] < 0.35
    lines += [f"N:;{shown};;;" if whole else f"N:{person.last};{person.first};;;", f"FN:{shown}"]
    own = u[2] < 0.93
    phone = person.mobile if own else STORE_PHONE
    lines.append(f"TEL;TYPE=CELL:{written_phone(phone, u[3])}")
    if person.landline and u[4] < 0.3:
        lines.append(f"TEL;TYPE=HOME:{written_phone(person.landline, u[5])}")
    if person.email and u[6] < 0.45:
        lines.append(f"EMAIL;TYPE=INTERNET:{person.email}")
    if u[7] < 0.25:
        lines.append(f"NOTE:{_NOTES[int(u[7] * 4 * len(_NOTES))]}")
    return "\r\n".join([*lines, "END:VCARD"])


def _shown_name(person: Person, u: float) -> str:
    """A name as it is typed on a telephone."""
    if u < 0.45:
        return f"{person.first} {person.last}"
    if u < 0.6:
        return f"{person.last} {person.first}"
    if u < 0.72:
        return western(plain_letters(f"{person.first} {person.last}")).lower()
    if u < 0.82:
        return f"{person.last.upper()} {person.first[0]}."
    if u < 0.92:
        return f"{'Mevr.' if person.female else 'Dhr.'} {person.last}"
    return f"{person.first} {person.last} klant"
