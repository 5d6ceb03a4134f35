"""Where the real data sets lie that some tests read: `../shared/data` beside the checkout.

They are not part of the repository (their licences differ), so a machine without them says so
plainly instead of passing in silence; on CI their absence is a failure.
"""

import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"


def real_data(name: str) -> Path:
    """Path of the data set ``name`` (such as ``predict/CDNOW_sample.txt``)."""
    path = Path(os.environ.get("RAPPORT_REAL_DATA", FOLDER)) / name
    if not path.exists():
        message = f"real data set {name} is not at {path}; set RAPPORT_REAL_DATA to its folder"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path
