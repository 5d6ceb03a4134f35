"""Which tests of this folder are not run before every commit."""

from __future__ import annotations

from pathlib import Path

import pytest

#: Hundreds of formats and services, each read whole and spoilt in many ways: minutes, not seconds.
LONG = ("connectors", "manifests", "pulls", "test_protocols_fuzzed.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and item.path.relative_to(here).parts[0] in LONG:
            item.add_marker(pytest.mark.slow)
