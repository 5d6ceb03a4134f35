"""Each kind of source counts once, and no tier is claimed that no test has earned."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rapport.collect.catalogue import (
    _PRODUCTS,
    LIVE_PROTOCOLS,
    SDKS,
    TIERS,
    DataSource,
    count_by_tier,
    data_sources,
)
from rapport.collect.connectors import KINDS
from rapport.collect.manifest import MANIFESTS
from rapport.collect.protocols import PROTOCOL_NAMES

TESTS = Path(__file__).resolve().parents[1]
#: Kinds of files that give no touchpoints, with the tests that import them.
_ELSEWHERE = {"rates": TESTS / "collect" / "test_mapped_files.py"}


def _text(path: Path) -> str:
    return path.read_text("utf-8")


def _names(how: str) -> dict[str, str]:
    return {w.name: w.tier for each in data_sources() for w in each.ways if w.how == how}


def test_the_goal_is_reached() -> None:
    counts = count_by_tier()
    assert sum(counts.values()) >= 128
    assert counts["live-tested"] + counts["contract-tested"] >= 100


def test_nothing_counts_twice_and_nothing_is_left_out() -> None:
    sources = data_sources()
    assert sum(count_by_tier().values()) == len(sources)
    assert len({each.key for each in sources}) == len(sources)
    labels = [re.sub(r"\W", "", each.label.casefold()) for each in sources]
    assert len(set(labels)) == len(labels)
    ways = [(way.how, way.name) for each in sources for way in each.ways]
    assert len(set(ways)) == len(ways)
    assert set(_names("file")) == set(KINDS)
    assert set(_names("service")) == set(MANIFESTS)
    assert set(PROTOCOL_NAMES) <= set(_names("protocol"))


@pytest.mark.parametrize("key", ["freshdesk", "intercom", "typeform", "zendesk", "ga4", "email"])
def test_a_product_with_several_ways_is_one_source(key: str) -> None:
    (source,) = (each for each in data_sources() if each.key == key)
    assert len({way.how for way in source.ways}) >= 2
    assert source.tier == min((way.tier for way in source.ways), key=TIERS.index)


def test_every_kind_of_file_goes_the_whole_way_in_a_test() -> None:
    tested = [
        text
        for path in (TESTS / "collect" / "connectors").glob("test_*.py")
        if "whole_way(" in (text := _text(path))
    ]
    untested = [
        kind
        for kind in KINDS
        if not any(re.search(rf"[\"']{kind}[\"']", text) for text in tested)
        and f'"{kind}"' not in (_text(_ELSEWHERE[kind]) if kind in _ELSEWHERE else "")
    ]
    assert untested == []
    # A sample that we wrote after a product's documentation is a contract, not the product.
    tiers = _names("file")
    assert {kind for kind in KINDS if tiers[kind] == "contract-tested"} == set(_PRODUCTS)


def test_every_service_is_held_to_a_recording() -> None:
    recordings = TESTS / "collect" / "manifests" / "recordings"
    assert {path.stem for path in recordings.glob("*.json")} == set(_names("service"))
    assert set(_names("service").values()) == {"contract-tested"}


def test_the_sdks_that_count_are_driven() -> None:
    driven = _text(TESTS / "sdk" / "test_server_sdks.py") + _text(
        TESTS / "sdk" / "test_browser_sdks.py"
    )
    assert [name for name in SDKS if f'"{name}"' not in driven] == []
    assert set(_names("sdk")) == set(SDKS)


def test_a_protocol_is_live_only_where_its_maker_s_library_is_driven() -> None:
    clients = _text(TESTS / "sdk" / "test_protocol_clients.py")
    libraries = {
        "cloudevents": "cloudevents", "posthog": "posthog", "snowplow": "snowplow_tracker",
        "webhook": "standardwebhooks",
    }  # fmt: skip
    assert set(LIVE_PROTOCOLS) == set(libraries)
    for protocol, module in libraries.items():
        assert re.search(rf"^(from|import) {module}\b", clients, re.M), protocol
    asked = _text(TESTS / "api" / "test_protocols.py")
    for name in set(PROTOCOL_NAMES) - set(LIVE_PROTOCOLS):
        assert name in asked


def test_mailboxes_are_read_from_a_real_server() -> None:
    assert _names("mailbox") == {"imap": "live-tested"}
    assert "dovecot(Path(" in _text(TESTS / "collect" / "pulls" / "test_mailbox.py")


def test_the_tracker_is_driven_in_a_browser() -> None:
    driven = [path for path in TESTS.rglob("test_*tracker*.py") if "browser" in _text(path)]
    assert driven


@pytest.mark.parametrize("source", data_sources(), ids=lambda source: source.key)
def test_a_source_has_a_name_and_a_tier(source: DataSource) -> None:
    assert source.label
    assert source.category
    assert source.tier in TIERS


def test_an_archive_is_no_place_of_its_own() -> None:
    (folder,) = (each for each in data_sources() if each.key == "folder")
    assert {way.name for way in folder.ways} == {"file", "tar", "zip"}
