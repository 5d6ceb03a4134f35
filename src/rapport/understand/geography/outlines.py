"""The outlines of Europe's regions, ready to be drawn: projected, simplified and cut to a frame.

Neighbours share their lines, so that they still touch however coarsely they are drawn.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, TypeAlias

import numpy as np
from msgspec import Struct

#: What is drawn of countries that reach beyond Europe: longitude and latitude from … to, degrees.
_WINDOW = (-11.0, 34.5, 42.0, 71.5)
#: A line may leave its true place by so many units of a drawing `WIDTH` wide.
_LOOSE, _LOOSE_AROUND = 0.7, 3.0
WIDTH = 1000

Points: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]


class Region(Struct, frozen=True, kw_only=True):
    """A province, county or department.

    `rings` are numbers of lines; −1 − number is the line walked the other way.
    """

    code: str
    name: str
    rings: tuple[tuple[int, ...], ...]


class Outlines(Struct, frozen=True, kw_only=True):
    """Every region, and the lines between them in degrees (longitude, latitude)."""

    lines: tuple[Points, ...]
    regions: dict[str, Region]


class Frame(Struct, frozen=True, kw_only=True):
    """Where the drawing's corner is, how large a unit is, and around which point it is flat."""

    longitude: float
    latitude: float
    left: float
    top: float
    scale: float
    height: int


class Drawing(Struct, frozen=True, kw_only=True):
    """A map `WIDTH` wide, as paths of SVG.

    Attributes
    ----------
    regions : tuple of (code, path)
        Those of the countries asked for.
    around : str
        One path of what else lies in the frame.
    """

    frame: Frame
    regions: tuple[tuple[str, str], ...]
    around: str


@lru_cache(maxsize=1)
def outlines() -> Outlines:
    """All outlines, read once."""
    folder = files("rapport.understand.geography") / "data"
    found = json.loads(gzip.decompress((folder / "outlines.json.gz").read_bytes()))
    lines = tuple(
        np.array(line, dtype=float).reshape(-1, 2).cumsum(axis=0) / found["scale"]
        for line in found["lines"]
    )
    return Outlines(
        lines=lines,
        regions={
            each["code"]: Region(
                code=each["code"],
                name=each["name"],
                rings=tuple(tuple(ring) for ring in each["rings"]),
            )
            for each in found["regions"]
        },
    )


def region_name(code: str) -> str:
    """The name of a region in its own language; overseas ones, which are not drawn, by code."""
    region = outlines().regions.get(code)
    return region.name if region else code


@lru_cache(maxsize=32)
def draw(countries: tuple[str, ...]) -> Drawing:
    """The regions of some countries with what lies around them.

    Equal areas on the ground are equal areas on the map, so that a colour's weight is true:
    Lambert's azimuthal projection around the middle of the frame.

    Parameters
    ----------
    countries : tuple of str
        ISO 3166-1 codes; at least one of which has outlines.

    References
    ----------
    Snyder (1987), Map Projections: A Working Manual, USGS Professional Paper 1395, p. 185.
    """
    found = outlines()
    shown = [region for code, region in found.regions.items() if code[:2] in countries]
    numbers = {_number(line) for region in shown for ring in region.rings for line in ring}
    seen = np.concatenate([found.lines[number] for number in sorted(numbers)])
    seen = seen[_in_window(seen)]
    west, south = seen.min(axis=0)
    east, north = seen.max(axis=0)
    frame = _frame(seen, (west + east) / 2, (south + north) / 2)
    flat: dict[tuple[int, float], Points] = {}

    def line(number: int, loose: float) -> Points:
        key = (_number(number), loose)
        if key not in flat:
            flat[key] = _simplified(projected(frame, found.lines[key[0]]), loose).round()
        return flat[key][::-1] if number < 0 else flat[key]

    def path(region: Region, loose: float) -> str:
        rings = [ring for ring in region.rings if _in_window(found.lines[_number(ring[0])][:1])[0]]
        return "".join(
            _path(np.concatenate([line(number, loose) for number in ring])) for ring in rings
        )

    others = (region for code, region in found.regions.items() if code[:2] not in countries)
    return Drawing(
        frame=frame,
        regions=tuple((region.code, path(region, _LOOSE)) for region in shown),
        around="".join(
            path(region, _LOOSE_AROUND)
            for region in others
            if _in_frame(frame, projected(frame, found.lines[_number(region.rings[0][0])]))
        ),
    )


def drawable(codes: Sequence[str]) -> tuple[str, ...]:
    """Those countries of these regions that have outlines, in alphabetical order."""
    known = {code[:2] for code in outlines().regions}
    return tuple(sorted({code[:2] for code in codes} & known))


def projected(frame: Frame, points: Points) -> Points:
    """Longitudes and latitudes, in degrees, as places in the drawing."""
    x, y = _flat(points, frame.longitude, frame.latitude)
    return np.column_stack(((x - frame.left) * frame.scale, (frame.top - y) * frame.scale))


def _frame(points: Points, longitude: float, latitude: float) -> Frame:
    x, y = _flat(points, longitude, latitude)
    margin = 0.02 * float(x.max() - x.min())
    scale = WIDTH / (float(x.max() - x.min()) + 2 * margin)
    return Frame(
        longitude=longitude,
        latitude=latitude,
        left=float(x.min()) - margin,
        top=float(y.max()) + margin,
        scale=scale,
        height=math.ceil((float(y.max() - y.min()) + 2 * margin) * scale),
    )


def _flat(points: Points, longitude: float, latitude: float) -> tuple[Points, Points]:
    """On a plane that touches the unit ball at a point."""
    east = np.radians(points[:, 0] - longitude)
    north, middle = np.radians(points[:, 1]), math.radians(latitude)
    sin, cos = math.sin(middle), math.cos(middle)
    shrink = np.sqrt(2 / (1 + sin * np.sin(north) + cos * np.cos(north) * np.cos(east)))
    return (
        shrink * np.cos(north) * np.sin(east),
        shrink * (cos * np.sin(north) - sin * np.cos(north) * np.cos(east)),
    )


def _number(line: int) -> int:
    return line if line >= 0 else -1 - line


def _in_window(points: Points) -> np.ndarray[Any, np.dtype[np.bool_]]:
    west, south, east, north = _WINDOW
    x, y = points[:, 0], points[:, 1]
    inside: np.ndarray[Any, np.dtype[np.bool_]] = (
        (x >= west) & (x <= east) & (y >= south) & (y <= north)
    )
    return inside


def _in_frame(frame: Frame, points: Points) -> bool:
    x, y = points[:, 0], points[:, 1]
    beside = x.max() < 0 or x.min() > WIDTH or y.max() < 0 or y.min() > frame.height
    return not beside


def _simplified(points: Points, loose: float) -> Points:
    """Without points that lie within ``loose`` of the line between others (Douglas, Peucker)."""
    keep = np.zeros(len(points), dtype=bool)
    keep[[0, -1]] = True
    stack = [(0, len(points) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        way, between = points[last] - points[first], points[first + 1 : last] - points[first]
        length = float(np.hypot(*way))
        if length:
            far = np.abs(way[0] * between[:, 1] - way[1] * between[:, 0]) / length
        else:
            far = np.hypot(between[:, 0], between[:, 1])
        place = int(far.argmax())
        if far[place] > loose:
            keep[first + 1 + place] = True
            stack += [(first, first + 1 + place), (first + 1 + place, last)]
    simplified: Points = points[keep]
    return simplified


def _path(points: Points) -> str:
    """A closed ring of whole numbers, each but the first as the way from the one before."""
    steps = np.diff(points, axis=0).astype(int)
    steps = steps[(steps != 0).any(axis=1)]
    if len(steps) < 3:
        return ""
    x, y = points[0].astype(int)
    return f"M{x} {y}l" + " ".join(f"{dx} {dy}" for dx, dy in steps).replace(" -", "-") + "z"
