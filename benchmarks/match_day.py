"""What a day's records cost a company that knows many: found, weighed, joined, renewed.

    python benchmarks/match_day.py [--records 200000] [--day 10000]

The world of `benchmarks/identity.py` comes in through the journal and is matched whole; then a day
follows, half of it new people and half further records of known ones, and only what hangs together
with it is matched. Prints the seconds of both, and how far the day's people are those that matching
everything once more finds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import batched
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from benchmarks.identity import dirty_records
from rapport.act.defaults import ensure_defaults
from rapport.settings import Settings
from rapport.unify.matching.stored_records import MATCHED_ATTRIBUTES
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.ledger_tables import pair_score
from rapport.vocabulary.touchpoint import RECORD_SEEN, Touchpoint
from rapport.workflows.company import Company, create_company
from rapport.workflows.matching import MatchingDone, match_company
