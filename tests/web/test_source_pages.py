"""Connecting, fetching and mending sources in the pages, as a person without a script does it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from rapport.collect.mapping import mapping_from
from rapport.collect.sources import find_source
from rapport.errors import InvalidInput, NotFound
from rapport.vocabulary.identifier import Identifier
from rapport.workflows.catalogue import catalogue
from rapport.workflows.company import Company
from rapport.workflows.connect import Filled, find_offered, lines_of, offered, written_of
from rapport.workflows.import_files import import_file
from rapport.workflows.ingest import apply_journal
from rapport.workflows.mapping_change import MappingForm, preview_mapping
from rapport.workflows.pull import pull_source, pull_states
from rapport.workflows.quality import measure_quality
from tests.company import empty_company, visitor
from tests.conftest import FakeClock
from tests.feedback import with_token
from tests.touchpoints import keep, order

pytestmark = pytest.mark.slow  # seconds: not before every commit

Client = TestClient[Any]


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


@pytest.fixture
def client(company: Company) -> Iterator[Client]:
    with visitor(company, role="admin") as opened:
        yield with_token(company, opened)


@pytest.fixture
def crm(tmp_path: Path) -> str:
    inbox = tmp_path / "data" / "inbox"
    inbox.mkdir(parents=True)
    database = sqlite3.connect(inbox / "crm.db")
    with database:
        database.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, mail TEXT)")
        database.execute("INSERT INTO people VALUES (1, 'a@kadar.example'), (2, 'b@kadar.example')")
    database.close()
    return f"sqlite:///{inbox / 'crm.db'}"


def test_the_catalogue_is_searched_by_name_and_category(client: Client) -> None:
    everything = client.get("/sources/new").text
    assert "HubSpot" in everything
    assert "/sources/new/fetch/sql" in everything
    assert "/sources/new/upload" in everything
    found = client.get("/sources/new?q=hubspot").text
    assert "HubSpot" in found
    assert "WooCommerce" not in found
    assert "Singer" in client.get("/sources/new?q=nothing-like-it").text
    assert {each.key for each in offered("crm")} >= {"hubspot"}
    assert client.get("/sources/new/fetch/nothing").status_code == 404


def test_sources_and_catalogue_say_how_many_kinds_were_tested_how(client: Client) -> None:
    counts = catalogue().counts
    page = client.get("/sources/new").text
    assert f"{sum(counts.values())} kinds of sources can be connected" in page
    assert f"{counts['live-tested']} tested live" in page


def test_a_form_of_mystery_shopping_is_uploaded_with_its_own_criteria(
    company: Company, client: Client
) -> None:
    form = b"visited_at,place,greeting (5),comments\n2026-10-12 14:00,Ghent,4,Friendly\n"
    sent = client.post(
        "/sources/new/upload",
        files={"file": ("mystery.csv", form, "text/csv")},
        data={"kind": "mystery_shopping"},
        follow_redirects=False,
    )
    where = sent.headers["location"]
    page = client.get(where).text
    assert "How many points can a criterion get at most?" in page
    assert '<option value="criterion_greeting5">Criterion: greeting (5)</option>' in page
    answers = {
        "source": "mystery", "label": "Mystery", "decimal": ".", "time_zone": "Europe/Brussels",
        "column_0": "visited_at", "means_0": "visited_at", "column_1": "place", "means_1": "place",
        "column_2": "greeting (5)", "means_2": "criterion_greeting5",
        "column_3": "comments", "means_3": "text", "constant_criteria_max": "5",
    }  # fmt: skip
    checked = client.post(where, data={**answers, "do": "check"}).text
    assert "Checked, nothing kept yet" in checked
    assert "How many points can a criterion get at most? For example 5.</li>" not in checked
    done = client.post(where, data={**answers, "do": "import"}, follow_redirects=False)
    assert "refused=0" in done.headers["location"]
    assert find_source(company.ledger, "mystery").kind == "mystery_shopping"


def test_every_service_has_a_form_that_asks_for_secrets_by_reference(client: Client) -> None:
    page = client.get("/sources/new/fetch/hubspot").text
    for ask in find_offered("hubspot").asks:
        assert f'name="ask_{ask.name}"' in page
    assert "env:SOURCE_NAME" in page
    form = {"source": "hub", "stream": "contacts", "every": "1d", "do": "connect"}
    asked = {f"ask_{ask.name}": "x1" for ask in find_offered("hubspot").asks}
    refused = client.post("/sources/new/fetch/hubspot", data={**form, **asked})
    assert refused.status_code == 400
    assert "is a secret" in refused.text
    with_reference = {name: "env:SOURCE_HUB" if "token" in name else v for name, v in asked.items()}
    made = client.post(
        "/sources/new/fetch/hubspot", data={**form, **with_reference}, follow_redirects=False
    )
    assert (made.status_code, made.headers["location"]) == (303, "/sources/hub?done=connected")


@pytest.mark.slow
def test_a_database_is_tried_connected_fetched_and_paused(
    company: Company, client: Client, crm: str
) -> None:
    form = {
        "source": "crm", "kind": "contacts", "ask_url": crm, "ask_table": "people",
        "every": "6h", "columns": "record_id = id\nemail = post", "do": "try",
    }  # fmt: skip
    tried = client.post("/sources/new/fetch/sql", data=form).text
    assert "post" in tried
    assert "id, mail" in tried
    assert pull_states(company) == []
    right = {**form, "columns": "record_id = id\nemail = mail"}
    assert "2 fit the mapping, 0 do not" in client.post("/sources/new/fetch/sql", data=right).text
    made = client.post(
        "/sources/new/fetch/sql", data={**right, "do": "connect"}, follow_redirects=False
    )
    assert made.status_code == 303
    assert pull_source(company, "crm").accepted == 2
    page = client.get("/sources/crm").text
    assert "every 6 hours" in page
    assert client.get("/sources").text.count("Next visit") == 1
    client.post("/sources/crm/schedule", data={"every": ""})
    assert "only when asked" in client.get("/sources/crm").text
    asked = client.post("/sources/crm/fetch", follow_redirects=False)
    assert asked.headers["location"] == "/sources/crm?done=asked"
    assert "within seconds" in client.get("/sources/crm").text


def test_toml_is_taken_as_it_is_and_its_mistakes_are_named(
    company: Company, client: Client, crm: str
) -> None:
    assert "[pull]" in client.get("/sources/new/toml").text
    wrong = client.post("/sources/new/toml", data={"toml": "source = ", "do": "connect"})
    assert wrong.status_code == 400
    assert "is not TOML" in wrong.text
    text = (
        f'source = "crm"\nkind = "contacts"\n[columns]\nrecord_id = "id"\n'
        f'[pull]\nfrom = "sql"\nurl = "{crm}"\ntable = "people"\n'
    )
    client.post("/sources/new/toml", data={"toml": text, "do": "connect"})
    assert find_source(company.ledger, "crm").kind == "contacts"


ROWS = (
    "nr;dag;totaal\n1;01/11/2026;12,50\n2;02/11/2026;7,00\n3;31/02/2026;3,00\n4;04/11/2026;vier\n"
)


def _till(company: Company, folder: Path) -> None:
    path = folder / "till.csv"
    path.write_text(ROWS, "utf-8")
    mapping = mapping_from(
        {
            "source": "till", "kind": "orders", "constants": {"currency": "EUR"},
            "columns": {"order_id": "nr", "occurred_at": "dag", "amount": "totaal"},
            "file": {"delimiter": ";", "decimal": ",", "date_format": "%d-%m-%Y"},
        },
        "test",
    )  # fmt: skip
    result = import_file(company, path, mapping)
    assert (result.accepted, result.refused) == (0, 4)


def test_a_mended_mapping_is_previewed_and_then_saves_what_was_refused(
    company: Company, client: Client, tmp_path: Path
) -> None:
    _till(company, tmp_path)
    page = client.get("/sources/till/mapping").text
    assert "order_id = nr" in page
    form = {
        "columns": "order_id = nr\noccurred_at = dag\namount = totaal",
        "constants": "currency = EUR", "decimal": ",", "date_format": "%d/%m/%Y",
    }  # fmt: skip
    seen = client.post("/sources/till/mapping", data={**form, "do": "preview"}).text
    assert "Of 4 refused rows, 2 would now be kept" in seen
    assert '<div class="flash-list"><div class="flash good">' in seen  # apart from the cards below
    assert find_source(company.ledger, "till").mapping["file"]["date_format"] == "%d-%m-%Y"
    saved = client.post(
        "/sources/till/mapping", data={**form, "do": "save"}, follow_redirects=False
    )
    assert saved.status_code == 303
    assert "accepted=2" in saved.headers["location"]
    assert "refused=2" in saved.headers["location"]
    wrong = client.post("/sources/till/mapping", data={**form, "columns": "order_id nr"})
    assert wrong.status_code == 400
    with pytest.raises(NotFound, match="shop"):
        preview_mapping(company, "shop", MappingForm(columns=""))


def test_a_program_mends_a_mapping_and_closes_a_source(
    company: Company, client: Client, tmp_path: Path
) -> None:
    _till(company, tmp_path)
    change = {
        "columns": "order_id = nr\noccurred_at = dag\namount = totaal",
        "constants": "currency = EUR", "decimal": ",", "date_format": "%d/%m/%Y",
    }  # fmt: skip
    seen = client.put("/api/v1/sources/till/mapping", json={**change, "dry_run": True}).json()
    assert (seen["preview"]["rows"], seen["preview"]["accepted"]) == (4, 2)
    assert find_source(company.ledger, "till").mapping["file"]["date_format"] == "%d-%m-%Y"
    done = client.put("/api/v1/sources/till/mapping", json=change).json()["replayed"]
    assert (done["accepted"], done["refused_again"]) == (2, 2)
    closed = client.put("/api/v1/sources/till/enabled", json={"enabled": False}).json()
    assert closed["state"] == "closed"
    assert client.put("/api/v1/sources/till/schedule", json={"every": "6h"}).status_code == 404
    kinds = client.get("/api/v1/source-kinds").json()
    assert kinds["counts"] == catalogue().counts


def test_a_manager_sees_quality_and_changes_nothing(company: Company, tmp_path: Path) -> None:
    _till(company, tmp_path)
    with visitor(company, role="manager") as opened:
        client = with_token(company, opened)
        assert client.get("/quality").status_code == 200
        assert "Not measured yet" in client.get("/quality").text
        assert "Fetch now" not in client.get("/sources/till").text
        for path in ("/sources/new", "/sources/new/toml", "/sources/till/mapping"):
            assert client.get(path).status_code == 403
        for path in ("/sources/till/fetch", "/sources/till/schedule", "/sources/till/mapping"):
            assert client.post(path, data={}).status_code == 403


def test_the_page_of_trust_names_the_worst_fields_with_their_reason(
    company: Company, client: Client
) -> None:
    known = [Identifier(kind="email", value=f"k{number}@kadar.example") for number in range(40)]
    keep(
        company,
        [order(f"A{number}", "10", identifiers=tuple(known[number : number + 1]), source="till",
               occurred_at=company.clock()) for number in range(200)],
    )  # fmt: skip
    apply_journal(company)
    measured = measure_quality(company).source("till")
    assert measured is not None
    email = next(each for each in measured.fields if each.field == "email")
    assert email.completeness is not None
    assert email.completeness.value == pytest.approx(0.2)
    page = client.get("/quality").text
    careful = page.partition("To be careful with")[2].partition("</table>")[0]
    assert "E-mail address" in careful
    assert "filled in 20% of its records" in careful


def test_lines_say_which_one_is_wrong() -> None:
    assert lines_of("a = b\n\nc=d e") == {"a": "b", "c": "d e"}
    with pytest.raises(InvalidInput, match="nonsense"):
        lines_of("a = b\nnonsense")
    with pytest.raises(InvalidInput, match="small letters"):
        written_of(Filled(key="sql", source="Not A Name"))
    with pytest.raises(InvalidInput, match="whole number"):
        written_of(Filled(key="sql", source="a", expected_every_hours="soon"))


def test_a_file_that_was_not_recognised_asks_what_it_is_and_proposes_nothing(
    client: Client,
) -> None:
    recipes = b"id,title,ingredients,minutes\n1,Soup,water,20\n2,Cake,flour,60\n"
    sent = client.post(
        "/sources/new/upload", files={"file": ("recipes.csv", recipes)}, data={"kind": "guess"}
    )
    page = sent.text
    assert sent.status_code == 200
    assert "recipes.csv was not recognised" in page
    assert "%" not in page.split("</nav>")[-1].split("<table")[0].replace("100%", "")
    assert '<option value="" selected>' in page
    assert page.count("selected") == 1
    assert 'value="import"' not in page  # nothing can be imported before it is said
    address = str(sent.url.path)
    refused = client.post(address, data={"do": "import", "source": "recipes"})
    assert refused.status_code == 400
    assert "choose what it holds first" in refused.text
    chosen = client.post(address, data={"do": "kind", "kind": "contacts"})
    assert chosen.status_code == 200
    assert 'value="import"' in chosen.text
