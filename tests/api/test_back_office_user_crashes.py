"""What a process that died in the middle leaves of a user does no harm, and is gone on from."""

from collections.abc import Iterator

import httpx
import psycopg
import pytest

from infrastructure.ledgers import Ledger
from infrastructure.migrator import bind
from infrastructure.runtime import Services
from infrastructure.sandbox import SANDBOX_TENANT
from infrastructure.tenants import schema_for
from tests.api.back_office_requests import done, refused, send
from tests.api.user_requests import RESETS, USERS, create, path_of, person, user_staff
from tests.sandbox_service import SandboxService
from tests.webhook_subscriptions import Bank

_AGE_CLAIMS = "update {schema}.subject_emails set claimed_at = claimed_at - interval '2 minutes'"


@pytest.fixture
def staff(sandbox: SandboxService) -> Iterator[httpx.Client]:
    with user_staff(sandbox) as client:
        yield client


def claim(service: SandboxService, email: str, subject: str) -> None:
    """As one does who dies before the fact is recorded."""

    async def work(services: Services, ledger: Ledger) -> None:
        digest = services.personal_data.email_digest(ledger.schema, email)
        assert await services.personal_data.claim(ledger.schema, digest, subject) == subject

    Bank(service.data).do(work)


def age_claims(service: SandboxService) -> None:
    with psycopg.connect(Bank(service.data).dsn, autocommit=True) as connection:
        connection.execute(bind(_AGE_CLAIMS, schema_for(SANDBOX_TENANT)).encode())


def destroy_key(service: SandboxService, user_id: str) -> None:
    async def work(services: Services, ledger: Ledger) -> None:
        await services.personal_data.destroy(ledger.schema, user_id)

    Bank(service.data).do(work)


def test_an_address_that_was_claimed_in_vain_is_free_a_minute_later(
    sandbox: SandboxService, staff: httpx.Client
) -> None:
    """Whether it was claimed for somebody new or for somebody who has another one."""
    other = create(staff)
    for subject in ("user_never_recorded", other["id"]):
        asked = person()
        claim(sandbox, asked["email"], subject)
        refused(send(staff, "POST", USERS, asked), 409, "EMAIL_EXISTS")
        age_claims(sandbox)
        made = done(send(staff, "POST", USERS, asked), 201)
        age_claims(sandbox)
        refused(send(staff, "POST", USERS, person(email=asked["email"])), 409, "EMAIL_EXISTS")
        assert done(staff.get(path_of(made))) == made
    assert done(staff.get(path_of(other))) == other


def test_an_address_that_somebody_has_is_never_taken_over(
    sandbox: SandboxService, staff: httpx.Client
) -> None:
    made = create(staff)
    age_claims(sandbox)
    refused(send(staff, "POST", USERS, person(email=made["email"])), 409, "EMAIL_EXISTS")
    refused(send(staff, "PUT", f"{USERS}/user_demo", {"email": made["email"]}), 409, "EMAIL_EXISTS")


def test_an_erasure_that_began_is_an_erasure(sandbox: SandboxService, staff: httpx.Client) -> None:
    made = create(staff)
    path = path_of(made)
    token = done(staff.post(f"{path}/password-reset"), 202)["reset_token"]
    destroy_key(sandbox, made["id"])
    shown = done(staff.get(path))
    assert (shown["name"], shown["email"], shown["phone"], shown["status"]) == (None, None, None, "erased")
    for change in ({"name": "Somebody Else"}, {"role": "admin"}, {"status": "active"}):
        refused(send(staff, "PUT", path, change), 409, "CONFLICT")
    refused(staff.post(f"{path}/mfa"), 409, "CONFLICT")
    refused(send(staff, "POST", f"{RESETS}/{token}", {"password": "a new password"}), 404, "NOT_FOUND")
    done(send(staff, "POST", USERS, person(email=made["email"])), 201)
    erased = done(staff.post(f"{path}/erase"))
    assert erased == shown | {"updated_at": erased["updated_at"]}
    assert done(staff.get(path)) == erased
