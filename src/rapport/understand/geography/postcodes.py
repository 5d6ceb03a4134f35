"""The region that a postcode says, where the post office's numbers follow regions.

Only rules that hold by design are here. In Hungary (but for Budapest), the Netherlands and Germany
postcodes follow routes and cross borders of regions: there the town says the region.

References
----------
- Belgium: bpost, *Liste des codes postaux*: ranges by province since 1969.
- France: La Poste / INSEE: the first two digits are those of the department, three overseas; 20 is
  Corsica, where 200 and 201 are Corse-du-Sud and 202 and 206 Haute-Corse. Some villages are served
  from the next department and carry its number.
- Hungary: Magyar Posta: 1000 to 1999 is Budapest.
"""

from __future__ import annotations

import re
from bisect import bisect_right

_BELGIUM = (
    (1000, "BE-BRU"), (1300, "BE-WBR"), (1500, "BE-VBR"), (2000, "BE-VAN"), (3000, "BE-VBR"),
    (3500, "BE-VLI"), (4000, "BE-WLG"), (5000, "BE-WNA"), (6000, "BE-WHT"), (6600, "BE-WLX"),
    (7000, "BE-WHT"), (8000, "BE-VWV"), (9000, "BE-VOV"),
)  # fmt: skip
_STARTS = [start for start, _ in _BELGIUM]
_OVERSEAS = {"971": "FR-GP", "972": "FR-MQ", "973": "FR-GF", "974": "FR-RE", "976": "FR-YT"}
_CORSICA = {"200": "FR-2A", "201": "FR-2A", "202": "FR-2B", "206": "FR-2B"}


def region_of_postcode(country: str, postal_code: str) -> str | None:
    """ISO 3166-2 code of the region; None where the postcode does not say.

    Examples
    --------
    >>> region_of_postcode("BE", "B-9000"), region_of_postcode("FR", "67000")
    ('BE-VOV', 'FR-67')
    """
    digits = re.sub(r"\D", "", postal_code)
    if country == "BE" and len(digits) == 4 and digits >= "1000":
        return _BELGIUM[bisect_right(_STARTS, int(digits)) - 1][1]
    if country == "FR" and len(digits) == 5:
        return _of_france(digits)
    if country == "HU" and len(digits) == 4 and digits[0] == "1":
        return "HU-BU"
    return None


def _of_france(digits: str) -> str | None:
    if digits[:2] == "20":
        return _CORSICA.get(digits[:3])
    if digits[:2] in ("97", "98"):
        return _OVERSEAS.get(digits[:3])
    return f"FR-{digits[:2]}" if "01" <= digits[:2] <= "95" else None
