"""The tracker's file: its weight, how it is served, and that squeezing it changes nothing."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar.testing import TestClient

from rapport.web.tracker import KEPT, LARGEST, PATH, snippet, tracker
from rapport.web.tracker.squeeze import squeeze
from tests.company import empty_company, visitor


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with empty_company(tmp_path) as company, visitor(company) as opened:
        yield opened


def test_it_weighs_at_most_what_we_promise() -> None:
    assert LARGEST == 2_600
    packed = tracker().gzipped
    assert packed is not None
    assert len(packed) <= LARGEST
    assert gzip.decompress(packed) == tracker().content


def test_any_site_may_load_it_and_keep_it_for_an_hour(client: TestClient) -> None:
    answer = client.get(PATH, headers={"Accept-Encoding": "gzip", "Origin": "https://a.example"})
    assert answer.status_code == 200
    assert answer.content == tracker().content
    said = answer.headers
    assert said["content-type"] == "text/javascript; charset=utf-8"
    assert said["content-encoding"] == "gzip"
    assert int(said["content-length"]) <= LARGEST
    assert said["access-control-allow-origin"] == "*"
    assert said["cross-origin-resource-policy"] == "cross-origin"
    assert said["cache-control"] == KEPT
    assert "set-cookie" not in said
    again = client.get(PATH, headers={"If-None-Match": said["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = client.get(PATH, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == tracker().content


def test_the_snippet_names_the_address_and_the_key() -> None:
    pasted = snippet("https://rapport.shop.example", "a-key")
    assert '<script async src="https://rapport.shop.example/rapport.js" data-key="a-key">' in pasted
    assert re.findall(r'"(\w+)"', pasted) == ["track", "identify", "consent", "reset", "a-key"][:4]


@pytest.mark.parametrize(
    ("source", "small"),
    [
        ("const word = 1;\nlet other = word;", "let e=1,t=e;"),
        ("  // A remark; with 'quotes'.\nconst word = 1;", "let e=1;"),
        # Names of properties, and of variables that become some, stay.
        ("const path = 1;\nsend({ path });", "let path=1;send({path});"),
        (
            "const size = 1;\nsend(box.size, { size: size });",
            "let size=1;send(box.size,{size:size});",
        ),
        ("const list = [];\nsend(...list);", "let e=[];send(...e);"),
        # A letter that the script uses already is not given away.
        ("let e = 2;\nconst word = e;", "let e=2,t=e;"),
        ('const word = "a  word";\nsend(word, true);', 'let e="a  word";send(e,!0);'),
        ("const act = (value) => `a${value}b`;", "let t=e=>`a${e}b`;"),
        ("const act = (one, two) => { send(one); };", "let t=(e,n)=>{send(e)};"),
        ("for (const [one, two] of list) send(one, two);", "for(let[e,t]of list)send(e,t);"),
        ("send();\nconst word = 1;\nreturn word;", "send();let e=1;return e;"),
    ],
)
def test_squeezing_keeps_what_a_script_does(source: str, small: str) -> None:
    assert squeeze(source) == small


def test_no_name_of_what_is_sent_is_squeezed() -> None:
    script = tracker().content.decode()
    for name in (
        "messageId", "anonymousId", "userId", "timestamp", "sentAt", "writeKey", "batch",
        "page_x", "page_y", "view_width", "page_height", "visible_seconds", "scroll_depth",
        "pointer", "element", "fixed", "referrer", "title", "analytics", "purpose",
    ):  # fmt: skip
        assert re.search(rf"\b{name}\b", script), name
    # Nothing of it could read what visitors type or sites write, or set a cookie.
    for never in ("value", "cookie", "textContent", "innerText", "innerHTML", "outerHTML"):
        assert not re.search(rf"\.{never}\b", script), never
