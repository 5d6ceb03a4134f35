"""Visits that look back: what was made before the last one may only have been settled since."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from rapport.collect.manifest import find_manifest
from rapport.collect.pulls import through_dlt
from rapport.collect.pulls.plan import RestPull
from tests.collect.manifests.service import Answered, recorded_service


@pytest.mark.slow
@pytest.mark.parametrize(
    ("manifest", "stream", "settings", "old", "param", "asked"),
    [
        (
            "stripe",
            "charges",
            {"secret_key": "rk"},
            {"data": [{"id": "ch_1", "created": 1792486800}], "has_more": False},
            "created[gte]",
            ("946684800", str(1792486800 - 21 * 86400)),
        ),
        (
            "square",
            "refunds",
            {"token": "t", "location_id": "L"},
            {"refunds": [{"id": "R1", "created_at": "2026-10-20T09:00:00Z"}]},
            "begin_time",
            ("2000-01-01T00:00:00Z", "2026-09-20T09:00:00Z"),
        ),
    ],
)
def test_the_second_visit_asks_for_some_days_before_the_newest_of_the_first(
    manifest: str,
    stream: str,
    settings: dict[str, str],
    old: dict[str, object],
    param: str,
    asked: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    described = find_manifest(manifest)
    pull = RestPull(manifest=manifest, stream=stream, settings=settings)
    path = {"stripe": "/charges", "square": "/refunds"}[manifest]
    exchanges = [Answered(path=path, query={param: value}, answer=old) for value in asked]
    here = Path.cwd()
    monkeypatch.setattr(os, "environ", {**os.environ})
    with recorded_service(exchanges) as service:
        moved = msgspec.structs.replace(described, base_url=service.base)
        monkeypatch.setattr(through_dlt, "find_manifest", lambda _name: moved)
        try:
            for number in (1, 2):
                fetched = through_dlt.fetch_rest(pull, tmp_path)
                assert fetched.records == 1, number
        finally:
            os.chdir(here)
    assert service.wrong == []
