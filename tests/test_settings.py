"""Settings: read from the environment, and silent about what is secret."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from rapport.engines.ledger import open_ledger
from rapport.errors import InvalidSettings
from rapport.settings import Secret, Settings, read_settings

URL = "postgresql://rapport:hush@db.example:5432/rapport"


@pytest.mark.parametrize("name", ["RAPPORT_LEDGER_URL", "RAPPORT_SMTP_PASSWORD"])
def test_a_password_does_not_show_however_the_settings_are_printed(name: str) -> None:
    settings = read_settings({name: URL})
    value = getattr(settings, name.removeprefix("RAPPORT_").lower())
    for shown in (
        *(repr(settings), str(settings), f"{settings}", repr(value), str(value)),
        *(f"{value}", f"{value:>40}", f"{value!r}", "%s" % value),  # noqa: UP031
    ):
        assert "hush" not in shown
        assert "db.example" not in shown
    assert value.reveal() == URL


def test_the_ledger_is_opened_with_its_password() -> None:
    settings = read_settings({"RAPPORT_LEDGER_URL": URL})
    assert settings.ledger == URL.replace("postgresql", "postgresql+psycopg")
    # The worker is another process: the settings go there pickled.
    assert pickle.loads(pickle.dumps(settings)).ledger == settings.ledger  # noqa: S301


def test_a_slip_in_the_ledgers_address_is_not_quoted() -> None:
    with pytest.raises(InvalidSettings) as told:
        open_ledger("postgresql:rapport:hush@db.example/rapport")
    assert "hush" not in told.value.message


def test_without_settings_everything_is_in_the_data_folder(tmp_path: Path) -> None:
    settings = read_settings({}, data=str(tmp_path))
    assert settings.ledger == f"sqlite:///{tmp_path}/ledger.sqlite"
    assert settings.lake == str(tmp_path / "lake")
    assert settings == Settings(data=str(tmp_path), ledger_url=Secret(""))


def test_all_mistakes_are_told_at_once_and_without_values() -> None:
    with pytest.raises(InvalidSettings) as told:
        read_settings({"RAPPORT_PORT": "hush", "RAPPORT_LEDGER": URL})
    assert "RAPPORT_PORT must be int" in told.value.message
    assert "RAPPORT_LEDGER is not a setting" in told.value.message
    assert "hush" not in told.value.message


def test_the_pages_address_is_that_of_the_port_unless_it_was_set() -> None:
    assert read_settings({}).public_url == "http://127.0.0.1:8000"
    assert read_settings({"RAPPORT_PORT": "9000"}).public_url == "http://127.0.0.1:9000"
    assert read_settings({}).served_at(port=8123).public_url == "http://127.0.0.1:8123"
    everywhere = read_settings({"RAPPORT_PORT": "9000"}).served_at(host="0.0.0.0")  # noqa: S104
    assert (everywhere.host, everywhere.public_url) == ("0.0.0.0", "http://127.0.0.1:9000")  # noqa: S104
    assert read_settings({}).served_at(host="::1").public_url == "http://[::1]:8000"
    named = read_settings({"RAPPORT_PUBLIC_URL": "https://rapport.example"})
    assert named.served_at(port=8123).public_url == "https://rapport.example"
    assert read_settings({"RAPPORT_PUBLIC_URL": ""}).public_url == "http://127.0.0.1:8000"
