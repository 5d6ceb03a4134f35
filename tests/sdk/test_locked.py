"""What is tested is what is locked, and what the manual says."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.sdk.conftest import ROOT
from tests.sdk.test_browser_sdks import BROWSER_SDKS
from tests.sdk.test_server_sdks import SERVER_SDKS

LOCK: dict[str, Any] = json.loads((ROOT / "tests/sdk/package-lock.json").read_text("utf-8"))
DEPENDENCIES: dict[str, str] = LOCK["packages"][""]["dependencies"]


def _locked() -> dict[str, str]:
    """Versions of the SDKs that are installed."""
    found = dict(DEPENDENCIES)
    for path in (ROOT / "requirements/sdk").glob("*.txt"):
        version = re.search(rf"^{path.stem}==(\S+)", path.read_text("utf-8"), re.M)
        assert version, f"{path.name} does not lock {path.stem}"
        found[path.stem] = version[1]
    return found


def test_each_sdk_that_is_locked_is_driven_and_listed_with_its_version() -> None:
    assert {sdk.name for sdk in (*SERVER_SDKS, *BROWSER_SDKS)} == set(_locked())
    manual = (ROOT / "docs/reference/collector.md").read_text("utf-8")
    table = manual.partition("## SDKs that are tested")[2].partition("\n## ")[0]
    assert dict(re.findall(r"^\| `(\S+)` \| (\S+) \|", table, re.M)) == _locked()


def test_every_package_of_the_lock_has_its_hash_and_names_no_host() -> None:
    assert json.loads((ROOT / "tests/sdk/package.json").read_text("utf-8"))["dependencies"] == (
        DEPENDENCIES
    )
    packages = {path: package for path, package in LOCK["packages"].items() if path}
    assert [path for path, package in packages.items() if "integrity" not in package] == []
    assert [path for path, package in packages.items() if "resolved" in package] == []
