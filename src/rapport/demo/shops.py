"""Where the demo company's shops stand: invented shops in true streets."""

from __future__ import annotations

from rapport.vocabulary.shop import Shop

#: By name, as tills write it; latitude and longitude of the middle of a shopping street or station.
SHOPS: tuple[Shop, ...] = tuple(
    Shop(name=name, latitude=latitude, longitude=longitude)
    for name, latitude, longitude in (
        ("Annecy", 45.8997, 6.1264),
        ("Antwerpen", 51.2184, 4.4070),
        ("Brugge", 51.2075, 3.2235),
        ("Budapest Lágymányos", 47.4735, 19.0480),
        ("Budapest Nyugati", 47.5104, 19.0570),
        ("Debrecen", 47.5306, 21.6247),
        ("Gent", 51.0517, 3.7217),
        ("Grenoble", 45.1895, 5.7264),
        ("Győr", 47.6866, 17.6340),
        ("Ixelles", 50.8354, 4.3629),
        ("Leuven", 50.8793, 4.7009),
        ("Lille", 50.6372, 3.0630),
        ("Liège", 50.6413, 5.5717),
        ("Lyon", 45.7610, 4.8357),
        ("Namur", 50.4641, 4.8657),
        ("Strasbourg", 48.5818, 7.7480),
    )
)
