"""Commands on users, and on the tier that their limits come from."""

import msgspec

from application.decision import Decision
from domain import allowances, users
from domain.users import UserRegistered


class RegisterUser(msgspec.Struct, frozen=True):
    registered: UserRegistered
    tier: str | None = None

    def streams(self) -> tuple[str, ...]:
        user_id = self.registered.user_id
        return users.stream(user_id), allowances.stream(user_id)


def register_user(decision: Decision, command: RegisterUser) -> str:
    stream = users.stream(command.registered.user_id)
    decision.record(stream, users.register(decision.load(stream), command.registered))
    if command.tier is not None:
        decision.record(allowances.stream(command.registered.user_id), allowances.TierAssigned(command.tier))
    return command.registered.user_id
