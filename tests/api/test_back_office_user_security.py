"""How users prove who they are: passwords that are set anew, second factors, and who may not sign in."""

from collections.abc import Iterator

import httpx
import pytest

from tests.api.back_office_requests import V1, at_once, done, invalid, refused, send
from tests.api.transfer_requests import TRANSFERS, created_id, internal
from tests.api.user_requests import (
    RESETS,
    USERS,
    code_now,
    create,
    path_of,
    user_staff,
)
from tests.oauth_scene import asked as authorization
from tests.oauth_scene import csrf_of
from tests.sandbox_service import SandboxService

DEMO = f"{USERS}/user_demo"
PASSWORD = "a new password of some length"
HOUR = 3600


@pytest.fixture
def staff(sandbox: SandboxService) -> Iterator[httpx.Client]:
    with user_staff(sandbox) as client:
        yield client


def signs_in(service: SandboxService, email: str, password: str) -> bool:
    """Whether somebody with that address and password gets past the sign-in page."""
    with httpx.Client(base_url=service.url, timeout=30) as browser:
        wanted = authorization()
        page = browser.get("/oauth/authorize", params=wanted)
        form = {"csrf": csrf_of(page.text), "action": "sign_in", "email": email, "password": password}
        answered = browser.post("/oauth/authorize", params=wanted, data=form)
        return answered.is_redirect


def wait_for_next_code(service: SandboxService) -> None:
    service.advance(31)


def enrolled(service: SandboxService, staff: httpx.Client, path: str = DEMO) -> str:
    """The secret of a second factor that counts."""
    secret: str = done(staff.post(f"{path}/mfa"), 201)["secret"]
    done(send(staff, "POST", f"{path}/mfa/confirm", {"code": code_now(service, secret)}))
    wait_for_next_code(service)
    return secret


def test_the_sandboxs_users_sign_in_with_the_documented_password(sandbox: SandboxService) -> None:
    assert signs_in(sandbox, "demo@example.com", "sandbox-password")
    assert signs_in(sandbox, "TELLER@Example.com", "sandbox-password")
    assert not signs_in(sandbox, "demo@example.com", "another password")
    assert not signs_in(sandbox, "nobody@example.com", "sandbox-password")


def test_a_new_user_signs_in_once_a_password_was_set(sandbox: SandboxService, staff: httpx.Client) -> None:
    made = create(staff)
    assert not signs_in(sandbox, made["email"], "")
    response = staff.post(f"{path_of(made)}/password-reset")
    asked = done(response, 202)
    assert list(asked) == ["user_id", "expires_at", "reset_token"]
    assert asked["user_id"] == made["id"]
    assert asked["expires_at"] > response.json()["meta"]["timestamp"]
    changed = done(send(staff, "POST", f"{RESETS}/{asked['reset_token']}", {"password": PASSWORD}))
    assert changed == {"user_id": made["id"], "status": "password_changed"}
    assert signs_in(sandbox, made["email"], PASSWORD)
    assert not signs_in(sandbox, made["email"], PASSWORD.upper())


def test_an_inactive_user_cannot_sign_in(sandbox: SandboxService, staff: httpx.Client) -> None:
    done(staff.delete(DEMO))
    assert not signs_in(sandbox, "demo@example.com", "sandbox-password")
    done(send(staff, "PUT", DEMO, {"status": "active"}))
    assert signs_in(sandbox, "demo@example.com", "sandbox-password")


def test_who_has_a_new_address_signs_in_with_that(sandbox: SandboxService, staff: httpx.Client) -> None:
    done(send(staff, "PUT", DEMO, {"email": "new@example.net"}))
    assert signs_in(sandbox, "new@example.net", "sandbox-password")
    assert not signs_in(sandbox, "demo@example.com", "sandbox-password")


def test_a_token_sets_a_password_once(sandbox: SandboxService, staff: httpx.Client) -> None:
    """And with it every other token of the user is no good any more."""
    first, second = (
        done(staff.post(f"{DEMO}/password-reset", headers={"Idempotency-Key": key}), 202)
        for key in ("first", "second")
    )
    path = f"{RESETS}/{first['reset_token']}"
    done(send(staff, "POST", path, {"password": PASSWORD}))
    for used in (first, second):
        refused(
            send(staff, "POST", f"{RESETS}/{used['reset_token']}", {"password": "x" + PASSWORD}),
            404,
            "NOT_FOUND",
        )
    # Asked for again, it is the same one, and is not good again.
    again = done(staff.post(f"{DEMO}/password-reset", headers={"Idempotency-Key": "first"}), 202)
    assert again == first
    refused(send(staff, "POST", path, {"password": "x" + PASSWORD}), 404, "NOT_FOUND")
    assert signs_in(sandbox, "demo@example.com", PASSWORD)


def test_of_two_who_use_a_token_at_once_one_sets_the_password(staff: httpx.Client) -> None:
    token = done(staff.post(f"{DEMO}/password-reset"), 202)["reset_token"]

    def use(password: str) -> int:
        return send(staff, "POST", f"{RESETS}/{token}", {"password": password}).status_code

    statuses = at_once(*(lambda n=n: use(f"{PASSWORD} {n}") for n in range(4)))
    assert sorted(statuses) == [200, 404, 404, 404]


def test_a_token_expires(sandbox: SandboxService, staff: httpx.Client) -> None:
    token = done(staff.post(f"{DEMO}/password-reset"), 202)["reset_token"]
    sandbox.advance(HOUR)
    refused(send(staff, "POST", f"{RESETS}/{token}", {"password": PASSWORD}), 404, "NOT_FOUND")


@pytest.mark.parametrize("token", ["unknown", "x" * 300, "%00", "%ff"])
def test_an_unknown_token_is_not_found(staff: httpx.Client, token: str) -> None:
    refused(send(staff, "POST", f"{RESETS}/{token}", {"password": PASSWORD}), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "password", [None, "", "short", "aaaaaaaaaaaaaaaa", "x" * 257, 5, "pass\x00word1234"]
)
def test_passwords_that_are_refused_leave_the_token_good(staff: httpx.Client, password: object) -> None:
    token = done(staff.post(f"{DEMO}/password-reset"), 202)["reset_token"]
    path = f"{RESETS}/{token}"
    assert invalid(send(staff, "POST", path, {"password": password})) == "password"
    assert invalid(send(staff, "POST", path, {"password": PASSWORD, "user_id": "user_other"})) == "user_id"
    done(send(staff, "POST", path, {"password": PASSWORD}))


def test_a_password_is_set_once_under_its_key(sandbox: SandboxService, staff: httpx.Client) -> None:
    token = done(staff.post(f"{DEMO}/password-reset"), 202)["reset_token"]
    path = f"{RESETS}/{token}"
    changed = done(send(staff, "POST", path, {"password": PASSWORD}, "key"))
    assert done(send(staff, "POST", path, {"password": PASSWORD}, "key")) == changed
    refused(send(staff, "POST", path, {"password": "y" + PASSWORD}, "key"), 409, "IDEMPOTENCY_CONFLICT")
    assert signs_in(sandbox, "demo@example.com", PASSWORD)


def test_an_erased_user_gets_no_password(staff: httpx.Client) -> None:
    made = create(staff)
    token = done(staff.post(f"{path_of(made)}/password-reset"), 202)["reset_token"]
    done(staff.post(f"{path_of(made)}/erase"))
    refused(send(staff, "POST", f"{RESETS}/{token}", {"password": PASSWORD}), 404, "NOT_FOUND")
    refused(staff.post(f"{path_of(made)}/password-reset"), 409, "CONFLICT")


def test_a_second_factor_is_enrolled_confirmed_and_removed(
    sandbox: SandboxService, staff: httpx.Client
) -> None:
    assert done(staff.get(f"{DEMO}/mfa")) == {"user_id": "user_demo", "status": "none"}
    shown = done(staff.post(f"{DEMO}/mfa"), 201)
    assert list(shown) == ["user_id", "status", "secret", "otpauth_uri"]
    assert shown["status"] == "pending"
    assert shown["otpauth_uri"].startswith(
        "otpauth://totp/Daybook:demo%40example.com?secret=" + shown["secret"]
    )
    assert done(staff.get(f"{DEMO}/mfa"))["status"] == "pending"
    confirm = f"{DEMO}/mfa/confirm"
    for wrong in ("000000", "12345", "abcdef", "0" * 16):
        assert invalid(send(staff, "POST", confirm, {"code": wrong})) == "code"
    assert invalid(send(staff, "POST", confirm, {})) == "code"
    code = code_now(sandbox, shown["secret"])
    assert done(send(staff, "POST", confirm, {"code": code}, "key"))["status"] == "enabled"
    assert done(send(staff, "POST", confirm, {"code": code}, "key"))["status"] == "enabled"
    assert done(staff.get(f"{DEMO}/mfa")) == {"user_id": "user_demo", "status": "enabled"}
    refused(staff.post(f"{DEMO}/mfa"), 409, "CONFLICT")
    refused(send(staff, "POST", confirm, {"code": code}), 409, "CONFLICT")
    assert done(staff.delete(f"{DEMO}/mfa"))["status"] == "none"
    assert done(staff.delete(f"{DEMO}/mfa"))["status"] == "none"
    assert done(staff.post(f"{DEMO}/mfa"), 201)["secret"] != shown["secret"]


def test_an_enrolment_is_shown_again_under_its_key_only(staff: httpx.Client) -> None:
    headers = {"Idempotency-Key": "enrol"}
    shown = done(staff.post(f"{DEMO}/mfa", headers=headers), 201)
    assert done(staff.post(f"{DEMO}/mfa", headers=headers), 201) == shown
    assert "secret" not in done(staff.get(f"{DEMO}/mfa"))


def test_a_transfer_takes_the_users_own_code_once(
    sandbox: SandboxService, staff: httpx.Client, demo: httpx.Client
) -> None:
    """A step early or late, too; never another user's, nor one that is not confirmed."""
    pending = done(staff.post(f"{DEMO}/mfa"), 201)["secret"]

    def verified(transfer: str, code: str) -> int:
        body = {"action": "verify_mfa", "mfa_code": code}
        return demo.patch(f"{TRANSFERS}/{transfer}", json=body).status_code

    transfer = created_id(demo, internal("mfa", "5000.01"))
    assert verified(transfer, code_now(sandbox, pending)) == 400
    done(send(staff, "POST", f"{DEMO}/mfa/confirm", {"code": code_now(sandbox, pending)}))
    assert verified(transfer, code_now(sandbox, pending)) == 400
    wait_for_next_code(sandbox)
    foreign = enrolled(sandbox, staff, f"{USERS}/user_other")
    assert verified(transfer, code_now(sandbox, foreign)) == 400
    early = code_now(sandbox, pending)
    wait_for_next_code(sandbox)
    assert verified(transfer, early) == 200


@pytest.mark.parametrize("path", [f"{DEMO}/erase", f"{DEMO}/mfa", f"{DEMO}/password-reset"])
def test_what_takes_no_body_takes_none(staff: httpx.Client, path: str) -> None:
    assert invalid(send(staff, "POST", path, {"force": True})) == "force"
    assert path.startswith(V1)


def test_what_was_delegated_ends_with_a_password_or_a_role(
    sandbox: SandboxService, staff: httpx.Client
) -> None:
    """Who was signed in has to sign in again; other changes end nothing."""
    with httpx.Client(base_url=sandbox.url, timeout=30) as browser:
        wanted = authorization()

        def is_signed_in() -> bool:
            return 'name="password"' not in browser.get("/oauth/authorize", params=wanted).text

        def sign_in(password: str) -> None:
            csrf = csrf_of(browser.get("/oauth/authorize", params=wanted).text)
            form = {"csrf": csrf, "action": "sign_in", "email": "demo@example.com", "password": password}
            browser.post("/oauth/authorize", params=wanted, data=form)
            assert is_signed_in()

        sign_in("sandbox-password")
        for change in ({"name": "Demo"}, {"role": "customer"}):
            done(send(staff, "PUT", DEMO, change))
            assert is_signed_in()
        token = done(staff.post(f"{DEMO}/password-reset"), 202)["reset_token"]
        done(send(staff, "POST", f"{RESETS}/{token}", {"password": PASSWORD}))
        assert not is_signed_in()
        sign_in(PASSWORD)
        done(send(staff, "PUT", DEMO, {"role": "teller"}))
        assert not is_signed_in()


def test_a_deactivation_that_is_repeated_ends_nothing_of_a_user_who_is_back(
    sandbox: SandboxService, staff: httpx.Client
) -> None:
    done(send(staff, "DELETE", DEMO, key="off"))
    done(send(staff, "PUT", DEMO, {"status": "active"}))
    with sandbox.user() as user:
        assert done(send(staff, "DELETE", DEMO, key="off"))["status"] == "inactive"
        assert user.get(TRANSFERS).status_code == 200
    assert done(staff.get(DEMO))["status"] == "active"
