"""SDKs of shops' servers, unchanged, over a network that does its worst."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.sdk.conftest import Running, installed
from tests.sdk.faulty_proxy import (
    EVERY_FAULT,
    FAULTS,
    RETRY_AFTER_SECONDS,
    Fault,
    FaultyProxy,
)
from tests.sdk.story import (
    SKEW,
    calls,
    check_meaning,
    check_once,
    check_times,
    kept,
    refused,
)

pytestmark = [pytest.mark.sdk, pytest.mark.timeout(120)]
DRIVERS = Path(__file__).parent / "drivers"


class Sdk(NamedTuple):
    """An SDK, and how it is driven."""

    name: str
    module: str = ""  # empty: Node's
    gzip: bool = False
    obeys: bool = False  # waits for as long as Retry-After says


SERVER_SDKS = (
    Sdk("analytics-python", "analytics.client", gzip=True),
    Sdk("rudder-sdk-python", "rudderstack.analytics.client", gzip=True),
    Sdk("segment-analytics-python", "segment.analytics.client", obeys=True),
    Sdk("@rudderstack/rudder-sdk-node", gzip=True),
    Sdk("@segment/analytics-node", obeys=True),
    Sdk("analytics-node"),
)


def _tell(sdk: Sdk, url: str, write_key: str, told: int | None = None) -> None:
    """Let the SDK tell the story, or so many of its calls, in a process of its own."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAPPORT_")}
    if sdk.module:
        command = [sys.executable, str(DRIVERS / "python_sdk.py"), sdk.module]
        environment["PYTHONPATH"] = str(installed(sdk.name))
    else:
        command = ["node", str(DRIVERS / "node_sdk.cjs"), sdk.name]
        environment["NODE_PATH"] = str(installed("node") / "node_modules")
    ran = subprocess.run(
        command,
        input=json.dumps(
            {
                "url": url,
                "writeKey": write_key,
                "gzip": sdk.gzip,
                "skewSeconds": SKEW.total_seconds(),
                "calls": calls()[:told],
            }
        ),
        capture_output=True,
        text=True,
        env=environment,
        timeout=90,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]


@pytest.mark.parametrize("sdk", SERVER_SDKS, ids=lambda sdk: sdk.name)
def test_what_an_sdk_says_is_kept_once_and_read_right_over_a_bad_network(
    sdk: Sdk, running: Running
) -> None:
    began = datetime.now(UTC)
    with FaultyProxy(running.url, EVERY_FAULT).running() as proxy:
        _tell(sdk, proxy.url, running.write_key)
        ended = datetime.now(UTC)
        assert set(proxy.met) == set(FAULTS)
        entries = kept(running.ledger, running.source_id)
        check_once([i for i, _, _ in entries], proxy.acknowledged, len(calls()))
        assert refused(running.ledger, running.source_id) == []
        assert "rendelés-71" in {i for i, _, _ in entries}  # an id that the shop chose
        check_times(entries, SKEW, began, ended)
        check_meaning([touch for _, _, touch in entries])

        assert set(proxy.replay()) == {200}
        assert kept(running.ledger, running.source_id) == entries


@pytest.mark.parametrize("sdk", [s for s in SERVER_SDKS if s.obeys], ids=lambda sdk: sdk.name)
def test_an_sdk_waits_for_as_long_as_it_is_told(sdk: Sdk, running: Running) -> None:
    # One call makes one request: of several under way, the success of another may end the waiting.
    with FaultyProxy(running.url, [Fault.TOO_MANY]).running() as proxy:
        _tell(sdk, proxy.url, running.write_key, told=1)
        assert proxy.waited_after(Fault.TOO_MANY) >= RETRY_AFTER_SECONDS - 0.1
        assert len(kept(running.ledger, running.source_id)) == 1
