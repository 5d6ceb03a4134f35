"""Each manifest against a recording of its service: asked as documented, read to the last page.

A recording is `recordings/<manifest>.json`, made from the service's documentation (no service is
called): what is asked, what it answers, and what touchpoints must come of it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from msgspec import Struct

from rapport.collect.manifest import MANIFESTS, Manifest, find_manifest
from rapport.collect.mapped_files import read_touchpoints
from rapport.collect.pulls.plan import plan_from
from rapport.collect.pulls.through_dlt import rest_config
from rapport.vocabulary.touchpoint import Touchpoint
from tests.collect.manifests.service import Answered, recorded_service

RECORDINGS = Path(__file__).with_name("recordings")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STREAMS = [(name, stream) for name in MANIFESTS for stream in find_manifest(name).streams]


class StreamRecording(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two visits to one stream: all, and then what is newer than the first ones' cursor."""

    visit: list[Answered]
    cursor: str | None = None  # where the second visit begins
    again: list[Answered] = []
    touchpoints: list[dict[str, Any]]  # each: what must be among its fields, in order
    refused: list[str] = []  # reasons


class Recording(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person states, and what the service says."""

    checked: str  # when its documentation was read
    settings: dict[str, str]
    streams: dict[str, StreamRecording]


def _recording(name: str) -> Recording:
    return msgspec.json.decode((RECORDINGS / f"{name}.json").read_bytes(), type=Recording)


def _records(
    manifest: Manifest, name: str, settings: dict[str, str], base: str, since: str | None
) -> list[Any]:
    """The records that a visit brings, asked from ``base`` in place of the service's host."""
    from dlt.common.configuration.container import Container  # noqa: PLC0415
    from dlt.common.pipeline import PipelineContext  # noqa: PLC0415
    from dlt.sources.rest_api import rest_api_resources  # noqa: PLC0415

    # A pipeline that another test left active would bring its cursors along.
    Container()[PipelineContext].deactivate()

    config: Any = rest_config(manifest, name, settings, since=since)
    address = urlsplit(config["client"]["base_url"])
    config["client"]["base_url"] = base + address.path
    _sign_in_at(base, config["client"].get("auth"))
    (resource,) = rest_api_resources(config)
    return list(resource)


def _sign_in_at(base: str, auth: Any) -> None:
    """Tokens are asked from ``base`` too, in place of the service's host."""
    if isinstance(auth, dict):
        if url := auth.get("access_token_url"):
            auth["access_token_url"] = base + urlsplit(url).path
    elif auth is not None:
        auth.access_token_url = base + urlsplit(auth.access_token_url).path


def _read(
    plan_source: dict[str, Any], records: list[Any], folder: Path
) -> tuple[list[Touchpoint], list[str]]:
    mapping = plan_from(plan_source, "the test").mapping
    path = folder / "records.jsonl"
    path.write_bytes(b"\n".join(msgspec.json.encode(record) for record in records))
    touchpoints: list[Touchpoint] = []
    refused: list[str] = []
    for batch in read_touchpoints(path, mapping, NOW):
        touchpoints += batch.touchpoints
        refused += [record.reason for record in batch.refused]
    return touchpoints, refused


def _as_said(touch: Touchpoint) -> dict[str, Any]:
    """A touchpoint in JSON's words, with its identifiers as ``kind:value``."""
    said: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(touch))
    said["identifiers"] = [f"{each.kind}:{each.value}" for each in touch.identifiers]
    said["namespaces"] = sorted({each.namespace for each in touch.identifiers if each.namespace})
    said["record"] = touch.record and f"{touch.record.kind}:{touch.record.value}"
    return said


def test_every_manifest_has_a_recording_and_no_recording_is_of_nothing() -> None:
    assert sorted(path.stem for path in RECORDINGS.glob("*.json")) == sorted(MANIFESTS)


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_says_what_it_needs_and_where_that_is_written(name: str) -> None:
    manifest = find_manifest(name)
    recording = _recording(name)
    assert manifest.docs.startswith("https://")
    assert set(recording.streams) == set(manifest.streams)
    written = msgspec.json.encode([manifest.base_url, manifest.auth, manifest.headers]).decode()
    written += msgspec.json.encode(list(manifest.streams.values())).decode()
    assert [s for s in manifest.settings if "{" + s + "}" not in written] == []
    secrets = [asked for asked in manifest.settings.values() if asked.secret]
    assert secrets or not manifest.auth, "who may ask must be a secret"


def test_what_a_manifest_says_of_records_holds_the_settings_and_their_defaults() -> None:
    settings = {"app_secret": "env:APP", "grant": "env:GRANT"}
    pull = {"from": "rest", "manifest": "economic", "stream": "customers", "settings": settings}
    mapping = plan_from({"pull": pull}, "the test").mapping
    assert mapping.constants["customer_namespace"] == "economic:main"
    pull["settings"] = {**settings, "account": "denmark"}
    mapping = plan_from({"pull": pull}, "the test").mapping
    assert mapping.constants["customer_namespace"] == "economic:denmark"


@pytest.mark.parametrize("name", MANIFESTS)
def test_no_secret_is_written_among_what_is_known_of_a_person(name: str) -> None:
    manifest = find_manifest(name)
    written = msgspec.json.encode(
        [[s.constants, s.values, s.file] for s in manifest.streams.values()]
    ).decode()
    secrets = [key for key, asked in manifest.settings.items() if asked.secret]
    assert [key for key in secrets if "{" + key + "}" in written] == []


@pytest.mark.parametrize(("name", "stream"), STREAMS, ids=[f"{n}-{s}" for n, s in STREAMS])
def test_a_stream_is_asked_as_documented_and_read_whole(
    name: str, stream: str, tmp_path: Path
) -> None:
    manifest, recording = find_manifest(name), _recording(name)
    recorded = recording.streams[stream]
    with recorded_service(recorded.visit) as service:
        records = _records(manifest, stream, recording.settings, service.base, None)
    assert service.wrong == []
    assert service.at == len(recorded.visit), "not all pages were asked for"
    references = {
        key: f"env:{key.upper()}" if manifest.settings[key].secret else value
        for key, value in recording.settings.items()
    }
    plan = {"pull": {"from": "rest", "manifest": name, "stream": stream, "settings": references}}
    touchpoints, refused = _read(plan, records, tmp_path)
    said = [_as_said(touch) for touch in touchpoints]
    assert len(said) == len(recorded.touchpoints), said
    for got, expected in zip(said, recorded.touchpoints, strict=True):
        assert {key: got.get(key) for key in expected} == expected
    assert refused == recorded.refused
    if manifest.streams[stream].cursor is not None:
        assert recorded.cursor, "a stream with a cursor must show its second visit"
        with recorded_service(recorded.again) as service:
            _records(manifest, stream, recording.settings, service.base, recorded.cursor)
        assert service.wrong == []
        assert service.at == len(recorded.again)
