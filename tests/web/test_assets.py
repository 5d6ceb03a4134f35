"""Files of the pages: addresses by content, caching, size, and the letters of the font."""

from __future__ import annotations

import gzip
import io
import re

import pytest
from fontTools.ttLib import TTFont
from litestar import Litestar
from litestar.testing import TestClient

from rapport.web.assets import COMPRESSION, FOR_EVER, NAMES, asset, asset_url, assets

LETTERS = "aZ0 éèêàçœŒÿŸ ëïüáíóöőúűŐŰ ßøåłčšž €£−–—…“”‘’„→←↑↓·•×≥≤≈✓ \u00a0\u202f"


@pytest.fixture(scope="module")
def client() -> TestClient[Litestar]:
    # With the compression the application uses: a file compressed twice is unreadable.
    app = Litestar([assets], openapi_config=None, compression_config=COMPRESSION)
    return TestClient(app)


@pytest.mark.parametrize("name", NAMES)
def test_each_file_is_served_for_ever_at_an_address_of_its_content(
    client: TestClient[Litestar], name: str
) -> None:
    assert re.fullmatch(r"/assets/[\w-]+\.[0-9a-f]{12}\.\w+", asset_url(name))
    answer = client.get(asset_url(name), headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == FOR_EVER
    assert answer.headers["x-content-type-options"] == "nosniff"
    kind, _, charset = answer.headers["content-type"].partition("; ")
    assert kind == asset(name).media_type
    assert charset in {"", "charset=utf-8"}
    assert answer.content == asset(name).content


def test_text_is_compressed_only_for_those_who_ask(client: TestClient[Litestar]) -> None:
    small = client.get(asset_url("rapport.css"), headers={"Accept-Encoding": "br, gzip"})
    plain = client.get(asset_url("rapport.css"), headers={"Accept-Encoding": "identity"})
    assert small.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert int(small.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert small.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "path", ["/assets/rapport.000000000000.css", "/assets/words", "/assets/%2e%2e%2fhtml.py"]
)
def test_other_addresses_are_not_found(client: TestClient[Litestar], path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_style_sheet_names_the_font_by_its_content() -> None:
    assert asset_url("inter.woff2").encode() in asset("rapport.css").content
    assert b'url("inter.woff2")' not in asset("rapport.css").content


def test_all_files_of_a_first_page_leave_room_for_the_page_itself() -> None:
    sizes = {name: len(asset(name).gzipped or asset(name).content) for name in NAMES}
    assert sum(sizes.values()) <= 75_000, sizes
    assert len(NAMES) <= 6


def test_compressed_content_is_the_content() -> None:
    for name in NAMES:
        packed = asset(name).gzipped
        assert packed is None or gzip.decompress(packed) == asset(name).content


def test_the_font_has_our_letters_weights_and_tabular_digits_and_its_licence() -> None:
    font = TTFont(io.BytesIO(asset("inter.woff2").content))
    missing = {letter for letter in LETTERS if ord(letter) not in font.getBestCmap()}
    assert missing == set()
    [axis] = font["fvar"].axes
    assert (axis.axisTag, axis.minValue, axis.maxValue) == ("wght", 400, 700)
    features = {record.FeatureTag for record in font["GSUB"].table.FeatureList.FeatureRecord}
    assert "tnum" in features
    assert "Open Font License" in str(font["name"].getDebugName(13))


def test_only_digits_and_signs_take_the_width_of_digits() -> None:
    font = TTFont(io.BytesIO(asset("inter.woff2").content))
    gsub = font["GSUB"].table
    lookups = {
        index
        for record in gsub.FeatureList.FeatureRecord
        if record.FeatureTag == "tnum"
        for index in record.Feature.LookupListIndex
    }
    mapped = {
        glyph: wide
        for index in lookups
        for part in gsub.LookupList.Lookup[index].SubTable
        for glyph, wide in getattr(part, "ExtSubTable", part).mapping.items()
    }
    digits = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    assert set(mapped) == {*digits, "plus", "minus"}
    widths = {font["hmtx"][mapped[digit]][0] for digit in digits}
    assert len(widths) == 1
