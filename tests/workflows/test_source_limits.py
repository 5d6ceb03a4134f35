"""Over the network nobody reads the server's files, secrets or runs its programs by a source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rapport.errors import NotAllowed
from rapport.settings import Settings
from rapport.workflows.company import Company, open_company
from rapport.workflows.pull import connect_source, pull_states, try_source
from tests.company import visitor
from tests.customer_data import csrf

pytestmark = pytest.mark.slow  # seconds: not before every commit


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    settings = Settings(
        data=str(tmp_path / "data"), source_taps="/opt/taps/*", source_secrets="SOURCE_*,CRM_*"
    )
    with open_company(settings) as opened:
        (settings.folder / "inbox").mkdir()
        (settings.folder / "secrets").mkdir()
        (settings.folder / "inbox" / "out").symlink_to("/etc")
        yield opened


def _plan(company: Company, pull: dict[str, Any]) -> dict[str, Any]:
    said = {
        name: value.replace("DATA", str(company.settings.folder))
        if isinstance(value, str)
        else value
        for name, value in pull.items()
    }
    return {
        "source": "crm",
        "kind": "contacts",
        "columns": {"record_id": "id"},
        "pull": said,
    }


REFUSED = {
    "a folder of the server": {"from": "files", "url": "file:///etc"},
    "a folder without a scheme": {"from": "files", "url": "/etc"},
    "up and out of the inbox": {"from": "files", "url": "file://DATA/inbox/../.."},
    "a link that leads out": {"from": "files", "url": "file://DATA/inbox/out"},
    "escaped dots": {"from": "files", "url": "file://DATA/inbox/%2e%2e/%2e%2e"},
    "behind an archive": {"from": "files", "url": "zip://*.csv::file:///srv/backup.zip"},
    "an archive named plainly": {"from": "files", "url": "zip::/srv/backup.zip"},
    "a cache of local files": {"from": "files", "url": "simplecache::file:///etc"},
    "an option that names a file": {
        "from": "files", "url": "zip://x", "options": {"fo": "/etc/shadow"},
    },
    "an option that names a storage": {
        "from": "files", "url": "ftp://x", "options": {"target_protocol": "file"},
    },
    "the ledger itself": {"from": "sql", "url": "sqlite:///DATA/ledger.sqlite", "table": "user"},
    "another database file": {"from": "sql", "url": "sqlite:////var/lib/x.db", "table": "t"},
    "a secret of the server": {"from": "sql", "url": "env:RAPPORT_LEDGER_URL", "table": "t"},
    "a secret of another program": {
        "from": "imap", "host": "evil.example", "user": "u", "password": "env:AWS_SECRET",
    },
    "a file as a secret": {
        "from": "imap", "host": "evil.example", "user": "u", "password": "file:/etc/shadow",
    },
    "a secret within a list": {
        "from": "files", "url": "https://evil.example",
        "options": {"auth": ["env:AWS_KEY", "env:AWS_SECRET"]},
    },
    "a program": {"from": "singer", "command": ["/bin/sh", "-c", "id"], "stream": "s"},
}  # fmt: skip

TAKEN = {
    "the inbox": {"from": "files", "url": "file://DATA/inbox", "pattern": "*.csv"},
    "a bucket": {"from": "files", "url": "s3://bucket", "options": {"secret": "env:SOURCE_S3"}},
    "an archive elsewhere": {"from": "files", "url": "zip://*.csv::https://host.example/x.zip"},
    "a database": {"from": "sql", "url": "env:CRM_URL", "table": "people"},
    "a mailbox": {
        "from": "imap", "host": "mail.example", "user": "u", "password": "file:DATA/secrets/mail",
    },
    "a tap that is opened": {"from": "singer", "command": ["/opt/taps/crm"], "stream": "s"},
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_opened_is_refused(company: Company, what: str) -> None:
    plan = _plan(company, REFUSED[what])
    with pytest.raises(NotAllowed, match="connect the source on the server"):
        connect_source(company, plan, "the test", actor="eva", on_server=False)
    with pytest.raises(NotAllowed):
        try_source(company, plan, "the test", on_server=False)
    assert pull_states(company) == []


@pytest.mark.parametrize("what", TAKEN)
def test_what_is_opened_is_taken(company: Company, what: str) -> None:
    plan = _plan(company, TAKEN[what])
    if plan["pull"]["from"] == "imap":
        plan = {**plan, "kind": "email", "columns": {}, "constants": {"own_addresses": "x@y.eu"}}
    connect_source(company, plan, "the test", actor="eva", on_server=False)
    assert len(pull_states(company)) == 1


def test_the_servers_own_user_may_name_anything(company: Company) -> None:
    plan = _plan(company, {"from": "files", "url": "file:///etc"})
    connect_source(company, plan, "the test", actor="cli", on_server=True)


def test_pages_and_api_stay_within_the_limits(company: Company) -> None:
    toml = (
        'source = "x"\nkind = "contacts"\n[pull]\nfrom = "singer"\nstream = "s"\n'
        'command = ["/bin/sh", "-c", "id"]\n[columns]\nrecord_id = "id"\n'
    )
    with visitor(company, role="admin") as client:
        client.headers.update(csrf(company, client))
        for do in ("try", "connect"):
            answer = client.post("/sources/new/toml", data={"toml": toml, "do": do})
            assert answer.status_code == 403
            assert "RAPPORT_SOURCE_TAPS" in answer.text
        posted = client.post("/api/v1/sources/connect", json={"toml": toml})
        assert posted.status_code == 403
        assert "RAPPORT_SOURCE_TAPS" in posted.json()["message"]
    assert pull_states(company) == []
