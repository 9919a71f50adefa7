"""A user's second factor: enrolled with a secret that is shown once, confirmed with a code of it.

The secret is sealed with the user's own key, like all that is theirs, and gone when they are erased.
"""

from application.idempotency import RequestKey
from application.users import (
    ConfirmMfa,
    EnrolMfa,
    confirm_mfa,
    enrol_mfa,
)
from application.writer import Origin, Outcome
from domain import errors, users
from infrastructure.ledgers import Ledger
from infrastructure.second_factor import SecondFactor, WrongCode, new_secret
from infrastructure.users import MFA_SECRET, Users


class UserFactors:
    """Methods give the command's outcome, and raise what `Ledger.execute` raises."""

    def __init__(self, users_of_banks: Users, second_factor: SecondFactor) -> None:
        self._users = users_of_banks
        self._second_factor = second_factor

    async def enrol(
        self, ledger: Ledger, user_id: str, origin: Origin, key: RequestKey | None = None
    ) -> Outcome:
        """A new secret for the user, which counts when it is confirmed."""
        own = await self._users.seal_of(ledger, user_id)
        if own is None and not await self._users.is_answered(ledger, key):
            await self._users.not_erased(ledger, user_id)
        # What is answered again is what was recorded, whatever goes into it now.
        secret = "" if own is None else own.close(new_secret(), MFA_SECRET)
        return await ledger.execute(enrol_mfa, EnrolMfa(user_id, secret, key), origin)

    async def confirm(
        self, ledger: Ledger, user_id: str, code: str, origin: Origin, key: RequestKey | None = None
    ) -> Outcome:
        """Lets the secret count. Raises WrongCode."""
        if await self._users.is_answered(ledger, key):
            return await ledger.execute(confirm_mfa, ConfirmMfa(user_id, "", key), origin)
        user = users.require(await self._users.current(ledger, user_id), user_id)
        own = await self._users.seal_of(ledger, user_id)
        secret = None if own is None else own.open(user.mfa_secret, MFA_SECRET)
        if secret is None or user.mfa_secret is None or user.is_mfa_confirmed:
            raise errors.MfaNotEnrolled(user_id)
        if not await self._second_factor.is_right(ledger.tenant, user_id, secret, code, ledger.clock.now()):
            raise WrongCode
        return await ledger.execute(confirm_mfa, ConfirmMfa(user_id, user.mfa_secret, key), origin)
