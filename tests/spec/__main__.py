"""``python -m tests.spec`` records the digests anew, after a definition has changed on purpose."""

import json
import tempfile

from rapport.engines.lake import Lake
from tests.spec.specification import DIGESTS, digest_of, specs

with tempfile.TemporaryDirectory() as folder:
    lake = Lake(folder)
    found = {spec.name: digest_of(spec, lake) for spec in specs()}
    lake.close()
DIGESTS.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
