"""Users with all that is theirs: the facts in the log, keys and addresses beside it, their tokens.

The log decides; this is the order in which the rest is done around it, so that whatever a crash leaves out
does no harm: an address that was claimed in vain can be taken over, a user whose key is gone reads as erased,
and tokens end before the fact that ends them is recorded.
"""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from application.access import SignInUser
from application.decision import Command, Handler
from application.idempotency import RequestKey
from application.store import StoreUnavailable
from application.users import (
    CreateUser,
    FindAnswered,
    OfUser,
    RegisterUser,
    SetPassword,
    UpdateUser,
    create_user,
    current_user,
    deactivate_user,
    erase_user,
    is_answered,
    register_user,
    set_password,
    update_user,
)
from application.writer import Origin, Outcome, QueueFull, WriterClosed
from domain import errors, users
from domain.errors import DomainError
from domain.users import Status, User, UserRegistered
from infrastructure.ledgers import Ledger
from infrastructure.personal_data import Person, PersonalData, SubjectSeal
from infrastructure.revocations import Revocations
from infrastructure.secret_hashes import SecretHashes
from infrastructure.tenants import UnknownTenant

NAME, EMAIL, PHONE, PASSWORD, MFA_SECRET = "name", "email", "phone", "password", "mfa secret"
RESET_LIFETIME = timedelta(hours=1)

C = TypeVar("C", bound=Command)

OpenLedger = Callable[[str], Awaitable[Ledger]]


class Change(NamedTuple):
    """What is None stays; an empty phone is taken away."""

    person: Person = Person(None, None)
    role: str | None = None
    status: Status | None = None


class Users:
    """Implements the port `application.access.SignInUsers`, too.

    Methods that change something give the command's outcome, and raise what `Ledger.execute` raises.
    """

    def __init__(
        self,
        open_ledger: OpenLedger,
        personal: PersonalData,
        revocations: Revocations,
        hashes: SecretHashes,
    ) -> None:
        self._open_ledger = open_ledger
        self.personal = personal
        self._revocations = revocations
        self._hashes = hashes

    async def create(
        self,
        ledger: Ledger,
        person: Person,
        role: str,
        origin: Origin,
        *,
        password: str | None = None,
        key: RequestKey | None = None,
    ) -> Outcome:
        """A new user. `person` has a name and an e-mail address; `password` is in clear."""
        assert person.name is not None and person.email is not None, "checked before"
        if await self.is_answered(ledger, key):
            return await ledger.execute(create_user, CreateUser("", "", "", None, "", key=key), origin)
        # The same request is the same user, also where it comes twice at once.
        user_id = f"user_{secrets.token_hex(10) if key is None else key.request_id}"
        own = await self.personal.new_subject(ledger.schema, user_id)
        is_taken = not await self._claim(ledger, person.email, user_id)
        is_findable = is_taken or await self.personal.make_findable(ledger.schema, user_id, person)
        command = CreateUser(
            user_id,
            own.close(person.name, NAME),
            own.close(person.email, EMAIL),
            own.close(person.phone, PHONE) if person.phone else None,
            role,
            None if password is None else own.close(await self._hashes.hash(password), PASSWORD),
            is_taken,
            key,
        )
        outcome = await self._settled(ledger, create_user, command, user_id, person.email, origin)
        if not is_findable and not isinstance(outcome.answer, DomainError):
            # Somebody else was about to be this user, under the same key at once.
            await self.personal.make_only_findable(ledger.schema, user_id, person)
        return outcome

    async def register_fixture(
        self, ledger: Ledger, registered: UserRegistered, person: Person, password_hash: str, origin: Origin
    ) -> None:
        """A user of a fixed id, as a sandbox has."""
        assert person.name is not None and person.email is not None, "fixtures have both"
        user_id = registered.user_id
        own = await self.personal.new_subject(ledger.schema, user_id)
        await self._claim(ledger, person.email, user_id)
        await self.personal.make_findable(ledger.schema, user_id, person)
        sealed = UserRegistered(
            user_id,
            registered.role,
            registered.country,
            own.close(person.name, NAME),
            own.close(person.email, EMAIL),
            own.close(person.phone, PHONE) if person.phone else None,
            ledger.clock.now(),
        )
        command = RegisterUser(sealed, password=own.close(password_hash, PASSWORD))
        await ledger.execute(register_user, command, origin)

    async def change(
        self, ledger: Ledger, user_id: str, change: Change, origin: Origin, key: RequestKey | None = None
    ) -> Outcome:
        """Changes what is given; who becomes inactive has no tokens any more when this is done, and what was
        delegated in another role ends."""
        is_again = await self.is_answered(ledger, key)
        before = None if is_again else await self.not_erased(ledger, user_id)
        if change.status == users.INACTIVE and change.person.email is None and not is_again:
            # It cannot be refused: nobody else has what is asked for.
            await self._end_tokens(ledger, user_id)
        command = UpdateUser(user_id, role=change.role, status=change.status, key=key)
        if is_again or change.person == Person(None, None):
            outcome = await ledger.execute(update_user, command, origin)
        else:
            outcome = await self._change_person(ledger, command, change.person, origin)
        is_other_role = before is not None and change.role not in (None, before.role)
        if is_other_role and not isinstance(outcome.answer, DomainError):
            await self._revocations.end_delegations(ledger.tenant, user_id)
        if change.status is not None:
            await self._publish(ledger, user_id)
        return outcome

    async def _change_person(
        self, ledger: Ledger, command: UpdateUser, person: Person, origin: Origin
    ) -> Outcome:
        user_id, schema = command.user_id, ledger.schema
        async with self.personal.changing(schema, user_id) as own:
            if own is None:
                raise errors.UserErased(user_id)
            before = users.require(await self.current(ledger, user_id), user_id)
            old_email = own.open(before.email, EMAIL)
            is_taken = person.email is not None and not await self._claim(ledger, person.email, user_id)
            if not is_taken:
                await self.personal.make_also_findable(schema, user_id, person)
            sealed = UpdateUser(
                user_id,
                None if person.name is None else own.close(person.name, NAME),
                None if person.email is None else own.close(person.email, EMAIL),
                own.close(person.phone, PHONE) if person.phone else person.phone,
                command.role,
                command.status,
                is_taken,
                command.key,
            )
            outcome = await self._settled(ledger, update_user, sealed, user_id, person.email, origin)
            if not isinstance(outcome.answer, DomainError):
                await self.personal.make_only_findable(schema, user_id, person)
                if old_email is not None:
                    await self._release_unused(ledger, user_id, old_email)
            return outcome

    async def deactivate(
        self, ledger: Ledger, user_id: str, origin: Origin, key: RequestKey | None = None
    ) -> Outcome:
        if not await self.is_answered(ledger, key):
            await self._end_tokens(ledger, user_id)
        outcome = await ledger.execute(deactivate_user, OfUser(user_id, key), origin)
        await self._publish(ledger, user_id)
        return outcome

    async def erase(
        self, ledger: Ledger, user_id: str, origin: Origin, key: RequestKey | None = None
    ) -> Outcome:
        """Nothing can tell who the person was when this is done, or began: done again, it goes on."""
        await self._end_tokens(ledger, user_id)
        await self.personal.destroy(ledger.schema, user_id)
        outcome = await ledger.execute(erase_user, OfUser(user_id, key), origin)
        await self._publish(ledger, user_id)
        return outcome

    async def reset_password(
        self, ledger: Ledger, token: str, password: str, origin: Origin, key: RequestKey | None = None
    ) -> Outcome:
        """Sets the password of whoever the token is for, once; everybody who is signed in as them is not any
        more. Raises PasswordResetNotFound."""
        if await self.is_answered(ledger, key):
            return await ledger.execute(set_password, SetPassword("", "", key), origin)
        token_hash, now = reset_hash(token), ledger.clock.now()
        async with self.personal.using_reset(ledger.schema, token_hash, now) as user_id:
            own = None if user_id is None else await self.seal_of(ledger, user_id)
            if user_id is None or own is None:
                raise errors.PasswordResetNotFound
            sealed = own.close(await self._hashes.hash(password), PASSWORD)
            outcome = await ledger.execute(set_password, SetPassword(user_id, sealed, key), origin)
            await self._revocations.end_delegations(ledger.tenant, user_id)
            return outcome

    async def current(self, ledger: Ledger, user_id: str) -> User | None:
        """The user as the log has them now, whichever process changed them last."""
        user: User | None = (await ledger.execute(current_user, OfUser(user_id))).answer
        return user

    async def not_erased(self, ledger: Ledger, user_id: str) -> User:
        """Raises UserNotFound, or UserErased also where the erasure only began."""
        user = users.require(await self.current(ledger, user_id), user_id)
        if await self.seal_of(ledger, user_id) is None:
            raise errors.UserErased(user_id)
        return user

    async def seal_of(self, ledger: Ledger, user_id: str) -> SubjectSeal | None:
        return (await self.personal.seals(ledger.schema, [user_id])).get(user_id)

    async def is_answered(self, ledger: Ledger, key: RequestKey | None) -> bool:
        """Whether the same was asked before under the key: then nothing needs to be prepared."""
        if key is None:
            return False
        return bool((await ledger.execute(is_answered, FindAnswered(key))).answer)

    async def find_by_email(self, tenant: str, email: str) -> SignInUser | None:
        try:
            ledger = await self._open_ledger(tenant)
        except UnknownTenant:
            return None
        user_id = await self.personal.holder(ledger.schema, email)
        if user_id is None:
            return None
        digest = self.personal.email_digest(ledger.schema, email)
        try:
            has_it = await self._has_address(ledger, user_id, digest)
        except (QueueFull, WriterClosed) as error:
            raise StoreUnavailable(str(error)) from error
        return await self.find(tenant, user_id) if has_it else None

    async def find(self, tenant: str, user_id: str) -> SignInUser | None:
        try:
            ledger = await self._open_ledger(tenant)
            user = await self.current(ledger, user_id)
        except UnknownTenant:
            return None
        except (QueueFull, WriterClosed) as error:
            raise StoreUnavailable(str(error)) from error
        own = None if user is None else await self.seal_of(ledger, user_id)
        if user is None or own is None:
            return None
        return SignInUser(
            user_id,
            user.role,
            user.status == users.ACTIVE,
            own.open(user.password, PASSWORD),
            own.open(user.mfa_secret, MFA_SECRET) if user.is_mfa_confirmed else None,
        )

    async def _settled(
        self,
        ledger: Ledger,
        handler: Handler[C, object],
        command: C,
        user_id: str,
        email: str | None,
        origin: Origin,
    ) -> Outcome:
        """Runs the command. What was claimed for one that was refused is given back."""
        try:
            outcome = await ledger.execute(handler, command, origin)
        except DomainError:
            if email is not None:
                await self._release_unused(ledger, user_id, email)
            raise
        if isinstance(outcome.answer, DomainError) and email is not None:
            await self._release_unused(ledger, user_id, email)
        return outcome

    async def _claim(self, ledger: Ledger, email: str, user_id: str) -> bool:
        """Whether the address is the user's from now on, and nobody else's."""
        digest = self.personal.email_digest(ledger.schema, email)
        holder = await self.personal.claim(ledger.schema, digest, user_id)
        if holder == user_id:
            return True
        if await self._has_address(ledger, holder, digest):
            return False
        return await self.personal.take_over(ledger.schema, digest, holder, user_id)

    async def _release_unused(self, ledger: Ledger, user_id: str, email: str) -> None:
        digest = self.personal.email_digest(ledger.schema, email)
        if not await self._has_address(ledger, user_id, digest):
            await self.personal.release(ledger.schema, digest, user_id)

    async def _has_address(self, ledger: Ledger, user_id: str, digest: bytes) -> bool:
        user = await self.current(ledger, user_id)
        own = None if user is None else await self.seal_of(ledger, user_id)
        email = None if user is None or own is None else own.open(user.email, EMAIL)
        return email is not None and self.personal.email_digest(ledger.schema, email) == digest

    async def _end_tokens(self, ledger: Ledger, user_id: str) -> None:
        users.require(await self.current(ledger, user_id), user_id)
        await self._revocations.end_subject(ledger.tenant, user_id)

    async def _publish(self, ledger: Ledger, user_id: str) -> None:
        """Makes the user's tokens count where the user is active, and nowhere else."""
        while True:
            user = await self.current(ledger, user_id)
            if user is None:
                return
            if user.status == users.ACTIVE:
                await self._revocations.restore_subject(ledger.tenant, user_id)
            else:
                await self._revocations.end_subject(ledger.tenant, user_id)
            again = await self.current(ledger, user_id)
            # Whoever changes it meanwhile publishes it, too; the last to look sees the last state.
            if again is None or again.status == user.status:
                return


def reset_hash(token: str) -> bytes:
    """Fast, because a token of 256 random bits cannot be guessed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def reset_expiry(now: datetime) -> datetime:
    return now + RESET_LIFETIME
