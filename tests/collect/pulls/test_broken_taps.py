"""A Singer tap that breaks its protocol ends its visit with a reason, and without its output."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rapport.collect.pulls.plan import SingerPull
from rapport.collect.pulls.singer import fetch_singer
from rapport.errors import InvalidInput

RECORD = '{"type":"RECORD","stream":"clients","record":%s}'
SAID: dict[str, tuple[str, str]] = {
    "garbage": ("print('Traceback anna@pelda.example')", "no Singer message"),
    "bytes that are no text": (
        "sys.stdout.buffer.write(bytes(range(128, 200)) + b'\\n')",
        "no Singer",
    ),
    "endless nesting": (
        """print('{"type":"STATE","value":' + '[' * 100_000 + ']' * 100_000 + '}')""",
        "no Singer message",
    ),
    "a record of nothing": (f"print('{RECORD % 'null'}')", "a record that is no object"),
    "no record": ("""print('{"type":"RECORD","stream":"clients"}')""", "that is no object"),
    "a list": (f"print('{RECORD % '[1, 2]'}')", "a record that is no object"),
    "an endless line": ("print('x' * 17_000_000)", "a line of more than"),
    "its own end": ("sys.exit(3)", "exit code 3"),
}


@pytest.mark.parametrize("what", SAID)
def test_a_tap_that_breaks_its_protocol_ends_the_visit_with_a_reason(
    what: str, tmp_path: Path
) -> None:
    code, reason = SAID[what]
    good = RECORD % '{"id":1,"email":"anna@pelda.example"}'
    # After the mistake it would go on for as long as a visit may take.
    later = "" if "exit" in code else "sys.stdout.flush(); time.sleep(30)"
    tap = tmp_path / "tap.py"
    tap.write_text(f"import sys, time\nprint('{good}', flush=True)\n{code}\n{later}\n")
    catalog = tmp_path / "catalog.json"
    catalog.write_text('{"streams": []}')
    pull = SingerPull(
        command=(sys.executable, str(tap)), stream="clients", catalog=str(catalog), config={}
    )
    with pytest.raises(InvalidInput, match=reason) as caught:
        fetch_singer(pull, tmp_path / "visit", None)
    assert "pelda" not in caught.value.message
    assert list((tmp_path / "visit" / "out").glob("*.jsonl")) == []
    assert not (tmp_path / "visit" / "config.json").exists()
