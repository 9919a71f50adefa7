"""Erasure: who a person was is nowhere any more, what happened stays, and the books are still proved."""

from collections.abc import Iterator
from functools import partial

import httpx
import pytest

from infrastructure.database import connect_owner
from infrastructure.sandbox import SANDBOX_TENANT
from infrastructure.tenants import schema_for
from projections.rebuild import rebuild
from tests.api.back_office_requests import V1, done, refused, send
from tests.api.user_requests import RESETS, USERS, code_now, path_of, person, user_staff
from tests.database_dump import dumped, tables_with
from tests.sandbox_service import SandboxService
from tests.webhook_subscriptions import Bank

# Words that nothing else has.
ASKED = person(
    name="Zebulon Quagmire-Oxbow", email="zebulon.quagmire@oxbow.example.org", phone="+15557119931"
)
CHANGED = {
    "name": "Perpetua Wainscoting",
    "email": "perpetua@wainscoting.example.org",
    "phone": "+15557229942",
}
NEEDLES = ("zebulon", "quagmire", "oxbow", "perpetua", "wainscoting", "5557119931", "5557229942")
PASSWORD = "flabbergasted hippogriff"


@pytest.fixture
def staff(sandbox: SandboxService) -> Iterator[httpx.Client]:
    with user_staff(sandbox) as client:
        yield client


@pytest.fixture
def dsn(sandbox: SandboxService) -> str:
    return Bank(sandbox.data).dsn


def lived(service: SandboxService, staff: httpx.Client) -> tuple[dict[str, object], str, str]:
    """A user who did all that users do, with the secret of their second factor and their reset token."""
    made = done(send(staff, "POST", USERS, ASKED, "made"), 201)
    path = path_of(made)
    refused(send(staff, "POST", USERS, ASKED | {"name": "Another"}, "taken"), 409, "EMAIL_EXISTS")
    refused(send(staff, "POST", USERS, ASKED | {"phone": "+1"}), 400, "INVALID_REQUEST")
    staff.get(USERS, params={"search": ASKED["email"]})
    done(send(staff, "PUT", path, CHANGED, "changed"))
    token: str = done(send(staff, "POST", f"{path}/password-reset", key="reset"), 202)["reset_token"]
    done(send(staff, "POST", f"{RESETS}/{token}", {"password": PASSWORD}, "set"))
    secret: str = done(send(staff, "POST", f"{path}/mfa", key="mfa"), 201)["secret"]
    done(send(staff, "POST", f"{path}/mfa/confirm", {"code": code_now(service, secret)}, "confirm"))
    return made, secret, token


def test_who_a_person_is_is_in_no_table_and_no_log(
    sandbox: SandboxService, staff: httpx.Client, dsn: str
) -> None:
    """Not even before they are erased, and nor is what they prove it by."""
    made, secret, token = lived(sandbox, staff)
    done(staff.get(path_of(made)))
    for needles in (NEEDLES, (PASSWORD,), (secret,), (token,)):
        assert tables_with(dsn, *needles) == set()
    log = sandbox.log().lower()
    assert [needle for needle in (*NEEDLES, PASSWORD, secret.lower(), token.lower()) if needle in log] == []
    # The search itself would find them.
    assert tables_with(dsn, str(made["id"]))


def test_an_erased_user_is_nobody(sandbox: SandboxService, staff: httpx.Client, dsn: str) -> None:
    made, *_ = lived(sandbox, staff)
    path = path_of(made)
    erased = done(staff.post(f"{path}/erase"))
    nobody = {"name": None, "email": None, "phone": None, "status": "erased"}
    assert erased == made | nobody | {"updated_at": erased["updated_at"]}
    assert done(staff.post(f"{path}/erase")) == erased
    assert done(staff.get(path)) == erased
    assert done(staff.delete(path)) == erased
    assert done(staff.get(USERS, params={"status": "erased"})) == [erased]
    for change in ({"name": "Somebody"}, {"status": "active"}, {"role": "admin"}):
        refused(send(staff, "PUT", path, change), 409, "CONFLICT")
    refused(staff.post(f"{path}/mfa"), 409, "CONFLICT")
    beside = {table for table, row in dumped(dsn) if str(made["id"]) in row}
    schema = schema_for(SANDBOX_TENANT)
    assert beside.isdisjoint({f"{schema}.subject_{what}" for what in ("keys", "emails", "words")})


def test_what_was_answered_is_told_again_without_who_it_was(
    sandbox: SandboxService, staff: httpx.Client
) -> None:
    made, *_ = lived(sandbox, staff)
    path = path_of(made)
    done(send(staff, "POST", f"{path}/erase", key="erase"))
    nobody = {"name": None, "email": None, "phone": None, "status": "erased"}
    assert done(send(staff, "POST", USERS, ASKED, "made"), 201) == made | nobody
    changed = done(send(staff, "PUT", path, CHANGED, "changed"))
    assert {name: changed[name] for name in nobody} == nobody
    assert done(send(staff, "POST", f"{path}/erase", key="erase"))["status"] == "erased"
    enrolment = done(send(staff, "POST", f"{path}/mfa", key="mfa"), 201)
    assert (enrolment["secret"], enrolment["otpauth_uri"]) == (None, None)
    with user_staff(sandbox, "banking.admin audit.read") as auditor:
        events = auditor.get("/ledger/v1/events", params={"stream": f"user-{made['id']}"}).json()["events"]
    assert [event["topic"] for event in events] == [
        "user.registered",
        "user.updated",
        "user.password_reset_requested",
        "user.password_set",
        "user.mfa_enrolled",
        "user.mfa_confirmed",
        "user.erased",
    ]


def test_an_erased_users_address_is_free(sandbox: SandboxService, staff: httpx.Client) -> None:
    made, *_ = lived(sandbox, staff)
    done(staff.post(f"{path_of(made)}/erase"))
    for email in (ASKED["email"], CHANGED["email"]):
        anew = done(send(staff, "POST", USERS, person(email=email)), 201)
        assert anew["id"] != made["id"]
        assert done(staff.get(USERS, params={"search": email, "fields": "email"})) == [anew]


def test_a_rebuild_gives_the_same_after_an_erasure(
    sandbox: SandboxService, staff: httpx.Client, dsn: str
) -> None:
    made, *_ = lived(sandbox, staff)
    done(staff.post(f"{path_of(made)}/erase"))
    done(staff.get(USERS))
    report = rebuild(partial(connect_owner, dsn), schema_for(SANDBOX_TENANT))
    assert report.comparisons
    assert not report.differences
    assert done(staff.get(path_of(made)))["status"] == "erased"


def test_the_changes_are_announced_without_who_it_is(sandbox: SandboxService, staff: httpx.Client) -> None:
    with user_staff(sandbox, "banking.admin webhooks.admin") as admin:
        hook = {"url": "http://127.0.0.1:9/hook", "events": ["user.*"], "secret": "correct-horse"}
        webhook = done(send(admin, "POST", f"{V1}/webhooks", hook), 201)["id"]
        made = done(send(staff, "POST", USERS, ASKED), 201)
        done(send(staff, "PUT", path_of(made), {"role": "finance"}))
        done(staff.delete(path_of(made)))
        done(staff.post(f"{path_of(made)}/erase"))
        told = done(admin.get(f"{V1}/webhooks/{webhook}/deliveries", params={"order": "asc"}))
    assert [(each["event"], each["data"]) for each in told] == [
        ("user.created", {"user_id": made["id"], "role": "teller", "status": "active"}),
        ("user.updated", {"user_id": made["id"], "role": "finance", "status": "active"}),
        ("user.updated", {"user_id": made["id"], "role": "finance", "status": "inactive"}),
        ("user.updated", {"user_id": made["id"], "role": "finance", "status": "erased"}),
    ]
