"""The address of a server that a user names, and what signs in there."""

from pathlib import Path

import pytest

from pipeline.servers.named import named_server

VARIABLES = ("PGUSER", "PGPASSWORD", "PGPASSFILE", "PGSSLMODE", "PGSSLROOTCERT")


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("text", "host", "port", "user"),
    [
        ("db", "db", 5432, "postgres"),
        ("db:5433", "db", 5433, "postgres"),
        ("[::1]:5433", "::1", 5433, "postgres"),
        ("me@db", "db", 5432, "me"),
        ("postgresql://db.example.org/", "db.example.org", 5432, "postgres"),
        ("postgres://m%40e@10.0.0.1:6000", "10.0.0.1", 6000, "m@e"),
    ],
)
def test_an_address_says_where_a_server_is(text: str, host: str, port: int, user: str) -> None:
    server = named_server(text)
    assert (server.host, server.port, server.user, server.password) == (host, port, user, "")
    assert {"PGHOST": host, "PGPORT": str(port), "PGUSER": user}.items() <= server.settings.items()


def test_the_rest_is_in_the_environment_and_files_are_named_in_full(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in VARIABLES:
        monkeypatch.setenv(name, f"of-{name}")
    server = named_server("db")
    assert (server.user, server.password) == ("of-PGUSER", "of-PGPASSWORD")
    assert server.more == {
        "PGPASSFILE": str(tmp_path / "of-PGPASSFILE"),
        "PGSSLMODE": "of-PGSSLMODE",
        "PGSSLROOTCERT": str(tmp_path / "of-PGSSLROOTCERT"),
    }
    assert "of-PGPASSWORD" not in str(server.settings)


def test_the_users_own_file_of_passwords_counts(tmp_path: Path) -> None:
    (tmp_path / ".pgpass").touch()
    assert named_server("db").more == {"PGPASSFILE": str(tmp_path / ".pgpass")}


@pytest.mark.parametrize(
    "text",
    ["", ":5432", "db:port", "db:99999", "http://db", "db/nocodb", "db?sslmode=off", "postgresql://", "d\nb"],
)
def test_what_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not the address of a server; write it as HOST:PORT"):
        named_server(text)


def test_a_password_where_others_can_read_it_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="set PGPASSWORD or PGPASSFILE") as caught:
        named_server("postgresql://me:of-nobody@db")
    assert "of-nobody" not in str(caught.value)
