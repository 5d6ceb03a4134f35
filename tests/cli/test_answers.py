"""What commands print: JSON that is JSON, and errors that say what to do."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import pytest

from rapport import cli
from rapport.demo.silos.site import sitemap
from rapport.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    Overloaded,
    RapportError,
    StoreBusy,
    TransientError,
)
from rapport.settings import Settings
from tests.cli.commands import LEAVES
from tests.cli.conftest import Rapport

pytestmark = pytest.mark.slow  # a whole company each: not before every commit

PASSWORD = ("--password", "long enough for this")

#: A command line that works on a demo company, and the fields of its answer.
JSON_ANSWERS: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "demo": (("demo",), {"made", "touchpoints", "profiles", "refused", "seconds"}),
    "import": (
        ("import", "visits", "visits.csv", "--yes"),
        {"file", "source", "kind", "rows", "accepted", "duplicates", "refused", "reasons"},
    ),
    "resolve": (("resolve",), {"entries", "refused", "profiles", "refreshed", "tickets"}),
    "train": (("train",), {"model", "version_id", "scored", "data_until", "accuracy"}),
    "certify": (("certify",), {"lines"}),
    "certify identity": (
        ("certify", "identity", "demo", "--method", "equal values"),
        {"rows", "cases"},
    ),
    "doctor": (("doctor",), {"what", "state", "says", "remedy"}),
    "rebuild": (("rebuild", "--dry-run"), {"entries", "touchpoints"}),
    "user add": (("user", "add", "new@kadar.example", *PASSWORD), {"user_id", "email", "role"}),
    "user list": (("user", "list"), {"user_id", "email", "role"}),
    "user password": (("user", "password", "agent@kadar.example", *PASSWORD), {"email"}),
    "user disable": (("user", "disable", "agent@kadar.example"), {"email"}),
    "user token": (("user", "token", "agent@kadar.example"), {"token"}),
    "identity lookup": (
        ("identity", "lookup", "name=Szabó Eszter", "country=HU"),
        {"matches", "by_likeness"},
    ),
    "boards list": (
        ("boards", "list", "--as", "manager@kadar.example"),
        {"key", "name", "roles", "author", "cards"},
    ),
    "boards show": (
        ("boards", "show", "shop", "--as", "manager@kadar.example"),
        {"subject", "text"},
    ),
    "boards pdf": (
        ("boards", "pdf", "shop", "--as", "manager@kadar.example", "--to", "board.pdf"),
        {"board", "file", "bytes"},
    ),
    "boards mail": (
        ("boards", "mail", "shop", "manager@kadar.example", "--dry-run"),
        {"board", "recipients", "enqueued", "dry_run"},
    ),
    "segments list": (("segments", "list"), {"segment", "figures", "trend"}),
    "segments count": (
        ("segments", "count", '{{"kind":"happened","which":{{"types":["Order Completed"]}}}}'),
        {"members", "customers"},
    ),
    "segments keep": (
        ("segments", "keep", "Buyers", '{{"kind":"all"}}', "--dry-run"),
        {"key", "counted"},
    ),
    "segments delete": (("segments", "delete", "loyal", "--dry-run"), {"key", "rule"}),
    "segments changes": (("segments", "changes", "loyal"), {"total", "first", "changes"}),
    "segments sizes": (("segments", "sizes", "loyal"), {"day", "members", "entered", "left"}),
    "segments overlap": (("segments", "overlap", "loyal"), {"customers", "members", "others"}),
    "segments follow": (("segments", "follow"), {"looked_at", "entered", "left"}),
    "places map": (("places", "map"), {"regions", "elsewhere", "precision"}),
    "places shops": (("places", "shops"), {"name", "touchpoints", "shop", "found"}),
    "places catchment": (("places", "catchment"), {"shop", "rings", "reach_km"}),
    "places place": (
        ("places", "place", "Gent", "--town", "BE Gent", "--dry-run"),
        {"name", "latitude", "longitude"},
    ),
    "places forget": (("places", "forget", "Gent"), {"forgotten"}),
    "personas find": (("personas", "find"), {"fit_id", "status", "stability"}),
    "personas list": (("personas", "list"), {"fit", "personas", "placed"}),
    "personas show": (("personas", "show", "never_ordered"), {"members", "statements", "day"}),
    "personas texts": (("personas", "texts", "never_ordered"), {"segment", "texts"}),
    "personas migration": (("personas", "migration"), {"fit", "migration"}),
    "sources list": (("sources", "list"), {"sources", "kinds"}),
    "sources kinds": (("sources", "kinds"), {"sources", "counts"}),
    "sources connect": (("sources", "connect", "letters.toml"), {"source"}),
    "sources pull": (("sources", "pull", "letters"), {"source", "records", "accepted", "refused"}),
    "sources quality": (("sources", "quality", "crm"), {"name", "sampled", "fields"}),
    "sources add": (("sources", "add", "second_shop"), {"source", "write_key"}),
    "sources refused": (("sources", "refused", "crm"), {"counts", "records"}),
    "sources replay": (("sources", "replay", "crm"), {"accepted", "duplicates", "refused_again"}),
    "sources map": (("sources", "map", "crm", "change.toml", "--dry-run"), {"rows", "accepted"}),
    "sources enable": (("sources", "enable", "crm"), {"source", "enabled"}),
    "sources disable": (("sources", "disable", "crm"), {"source", "enabled"}),
    "sources every": (("sources", "every", "letters", "6h"), {"source", "every_minutes"}),
    "journeys list": (("journeys", "list"), {"key", "name", "definition", "version"}),
    "journeys show": (("journeys", "show", "online_order"), {"steps", "bottlenecks", "charts"}),
    "journeys watch": (("journeys", "watch", "--dry-run"), {"problems", "opened", "closed"}),
    "journeys propose": (("journeys", "propose"), {"definition", "seen", "follows"}),
    "journeys save": (
        ("journeys", "save", "journey.json", "--dry-run"),
        {"key", "definition"},
    ),
    "hypotheses list": (("hypotheses", "list"), {"hypothesis_id", "statement", "looks"}),
    "hypotheses read": (
        ("hypotheses", "read", "Customers who wait over 2 days leave more"),
        {"exposure", "outcome", "more"},
    ),
    "hypotheses write": (
        ("hypotheses", "write", "Customers who wait over 2 days leave more", "--dry-run"),
        {"hypothesis_id", "definition"},
    ),
    "hypotheses look": (("hypotheses", "look", "1"), {"number", "result", "data_until"}),
    "site pages": (("site", "pages"), {"path", "visitors", "views", "seconds"}),
    "site searches": (("site", "searches"), {"term", "searches", "without_result"}),
    "site unused": (("site", "unused"), {"path", "element", "known_from", "below"}),
    "site list": (("site", "list", "sitemap.xml", "--dry-run"), {"source", "known"}),
    "accounts": (("accounts",), {"rows"}),
    "households list": (("households", "list"), {"rows"}),
    "households say": (("households", "say", "{one}", "{other}", "--apart"), {"profile_id"}),
    "metrics list": (("metrics", "list"), {"name", "theme", "unit", "relation"}),
    "metrics show": (("metrics", "show", "revenue", "--by", "channel"), {"rows", "digest"}),
    "metrics people": (("metrics", "people", "orders"), {"people", "total", "unknown_n"}),
    "metrics stated": (("metrics", "stated"), {"name", "amount", "first_day"}),
    "metrics state": (
        ("metrics", "state", "ticket_cost", "7", "--from", "2030-01-01", "--dry-run"),
        {"name", "amount"},
    ),
    "metrics withdraw": (
        ("metrics", "withdraw", "ticket_cost", "--from", "2030-01-01"),
        {"name", "amount"},
    ),
    "conflicts list": (("conflicts", "list"), {"lines", "tiers", "total"}),
    "conflicts settle": (
        ("conflicts", "settle", "{one}", "attribute", "{name}", "{loser}", "--right", "shown"),
        {"profile_id"},
    ),
    "conflicts rules": (("conflicts", "rules"), {"lines", "history"}),
    "conflicts rule": (
        ("conflicts", "rule", "birthday", "--by", "recent", "--dry-run"),
        {"name", "rule", "looked_at", "changed"},
    ),
    "conflicts undo-rule": (("conflicts", "undo-rule", "1"), {"rule_id", "ended_by"}),
    "conflicts corrections": (("conflicts", "corrections", "crm"), {"silo", "right_value"}),
    "identity match": (("identity", "match"), {"records", "joined", "merged"}),
    "identity review": (("identity", "review"), {"key", "left", "right", "probability"}),
    "identity approvals": (("identity", "approvals"), {"waiting", "decided"}),
    "identity health": (("identity", "health"), {"records", "sources"}),
    "identity what-if": (("identity", "what-if", "--merge", "97"), {"merged", "split"}),
}


def _fitted(words: tuple[str, ...], rapport: Rapport, demo: Path) -> tuple[str, ...]:
    """The words, with what only this company can say."""
    if not any(word.startswith("{") for word in words):
        return words
    listed = json.loads(rapport("--data", demo, "conflicts", "list", "--json").out)["lines"]
    first = next(row for row in listed if row["kind"] == "attribute")
    other = next(row for row in listed if row["profile_id"] != first["profile_id"])
    told = {
        "one": first["profile_id"], "other": other["profile_id"], "name": first["name"],
        "loser": first["loser"],
    }  # fmt: skip
    return tuple(word.format(**told) for word in words)


@pytest.mark.parametrize("name", JSON_ANSWERS)
def test_json_is_json_and_nothing_else(name: str, rapport: Rapport, own_demo: Path) -> None:
    Path("visits.csv").write_text(
        "visit_id,occurred_at,place,loyalty_card\nv1,2026-11-01T10:00:00,Gent,7001\n"
    )
    letters = Path("letters")
    letters.mkdir()
    (letters / "one.csv").write_text("visit_id,occurred_at\nv7,2026-11-01T10:00:00\n")
    Path("letters.toml").write_text(
        'source = "letters"\nkind = "visits"\n'
        f'[pull]\nfrom = "files"\nurl = "{letters.absolute().as_uri()}"\n'
        '[columns]\nvisit_id = "visit_id"\noccurred_at = "occurred_at"\n'
    )
    Path("change.toml").write_text('[constants]\nrecord_kind = "crm_contact"\n')
    steps = '[{"key": "look", "types": ["Product Viewed"]}, {"key": "buy", "types": ["b"]}]'
    Path("sitemap.xml").write_text(sitemap())
    Path("journey.json").write_text(f'{{"stages": {steps}}}')
    if name in ("sources pull", "sources every"):
        assert rapport("--data", own_demo, "sources", "connect", "letters.toml").code == 0
    if name == "metrics withdraw":
        words = ("metrics", "state", "ticket_cost", "7", "--from", "2030-01-01")
        assert rapport("--data", own_demo, *words).code == 0
    if name == "conflicts undo-rule":
        rule = ("conflicts", "rule", "birthday", "--by", "recent")
        assert rapport("--data", own_demo, *rule).code == 0
    words, expected = JSON_ANSWERS[name]
    ran = rapport("--data", own_demo, *_fitted(words, rapport, own_demo), "--json")
    assert ran.code == 0, ran.err
    answer: Any = json.loads(ran.out)
    first = answer[0] if isinstance(answer, list) else answer
    assert expected <= set(first)


def test_every_command_with_json_is_tried_above() -> None:
    assert {*JSON_ANSWERS, "serve"} == {" ".join(path) for path in LEAVES}


def test_a_setting_that_does_not_exist_is_named_with_the_valid_ones(
    rapport: Rapport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_POTR", "8001")
    ran = rapport("doctor")
    assert ran.code == InvalidInput.exit_code == 2
    assert "RAPPORT_POTR is not a setting" in ran.err
    for setting in fields(Settings):
        assert setting.name in ran.err


def test_all_wrong_settings_are_named_at_once_and_none_is_shown(
    rapport: Rapport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_PORT", "eight thousand")
    monkeypatch.setenv("RAPPORT_SMTP_STARTTLS", "perhaps")
    monkeypatch.setenv("RAPPORT_COLOUR", "blue")
    ran = rapport("doctor")
    assert ran.code == 2
    for name in ("RAPPORT_PORT", "RAPPORT_SMTP_STARTTLS", "RAPPORT_COLOUR"):
        assert name in ran.err
    assert "eight thousand" not in ran.err  # a secret could stand in the wrong place


#: Command lines that cannot work, the class of their error and what its sentence must name.
MISTAKES: dict[str, tuple[tuple[str, ...], type[RapportError], tuple[str, ...]]] = {
    "an account that is not there": (
        ("user", "token", "nobody@kadar.example"),
        NotFound,
        ("rapport user list",),
    ),
    "an address that has an account": (
        ("user", "add", "admin@kadar.example", *PASSWORD),
        Conflict,
        ("exists already",),
    ),
    "a password that is too short": (
        ("user", "add", "new@kadar.example", "--password", "short"),
        InvalidInput,
        ("10 characters",),
    ),
    "a --map that is no pair": (
        ("import", "orders", "sales.csv", "--map", "nonsense"),
        InvalidInput,
        ("'nonsense'", "OURS=THEIRS"),
    ),
    "a kind of file that is not known": (
        ("import", "pizzas", "sales.csv", "--yes"),
        InvalidInput,
        ("'pizzas'", "orders", "contacts", "surveys"),
    ),
    "columns that cannot be guessed": (
        ("import", "orders", "sales.csv", "--yes"),
        InvalidInput,
        ("`occurred_at`", "[columns]"),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_an_error_is_one_sentence_with_the_class_exit_code(
    mistake: str, rapport: Rapport, demo_folder: Path
) -> None:
    Path("sales.csv").write_text("x,y\n1,2\n")
    words, error, names = MISTAKES[mistake]
    ran = rapport("--data", demo_folder, *words)
    assert ran.code == error.exit_code
    assert ran.out == ""
    assert len(ran.err.strip().splitlines()) == 1, ran.err
    assert "Traceback" not in ran.err
    for name in names:
        assert name in ran.err


def test_a_persons_address_is_not_repeated_in_an_error(rapport: Rapport, demo_folder: Path) -> None:
    ran = rapport("--data", demo_folder, "user", "token", "somebody@kadar.example")
    assert "somebody" not in ran.err


def test_certify_needs_the_demo_company(rapport: Rapport) -> None:
    ran = rapport("--data", "other", "certify")
    assert ran.code == NotFound.exit_code
    assert "rapport demo" in ran.err


def test_the_demo_does_not_mix_with_a_real_company(rapport: Rapport) -> None:
    Path("sales.csv").write_text("order_id,date,total,email\n1,2026-01-02,20,a@b.example\n")
    assert rapport("import", "orders", "sales.csv", "--map", "currency=:EUR", "--yes").code == 0
    ran = rapport("demo", "--people", "300")
    assert ran.code == Conflict.exit_code
    assert "holds a company already" in ran.err
    assert "--data" in ran.err


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (StoreBusy("The ledger is busy; try again"), 75),
        (Overloaded("Too many at once"), 75),
        (InvalidInput("Give a number"), 2),
    ],
)
def test_what_may_be_tried_again_has_the_exit_code_that_schedulers_know(
    problem: RapportError, code: int, rapport: Rapport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_options: object) -> None:
        raise problem

    monkeypatch.setattr(cli, "main_group", fail)
    ran = rapport("anything")
    assert ran.code == code
    assert ran.err.strip() == f"{problem.code}: {problem.message}"
    assert (code == 75) == isinstance(problem, TransientError)


def test_making_the_demo_again_finds_it_at_once(rapport: Rapport, own_demo: Path) -> None:
    ran = rapport("--data", own_demo, "demo", "--json")
    built = json.loads(ran.out)
    assert built["made"] is False
    assert built["seconds"] < 1
    assert built["profiles"] > 300


def test_the_demo_tells_how_to_sign_in(rapport: Rapport, own_demo: Path) -> None:
    ran = rapport("--data", own_demo, "demo")
    assert ran.code == 0
    assert "Maison Kadár found" in ran.out
    for role in ("admin", "manager", "agent"):
        assert f"{role}@kadar.example" in ran.out


class TestDoctor:
    """`doctor` looks, says how to mend, and fails only for what is broken."""

    LOOKS: ClassVar[set[str]] = {"data folder", "ledger", "journal", "lake", "profiles", "model"}

    def test_a_sound_company_has_exit_code_0(self, rapport: Rapport, demo_folder: Path) -> None:
        ran = rapport("--data", demo_folder, "doctor", "--json")
        assert ran.code == 0
        found = {line["what"]: line["state"] for line in json.loads(ran.out)}
        assert set(found) >= self.LOOKS
        assert "bad" not in found.values()

    def test_a_lake_that_lost_rows_is_bad_and_rebuild_mends_it(
        self, rapport: Rapport, own_demo: Path
    ) -> None:
        shutil.rmtree(own_demo / "lake" / "touchpoints")
        broken = rapport("--data", own_demo, "doctor")
        assert broken.code == 1
        assert "rapport rebuild" in broken.out
        assert rapport("--data", own_demo, "rebuild").code == 0
        assert rapport("--data", own_demo, "doctor").code == 0
