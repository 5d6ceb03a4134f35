"""Small invented companies for the engine's tests."""

from __future__ import annotations

import random

import pyarrow as pa

_GIVEN = ["anna", "bela", "cecile", "dirk", "els", "femke", "gert", "hilde", "ilona", "jan", "lien"]
#: Syllables of family names that are far from each other.
_FIRST = ["kar", "mo", "vil", "zu", "bren", "hof", "stee", "dag", "ru", "pol", "win", "jam"]
_LAST = ["mans", "velde", "tosi", "berg", "kova", "dier", "lunx", "rap", "gyor", "schop"]
_TOWNS = [("1000", "brussel"), ("2000", "antwerpen"), ("9000", "gent"), ("1051", "budapest")]


def stated(**columns: list[str | None]) -> pa.Table:
    """A table of text."""
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def people(n_households: int, *, seed: int = 1) -> tuple[pa.Table, list[int]]:
    """Records of families in a shop and a web shop, and whose each is.

    Members share their family name, town and telephone; slips and gaps are everywhere.
    """
    random_ = random.Random(seed)  # noqa: S311
    columns: dict[str, list[str | None]] = {
        name: []
        for name in (
            "source",
            "first_name",
            "last_name",
            "birthday",
            "email",
            "phone",
            "postal_code",
            "city",
        )
    }
    truth: list[int] = []
    for household in range(n_households):
        family = random_.choice(_FIRST) + random_.choice(_LAST)
        code, town = random_.choice(_TOWNS)
        phone = f"04{random_.randrange(10**8):08}"
        for given in random_.sample(_GIVEN, random_.choice([1, 2, 3])):
            person = len(set(truth)) + 1
            birthday = f"{random_.randrange(1940, 2005)}-{random_.randrange(1, 13):02}-"
            birthday += f"{random_.randrange(1, 29):02}"
            email = f"{given}.{family}{household}@mail.be"
            for source in random_.choices(["shop", "web"], k=random_.choice([2, 3])):
                slip = random_.random() < 0.1
                row = {
                    "source": source,
                    "first_name": given[:-1] if slip else given,
                    "last_name": family,
                    "birthday": birthday if random_.random() < 0.7 else None,
                    "email": email if random_.random() < 0.6 else None,
                    "phone": phone if random_.random() < 0.5 else None,
                    "postal_code": code,
                    "city": town,
                }
                for name, values in columns.items():
                    values.append(row[name])
                truth.append(person)
    return stated(**columns), truth
