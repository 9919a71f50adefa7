"""`daybook users create`: the first users of a bank, where nobody is there yet who could create others."""

import io
from pathlib import Path

import pytest

from tests.api.command_line_runs import daybook
from tests.api.test_back_office_user_security import signs_in
from tests.api.user_requests import USERS, user_staff
from tests.sandbox_service import SandboxService

JANE = ("--name", "Jane Roe", "--email", "jane.roe@example.org")
PASSWORD = "a password of some length"


def test_a_user_is_created_who_signs_in(sandbox: SandboxService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a running service, which knows them at once."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    given = ("--role", "admin", "--phone", "+1 555 765 0000", "--password-stdin", "--data", sandbox.data)
    ran = daybook("users", "create", *JANE, *given)
    assert (ran.code, ran.errors) == (0, "")
    with user_staff(sandbox) as staff:
        shown = staff.get(f"{USERS}/{ran.output.strip()}").json()["data"]
    assert (shown["name"], shown["phone"], shown["role"]) == ("Jane Roe", "+15557650000", "admin")
    assert signs_in(sandbox, "jane.roe@example.org", PASSWORD)
    again = daybook("users", "create", *JANE, "--data", sandbox.data)
    assert (again.code, again.errors) == (1, "daybook: another user has this e-mail address\n")


def test_what_the_service_would_refuse_is_refused(
    sandbox: SandboxService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Naming what is wrong, and repeating nothing of it."""
    for given, told in (
        (("--name", " ", "--email", "jane@example.org"), "name must have"),
        (("--name", "Jane", "--email", "jane"), "email must be an e-mail address"),
        ((*JANE, "--phone", "5"), "phone must be"),
        ((*JANE, "--role", "root"), "role must be one of admin"),
        ((*JANE, "--password-stdin"), "password must have"),
    ):
        monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
        ran = daybook("users", "create", *given, "--data", sandbox.data)
        assert ran.code == 2
        assert told in ran.errors
        assert "short" not in ran.errors
    assert daybook("users", "create", "--name", "Jane", "--data", sandbox.data).code == 2


def test_without_a_database_there_is_nobody_to_create(tmp_path: Path) -> None:
    assert daybook("users", "create", *JANE, "--data", tmp_path).code == 3


def test_what_was_created_is_printed_for_a_program(sandbox: SandboxService) -> None:
    ran = daybook("users", "create", *JANE, "--json", "--data", sandbox.data)
    shown = ran.json()
    assert (list(shown), shown["role"], shown["status"]) == (["id", "role", "status"], "customer", "active")
