"""Build hook: cut the Inter font down to what web pages and PDF files need.

The whole variable font is 860 kB. Pages use Latin letters of four languages, one optical size
and weights 400 to 700, which fit in about 45 kB of woff2; PDF knows no variable fonts and is given
two weights of the same letters. The cut files are made at build time, so the repository holds no
binary and every release can be rebuilt from the packaged font.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ASSETS = Path("src/rapport/web/assets")
TARGET = ASSETS / "inter.woff2"
#: One file per weight, for PDF.
STATIC = {ASSETS / "inter-regular.ttf": 400, ASSETS / "inter-bold.ttf": 700}
GEOGRAPHY = Path("src/rapport/understand/geography/data")
GEOGRAPHY_FILES = ("outlines.json.gz", "places.parquet", "place_names.parquet")
FONT = "Inter[opsz,wght].ttf"
WEIGHTS = (400, 700)
# Text is set at 11.5 to 25 px; Inter's own "text" size is 14 and its figures look best there.
OPTICAL_SIZE = 14
# Latin-1 and Latin Extended-A (ő, ű, œ, Ÿ: the names of nearly all European customers), with the
# signs that figures and charts use. Other scripts are left to the system's font.
CODEPOINTS = (
    *range(0x20, 0x7F),
    *range(0xA0, 0x180),
    *(0x218, 0x219, 0x21A, 0x21B),  # Romanian comma below
    *(0x2C6, 0x2DA, 0x2DC, 0x2009, 0x200A, 0x202F),
    *(0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2018, 0x2019, 0x201A, 0x201C, 0x201D, 0x201E),
    *(0x2020, 0x2022, 0x2026, 0x2030, 0x2032, 0x2033, 0x2039, 0x203A, 0x20AC, 0x2116, 0x2122),
    *(0x2190, 0x2191, 0x2192, 0x2193, 0x2196, 0x2197, 0x2198, 0x2199),  # arrows
    *(0x2212, 0x2248, 0x2260, 0x2264, 0x2265, 0x2713),  # − ≈ ≠ ≤ ≥ ✓
)
TABULAR = frozenset(
    [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "plus",
        "minus",
    ]
)
FEATURES = ("kern", "mark", "mkmk", "ccmp", "locl", "calt", "tnum")


def keep_words_proportional(font: TTFont) -> None:
    """Leave only digits and signs to ``tnum``.

    Inter gives hyphens, spaces, commas and brackets the width of a digit too. Pages set all text
    in tabular figures, and "e-mail" would be written with gaps.
    """
    substitutions = font["GSUB"].table
    for record in substitutions.FeatureList.FeatureRecord:
        if record.FeatureTag != "tnum":
            continue
        for index in record.Feature.LookupListIndex:
            for table in substitutions.LookupList.Lookup[index].SubTable:
                inner = getattr(table, "ExtSubTable", table)
                inner.mapping = {
                    glyph: other for glyph, other in inner.mapping.items() if glyph in TABULAR
                }


def cut(source: Path, target: Path, weights: int | tuple[int, int]) -> None:
    """Write the cut font to `target`: one weight as it is, a range of them as woff2."""
    font = TTFont(source, recalcTimestamp=False)
    keep_words_proportional(font)
    options = Options(
        layout_features=list(FEATURES),
        hinting=False,
        desubroutinize=True,
        name_IDs=[0, 1, 2, 13, 14],  # the copyright and licence travel with the font
        notdef_outline=True,
    )
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=CODEPOINTS)
    # Letters first, weights second: the other way round the subsetter looks for variations of
    # glyphs that the instancer has just found to have none, and fails.
    subsetter.subset(font)
    font = instantiateVariableFont(font, {"opsz": OPTICAL_SIZE, "wght": weights})
    if isinstance(weights, tuple):
        font.flavor = "woff2"
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    font.save(partial)
    partial.replace(target)  # a build that dies half-way leaves no broken font behind


def recipe() -> str:
    """Digest of everything that decides how the font looks; a changed recipe cuts again."""
    said = repr(
        (
            version("fontpkg-inter"),
            WEIGHTS,
            [*STATIC.values()],
            OPTICAL_SIZE,
            CODEPOINTS,
            FEATURES,
            sorted(TABULAR),
        )
    )
    return hashlib.sha256(said.encode()).hexdigest()


class FontHook(BuildHookInterface):  # type: ignore[type-arg]
    """Cuts the fonts and the geography before the wheel, or the editable install, is made."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        targets = {
            Path(self.root) / path: weights for path, weights in {TARGET: WEIGHTS, **STATIC}.items()
        }
        made_by = Path(self.root) / "build" / "inter.recipe"
        there = made_by.exists() and all(path.exists() for path in targets)
        if not (there and made_by.read_text() == recipe()):
            for target, weights in targets.items():
                cut(Path(str(files("fontpkg_inter") / "files" / FONT)), target, weights)
            made_by.parent.mkdir(exist_ok=True)
            made_by.write_text(recipe())
        cut_geography(Path(self.root))


def cut_geography(root: Path) -> None:
    """Make the outlines and the gazetteer, unless the script that makes them is as it was."""
    script = root / "scripts" / "cut_geography.py"
    said = hashlib.sha256(script.read_bytes()).hexdigest()
    made_by = root / "build" / "geography.recipe"
    made = all((root / GEOGRAPHY / name).exists() for name in GEOGRAPHY_FILES)
    if not (made and made_by.exists() and made_by.read_text() == said):
        subprocess.run([sys.executable, str(script)], check=True)  # noqa: S603 - our own script
        made_by.parent.mkdir(exist_ok=True)
        made_by.write_text(said)
