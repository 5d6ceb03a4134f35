"""wholesale/: the companies that the wholesale desk keeps, those of the invoices among them.

The desk writes names as they are spoken, the old form, or the trade in the customer's language; it
entered a hotel twice, and keeps a holding and its camp site, which are two companies at one door.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from rapport.demo.files import copy_mapping, day_text, write_csv
from rapport.demo.silos.invoices import number_of
from rapport.demo.world import World, Written, WrittenFile

SOURCE = "wholesale"
HEADER = (
    "Relatienummer", "Bedrijfsnaam", "BTW-nummer", "E-mail", "Telefoon", "Straat", "Postcode",
    "Gemeente", "Land", "Website", "Relatietype", "Aangemaakt op",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Entry:
    company: str  # as the invoices call it, or as it calls itself
    name: str
    number: int = 0  # of the Belgian register; 0: the desk did not ask
    email: str = ""
    phone: str = ""
    street: str = ""
    postal_code: str = ""
    city: str = ""
    country: str = "BE"
    stage: str = "klant"


def _entries(kind: str, *rows: tuple[str, ...]) -> tuple[_Entry, ...]:
    return tuple(
        _Entry(company=company, name=name, email=email, phone=phone, street=street,
               postal_code=code, city=city, country=country, stage=kind)
        for company, name, email, phone, street, code, city, country in rows
    )  # fmt: skip


def _book() -> tuple[_Entry, ...]:
    known = number_of
    return (
        _Entry(company="Camping De Linde BV", name="Camping De Linde bvba",
               number=known("Camping De Linde BV"), email="info@delinde.example",
               phone="089 30 12 11", street="Bosstraat 12", postal_code="3600", city="Genk"),
        # Its holding: another company at the same door.
        _Entry(company="De Linde Beheer NV", name="De Linde Beheer NV", number=9_993_001,
               email="beheer@delinde.example", phone="089 30 12 11", street="Bosstraat 12",
               postal_code="3600", city="Genk"),
        _Entry(company="Scouts Sint-Jan vzw", name="Scouts St-Jan",
               email="penningmeester@scouts-sintjan.example", postal_code="9000", city="Gent"),
        _Entry(company="Les Gîtes du Moulin SRL", name="GITES DU MOULIN SPRL",
               number=known("Les Gîtes du Moulin SRL"), phone="082/66 10 20",
               street="Rue du Moulin 9", postal_code="5500", city="Dinant"),
        _Entry(company="Hôtel des Tilleuls SA", name="Hotel des Tilleuls",
               email="reception@hoteldestilleuls.example", phone="087 77 14 31",
               street="Av. des Tilleuls 31", postal_code="4900", city="Spa"),
        _Entry(company="Hôtel des Tilleuls SA", name="Tilleuls, Hôtel des (SA)",
               number=known("Hôtel des Tilleuls SA"), phone="+32 87 77 14 31",
               postal_code="4900", city="Spa"),
        _Entry(company="Brasserie du Parc SRL", name="Brasserie du Parc",
               number=known("Brasserie du Parc SRL"), email="info@brasserieduparc.example",
               street="Place Communale 2", postal_code="4000", city="Liège"),
        # A namesake in another town.
        _Entry(company="Brasserie du Parc Namur SRL", name="Brasserie du Parc", number=9_993_008,
               email="brasserie.parc@mail.example", street="Avenue Golenvaux 14",
               postal_code="5000", city="Namur"),
        _Entry(company="Bouwbedrijf De Linde BV", name="De Linde Bouw",
               number=known("Bouwbedrijf De Linde BV"), email="info@bouwdelinde.example",
               phone="053/70.12.88", street="Gentsestwg 88", postal_code="9300", city="Aalst"),
        _Entry(company="Fietsverhuur Kust BV", name="Fietsverhuur Kust",
               email="info@fietsverhuurkust.example", phone="059 50 17 17",
               street="Zandstraat 17", postal_code="8400", city="Oostende"),
        _Entry(company="Studio Noord CommV", name="Studio Nord",
               number=known("Studio Noord CommV"), email="hello@studionoord.example",
               street="Hoogstraat 61", postal_code="2000", city="Antwerpen"),
        *_entries(
            "prospect",
            ("Jeugdherberg De Kei vzw", "Jeugdherberg De Kei", "info@dekei.example",
             "016 22 30 41", "Naamsestraat 140", "3000", "Leuven", "BE"),
            ("Ferme du Bois SRL", "La Ferme du Bois", "contact@fermedubois.example", "",
             "Rue du Bois 3", "6900", "Marche-en-Famenne", "BE"),
            ("Camping des Dunes SARL", "Camping des Dunes", "", "03 21 09 11 22",
             "Avenue de la Mer 40", "62780", "Cucq", "FR"),
            ("Balaton Kemping Kft.", "Balaton Kemping Kft", "info@balatonkemping.example",
             "+36 84 310 117", "Fő utca 22.", "8600", "Siófok", "HU"),
            ("Hotel Duna Zrt.", "Duna Hotel", "foglalas@hotelduna.example", "",
             "Duna-korzó 5.", "1052", "Budapest", "HU"),
        ),
    )  # fmt: skip


def write(world: World) -> Written:
    rng = world.rng("wholesale")
    start = (world.story.start - type(world.story.start)(1970, 1, 1)).days
    rows, others = [], []
    for n, entry in enumerate(_book()):
        number = f"G{200 + 3 * n}"
        created = start + int(rng.integers(0, world.story.days - 30))
        rows.append(
            (
                number, entry.name, _written(entry.number, rng.random()), entry.email, entry.phone,
                entry.street, entry.postal_code, entry.city, entry.country, "", entry.stage,
                day_text(created, "%d/%m/%Y"),
            )
        )  # fmt: skip
        others.append((entry.company, SOURCE, "crm_account", SOURCE, number))
    path = "wholesale/relaties.csv"
    write_csv(world.folder / path, HEADER, rows, delimiter=";", encoding="utf-8-sig")
    copy_mapping(world.folder, "wholesale/relaties")
    return Written(
        files=(WrittenFile(path=path, source=SOURCE, rows=len(rows)),),
        others=tuple(others),
        touchpoints=Counter({SOURCE: len(rows)}),
    )


def _written(number: int, chance: float) -> str:
    """A number of the register as somebody types it; nothing where nobody asked."""
    if not number:
        return ""
    digits = f"{number:08d}{97 - number % 97:02d}"
    if chance < 0.5:
        return f"BE {digits[:4]}.{digits[4:7]}.{digits[7:]}"
    return digits if chance < 0.75 else f"BE{digits}"
