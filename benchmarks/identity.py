"""How fast, and how well, persons are found among many dirty records; ours beside plain Splink.

    python benchmarks/identity.py [--records 100000 1000000] [--only rapport] [--write FOLDER]
                                  [--world companies]

Six silos state different things of one world of households: Dutch, French, Hungarian and English
names, nicknames, initials, typos, lost accents, swapped fields, married names, family mailboxes and
phones, shared tablets, placeholders, people who moved. 3.85 records a person. With `--world
companies` five silos state one world of businesses in five countries, and of people who work there.
Each method runs in a process of its own, which is given the records and must say who is who; its
most memory is its own.
Plain Splink has the settings that its examples state (`rapport certify identity` uses the same).

With `--write` the records are kept as Parquet, for
`rapport certify identity FOLDER/identity_people_100000.parquet --truth person_id`.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rapport.demo.dirty_columns import (
    Numbers,
    chosen,
    drawn,
    falling,
    stated_where,
    with_typos,
    without_accents,
)
from rapport.demo.dirty_companies import dirty_companies
from rapport.demo.family_names import family_names
from rapport.demo.words import words as listed_words
from rapport.workflows.certify_identity import METHODS, Measured, measure, run_apart
from rapport.workflows.identity_sets import LabelledSet, as_companies

RECORDS_PER_PERSON = 1_000_000 / 260_000

#: Where people live and what they speak: share of households.
WORLDS = (
    ("BE", "nl", "+32", 0.30), ("BE", "fr", "+32", 0.16), ("NL", "nl", "+31", 0.24),
    ("FR", "fr", "+33", 0.13), ("HU", "hu", "+36", 0.11), ("GB", "en", "+44", 0.06),
)  # fmt: skip

#: Of each silo's records: how many are its own, and the share that states a field.
SILOS: dict[str, tuple[float, dict[str, float]]] = {
    "crm": (0.22, {"two_names": 0.99, "birthday": 0.6, "email": 0.8, "phone": 0.7, "address": 0.9}),
    "web": (0.30, {"two_names": 0.55, "email": 0.94, "phone": 0.12, "loyalty_card": 0.1,
                   "device_id": 1.0}),
    "pos": (0.18, {"name": 0.7, "email": 0.2, "place": 0.6, "loyalty_card": 0.45}),
    "fin": (0.12, {"name": 1.0, "birthday": 0.95, "email": 0.3, "address": 1.0, "iban": 0.9}),
    "call": (0.11, {"name": 0.94, "birthday": 0.3, "phone": 0.95, "place": 0.45}),
    "survey": (0.07, {"two_names": 0.88, "birthday": 0.4, "email": 0.75, "place": 0.6}),
}  # fmt: skip

#: Shares of what goes wrong, of the fields that are stated.
INITIAL, NICKNAME, PLAIN, TYPO, SWAPPED, CAPITALS = 0.05, 0.06, 0.15, 0.05, 0.03, 0.05
MAIDEN, FAMILY_FIRST, PLACEHOLDER, MOVED, TABLET = 0.35, 0.15, 0.02, 0.12, 0.004

PLACEHOLDERS = ("null@example.com", "noreply@shop.example", "geen@mail.be", "nincs@mail.hu",
                "test@test.com", "aucun@mail.fr")  # fmt: skip
MAILBOXES = ("gmail.example", "telenet.example", "ziggo.example", "orange.example",
             "freemail.example", "outlook.example", "hotmail.example", "mail.example")  # fmt: skip
#: The k-th name is as frequent as k to the power of this, negative: some 3 % of men have the most
#: usual given name, and one person in three thousand the most usual full name, as in Flanders.
NAMES_FALL = 0.5
#: Before seven digits: what makes a number of the country's plan.
MOBILES = {"BE": "47", "NL": "61", "FR": "61", "HU": "30", "GB": "770"}
LANDLINES = {"BE": "9", "NL": "20", "FR": "32", "HU": "1", "GB": "113"}


def dirty_records(records: int, seed: int = 7) -> pa.Table:
    """Records as silos state them, with ``person_id``, ``household_id`` and ``lang``.

    Every step works on whole columns; a million records take less than a minute.
    """
    rng = np.random.default_rng(seed)
    people = _people(max(int(records / RECORDS_PER_PERSON), 1), rng)
    persons = len(people["lang"])
    who = np.concatenate([np.arange(persons), rng.integers(0, persons, records - persons)])
    who = rng.permutation(who[:records])
    kinds = list(SILOS)
    silo = rng.choice(len(kinds), records, p=[SILOS[kind][0] for kind in kinds])
    states = {
        field: rng.random(records) < np.array([SILOS[k][1].get(field, 0) for k in kinds])[silo]
        for field in ("two_names", "name", "birthday", "email", "phone", "address", "place",
                      "loyalty_card", "device_id", "iban")
    }  # fmt: skip
    first, last = _names(people, who, rng)
    moved = (people["moved"][who]) & (rng.random(records) < 0.5)
    home = np.where(moved, people["second_home"][who], people["home"][who])
    tablet = rng.random(records) < TABLET
    shop = np.char.add(
        "shop-tablet-", rng.integers(0, max(records // 50_000, 3), records).astype(str)
    )
    device = np.where(tablet, shop, people["device"][who].astype(str))
    columns: dict[str, pa.Array] = {
        "source": chosen(kinds, silo),
        "name": stated_where(states["name"], _in_one_field(first, last, people["lang"][who], rng)),
        "first_name": stated_where(states["two_names"], first),
        "last_name": stated_where(states["two_names"], last),
        "birthday": stated_where(states["birthday"], _birthdays(people["born"][who], rng)),
        "email": stated_where(states["email"], _mails(people, who, rng)),
        "phone": stated_where(states["phone"], _phones(people, who, rng)),
        **_addresses(people, home, states["address"], states["place"] | states["address"], rng),
        "country": chosen([w[0] for w in WORLDS], people["world"][who]),
        "loyalty_card": stated_where(states["loyalty_card"] & people["has_card"][who],
                               _numbered("LC", 700_000_000 + who)),
        "iban": stated_where(states["iban"], _ibans(people["account"][who])),
        "device_id": stated_where(states["device_id"], pa.array(device)),
        "person_id": pa.array(who),
        "household_id": pa.array(people["household"][who]),
        "lang": chosen([w[1] for w in WORLDS], people["world"][who]),
    }  # fmt: skip
    return pa.table(columns)


def labelled(table: pa.Table, name: str) -> LabelledSet:
    """The records as a set that methods can be measured on."""
    stated = table.drop_columns(["person_id", "household_id", "lang"])
    return LabelledSet(
        name=name,
        stated=stated,
        truth=table["person_id"].to_numpy(),
        columns=stated,
        slices=table["lang"].combine_chunks(),
        households=table["household_id"].to_numpy(),
    )


# ── people ─────────────────────────────────────────────────────────────────────────────────────


def _people(persons: int, rng: np.random.Generator) -> dict[str, Any]:
    """Households of one to five people, and what each person has."""
    words = _words()
    sizes = rng.choice([1, 2, 3, 4, 5], persons, p=[0.36, 0.32, 0.13, 0.13, 0.06])
    household = np.repeat(np.arange(persons), sizes)[:persons]
    alone = np.arange(persons)
    place = alone - np.searchsorted(household, household)  # 0, 1: adults
    world = rng.choice(len(WORLDS), persons, p=[w[3] for w in WORLDS])[household]
    languages = [w[1] for w in WORLDS]
    lang = np.array([{"nl": 0, "fr": 1, "hu": 2, "en": 3}[x] for x in languages])[world]
    adult = place < 2
    female = np.where(adult, (place + household) % 2 == 0, rng.random(persons) < 0.5)
    given = np.empty(persons, dtype=np.int64)
    family = np.empty(persons, dtype=np.int64)
    for code, of in enumerate(words["given"]):
        for sex in (False, True):
            here = (lang == code) & (female == sex)
            given[here] = (
                falling(len(of[sex]), int(here.sum()), NAMES_FALL, rng)
                + words["start"][code, int(sex)]
            )
        here = lang == code
        family[here] = falling(words["families"][code], int(here.sum()), NAMES_FALL, rng)
        family[here] += words["family_start"][code]
    maiden = family.copy()
    head = np.searchsorted(household, household)
    shares = ~adult | (rng.random(persons) < 0.75)  # children, and most partners
    family = np.where(shares, family[head], family)
    born = np.datetime64("1940-01-01") + rng.integers(0, 22_000, persons).astype("timedelta64[D]")
    of_partner = born[head] + rng.integers(-1500, 1500, persons).astype("timedelta64[D]")
    of_child = born[head] + rng.integers(8000, 13000, persons).astype("timedelta64[D]")
    junior = ~adult & (female == female[head]) & (rng.random(persons) < 0.04)
    given = np.where(junior, given[head], given)  # father and son of one name
    mobile = rng.permutation(persons * 3)[:persons]
    return {
        "words": words, "world": world, "lang": lang, "household": household, "female": female,
        "given": given, "family": family, "maiden": np.where(female & adult, maiden, family),
        "born": np.where(place == 0, born, np.where(place == 1, of_partner, of_child)),
        "head": head, "mobile": mobile,
        "family_mailbox": rng.random(persons)[household] < 0.05,
        "family_phone": rng.random(persons)[household] < 0.3,
        "home": household, "second_home": household + persons,
        "moved": rng.random(persons)[household] < MOVED,
        "has_card": rng.random(persons) < 0.6,
        "account": np.where(adult & (rng.random(persons)[household] < 0.4), head, alone),
        "device": np.where(rng.random(persons) < 0.12, head, alone) + 10**9,
    }  # fmt: skip


def _words() -> dict[str, Any]:
    """Given and family names by language, in one list each, and where each language begins."""
    listed = listed_words("names")
    given: list[str] = []
    family: list[str] = []
    start = np.zeros((4, 2), dtype=np.int64)
    names, families, family_start, nicknames = [], [], [], {}
    for code, language in enumerate(("nl", "fr", "hu", "en")):
        by_sex = {}
        for sex, key in ((False, "male"), (True, "female")):
            start[code, int(sex)] = len(given)
            plain = listed[language][key]
            by_sex[sex] = [
                *plain, *(f"{a}-{b}" for a in plain[:12] for b in plain[12:] if "-" not in a + b)
            ]  # fmt: skip
            given += by_sex[sex]
        names.append(by_sex)
        nicknames.update(listed[language].get("nicknames", {}))
        family_start.append(len(family))
        families.append(len(family_names(language)))
        family += family_names(language)
    return {
        "given": names, "start": start, "given_list": given, "family_list": family,
        "families": families, "family_start": family_start,
        "nicknames": [nicknames.get(name, name) for name in given],
    }  # fmt: skip


# ── what a record says ─────────────────────────────────────────────────────────────────────────


def _names(
    people: dict[str, Any], who: Numbers, rng: np.random.Generator
) -> tuple[pa.Array, pa.Array]:
    words, n = people["words"], len(who)
    given = people["given"][who]
    first = chosen(words["given_list"], given)
    first = pc.if_else(drawn(n, NICKNAME, rng), chosen(words["nicknames"], given), first)
    letter = [f"{name[0]}." for name in words["given_list"]]
    first = pc.if_else(drawn(n, INITIAL, rng), chosen(letter, given), first)
    by_maiden = rng.random(n) < MAIDEN
    family = np.where(by_maiden, people["maiden"][who], people["family"][who])
    last = chosen(words["family_list"], family)
    # Kovács Jánosné: János Kovács's wife.
    head = people["head"][who]
    wife = (
        people["female"][who] & (people["lang"][who] == 2) & (head != who) & (rng.random(n) < 0.15)
    )
    husbands = [f"{name}né" for name in words["given_list"]]
    first = pc.if_else(pa.array(wife), chosen(husbands, people["given"][head]), first)
    last = pc.if_else(pa.array(wife), chosen(words["family_list"], people["family"][head]), last)
    dirty = []
    for column in (first, last):
        said = pc.if_else(drawn(n, PLAIN, rng), without_accents(column), column)
        said = with_typos(said, rng.random(n) < TYPO, rng)
        dirty.append(pc.if_else(drawn(n, CAPITALS, rng), pc.utf8_upper(said), said))
    swapped = drawn(n, SWAPPED, rng)
    return (
        pc.if_else(swapped, dirty[1], dirty[0]),
        pc.if_else(swapped, dirty[0], dirty[1]),
    )


def _in_one_field(first: pa.Array, last: pa.Array, lang: Numbers, rng: Any) -> pa.Array:
    family_first = pa.array(rng.random(len(lang)) < np.where(lang == 2, 0.85, FAMILY_FIRST))
    return pc.if_else(
        family_first,
        pc.binary_join_element_wise(last, first, " "),
        pc.binary_join_element_wise(first, last, " "),
    )


def _birthdays(born: NDArray[Any], rng: np.random.Generator) -> pa.Array:
    n = len(born)
    year = born.astype("datetime64[Y]")
    month = (born.astype("datetime64[M]") - year).astype(int) + 1
    day = (born - born.astype("datetime64[M]")).astype(int) + 1
    swap = (day <= 12) & (rng.random(n) < 0.04)
    month, day = np.where(swap, day, month), np.where(swap, month, day)
    day = np.where(rng.random(n) < 0.02, rng.integers(1, 29, n), day)
    default = rng.random(n) < 0.015  # what is chosen when nobody asked
    month, day = np.where(default, 1, month), np.where(default, 1, day)
    years = year.astype(int) + 1970 + np.where(rng.random(n) < 0.01, rng.integers(-9, 10, n), 0)
    part = [pa.array(years).cast(pa.string())]
    part += [pc.utf8_lpad(pa.array(x).cast(pa.string()), 2, "0") for x in (month, day)]
    return pc.if_else(
        drawn(n, 0.2, rng),
        pc.binary_join_element_wise(part[2], part[1], part[0], "/"),
        pc.binary_join_element_wise(*part, "-"),
    )


def _mails(people: dict[str, Any], who: Numbers, rng: np.random.Generator) -> pa.Array:
    words, n = people["words"], len(who)
    shared = people["family_mailbox"][who]
    owner = np.where(shared, people["head"][who], who)
    host = chosen(MAILBOXES, owner % len(MAILBOXES))
    first = pc.utf8_lower(without_accents(chosen(words["given_list"], people["given"][owner])))
    last = pc.utf8_lower(without_accents(chosen(words["family_list"], people["maiden"][owner])))
    last = pc.replace_substring_regex(last, r"[^a-z]", "")
    number = pa.array(owner % 9973).cast(pa.string())
    name = pc.if_else(
        pa.array(owner % 3 == 0),
        pc.binary_join_element_wise(pc.utf8_slice_codeunits(first, 0, 1), last, number, ""),
        pc.binary_join_element_wise(first, last, number, "."),
    )
    mailbox = pc.binary_join_element_wise(name, host, "@")
    mailbox = with_typos(mailbox, rng.random(n) < 0.02, rng)
    nobody = chosen(PLACEHOLDERS, falling(len(PLACEHOLDERS), n, 1.5, rng))
    return pc.if_else(drawn(n, PLACEHOLDER, rng), nobody, mailbox)


def _phones(people: dict[str, Any], who: Numbers, rng: np.random.Generator) -> pa.Array:
    n = len(who)
    at_home = people["family_phone"][who] & (rng.random(n) < 0.5)
    number = np.where(at_home, people["household"][who], people["mobile"][who])
    area = pc.if_else(
        pa.array(at_home),
        chosen([LANDLINES[w[0]] for w in WORLDS], people["world"][who]),
        chosen([MOBILES[w[0]] for w in WORLDS], people["world"][who]),
    )
    seven = pc.utf8_lpad(pa.array(number).cast(pa.string()), 7, "0")
    digits = pc.binary_join_element_wise(area, seven, "")
    code = chosen([w[2] for w in WORLDS], people["world"][who])
    zeros = pc.replace_substring(code, "+", "00")
    trunk = chosen([{"+36": "06"}.get(w[2], "0") for w in WORLDS], people["world"][who])
    prefix = pc.choose(pa.array(rng.integers(0, 3, n)), code, zeros, trunk)
    written = pc.binary_join_element_wise(prefix, digits, "")
    return pc.if_else(drawn(n, 0.01, rng), pa.scalar("0000000000"), written)


def _addresses(
    people: dict[str, Any],
    home: Numbers,
    whole: NDArray[np.bool_],
    place: NDArray[np.bool_],
    rng: np.random.Generator,
) -> dict[str, pa.Array]:
    """Of a home's number follow its street, number and place; of the record, how they are spelt."""
    listed = listed_words("places")
    n = len(home)
    made = np.random.default_rng(11)
    homes = int(home.max()) + 1
    draws = {name: made.random(homes)[home] for name in ("city", "street", "number", "more")}
    world = people["world"][people["home"].searchsorted(home % len(people["home"]))]
    cities, codes = np.empty(n, dtype=object), np.empty(n, dtype=object)
    streets = np.empty(n, dtype=object)
    for number, (country, language, _, _) in enumerate(WORLDS):
        here = np.flatnonzero(world == number)
        known = [c for c in listed.get(country, {}).get("cities", ()) if c[4] == language]
        known = known or [[f"{a}{b}", f"{1000 + 71 * i}", 1, "", ""] for i, (a, b) in enumerate(
            (a, b) for a in ("Oost", "Zand", "Nieuw", "Wester", "Hoog", "Linde")
            for b in ("dam", "veen", "dorp", "bergen", "wijk", "hoven"))]  # fmt: skip
        city = (draws["city"][here] * len(known)).astype(int)
        cities[here] = np.array([c[0] for c in known], dtype=object)[city]
        base = np.array([int(c[1]) for c in known])[city] + (draws["more"][here] * 9).astype(int)
        code = base.astype(str)
        letters = np.array([a + b for a in "ABDEGHJK" for b in "LNPRSTVW"])
        two = letters[(draws["number"][here] * len(letters)).astype(int)]
        if country == "NL":
            code = np.char.add(np.char.add(code, " "), two)
        elif country == "GB":
            code = np.char.add(np.char.add(np.char.add("LS", (base % 30).astype(str)), " 4"), two)
        codes[here] = code.astype(object)
        of = listed.get(country, listed["BE"]).get(
            f"streets_{language}", listed["BE"]["streets_nl"]
        )
        streets[here] = np.array(of, dtype=object)[(draws["street"][here] * len(of)).astype(int)]
    street = with_typos(pa.array(streets, pa.string()), rng.random(n) < TYPO, rng)
    short = pc.replace_substring_regex(street, r"(?i)straat\b", "str.")
    for word, letters in (("utca", "u."), ("avenue", "av."), ("Avenue", "Av.")):
        short = pc.replace_substring(short, word, letters)
    street = pc.if_else(drawn(n, 0.25, rng), short, street)
    house = pa.array((draws["number"] * 140).astype(int) + 1).cast(pa.string())
    joined = pc.binary_join_element_wise(street, house, " ")
    together = rng.random(n) < 0.4
    return {
        "street": stated_where(whole, pc.if_else(pa.array(together), joined, street)),
        "house_number": stated_where(whole & ~together, house),
        "postal_code": stated_where(place, pa.array(codes, pa.string())),
        "city": stated_where(place & (rng.random(n) < 0.97), pa.array(cities, pa.string())),
    }


def _numbered(prefix: str, numbers: Numbers) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pa.array(numbers).cast(pa.string()), "")


def _ibans(accounts: Numbers) -> pa.Array:
    """Belgian account numbers, whose check digits are right (ISO 13616)."""
    account = 1_000_000_000 + accounts
    check = account % 97
    national = account * 100 + np.where(check == 0, 97, check)
    digits = 98 - (national * 10**6 + 111400) % 97  # BE00: B is 11, E is 14
    return pc.binary_join_element_wise(
        "BE",
        pc.utf8_lpad(pa.array(digits).cast(pa.string()), 2, "0"),
        pa.array(national).cast(pa.string()),
        "",
    )


# ── measuring ──────────────────────────────────────────────────────────────────────────────────


def _print(row: Measured) -> None:
    of = row.agreement
    if of is None or row.seconds is None or row.peak_mb is None:
        print(f"  {row.method:<14} {row.note}")
        return
    print(
        f"  {row.method:<14} {row.seconds:8.1f} s {row.peak_mb:8,.0f} MB   "
        f"pairs P {of.pairwise.precision:.3f} R {of.pairwise.recall:.3f} F1 {of.pairwise.f1:.3f}   "
        f"B³ F1 {of.bcubed.f1:.3f}   largest {of.largest_cluster:,}   {row.note}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, nargs="+", default=[100_000])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--world", choices=["people", "companies"], default="people")
    parser.add_argument("--only", nargs="*", default=["rapport", "splink"])
    parser.add_argument("--write", type=Path, default=None)
    options = parser.parse_args()
    seconds: dict[str, list[tuple[int, float]]] = {}
    for records in options.records:
        began = time.perf_counter()
        if options.world == "companies":
            table, whose = dirty_companies(records, options.seed), "entity_id"
            asked = as_companies(table)
        else:
            table, whose = dirty_records(records, options.seed), "person_id"
            asked = labelled(table, f"identity_{records}")
        made = time.perf_counter() - began
        persons = pc.count_distinct(table[whose]).as_py()
        print(f"{records:,} records of {persons:,} {options.world}, made in {made:.1f} s")
        if options.write is not None:
            pq.write_table(table, options.write / f"identity_{options.world}_{records}.parquet")
        of = {}
        for method in METHODS:
            if method.name not in options.only:
                continue
            row = measure(asked, method.name, run_apart(method, asked))
            _print(row)
            if row.seconds is not None:
                of[method.name] = row.seconds
                seconds.setdefault(method.name, []).append((records, row.seconds))
        if {"rapport", "splink"} <= set(of):
            print(f"  ours / plain Splink: {of['rapport'] / of['splink']:.2f}")
    for name, at in seconds.items():
        for (small, before), (large, after) in pairwise(at):
            print(f"{name}: {large / small:.0f} times the records take {after / before:.1f} times")


if __name__ == "__main__":
    main()
