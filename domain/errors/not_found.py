"""What was named does not exist here."""

from dataclasses import dataclass
from typing import ClassVar

from domain.errors.kinds import NotFound


@dataclass
class AccountNotFound(NotFound):
    code: ClassVar[str] = "account_not_found"
    account_id: str


@dataclass
class TransferNotFound(NotFound):
    code: ClassVar[str] = "transfer_not_found"
    transfer_id: str


@dataclass
class CardNotFound(NotFound):
    code: ClassVar[str] = "card_not_found"
    card_id: int


@dataclass
class AuthorizationNotFound(NotFound):
    code: ClassVar[str] = "authorization_not_found"
    request_id: int


@dataclass
class HoldNotFound(NotFound):
    code: ClassVar[str] = "hold_not_found"
    hold_id: int


@dataclass
class LimitOverrideNotFound(NotFound):
    code: ClassVar[str] = "limit_override_not_found"
    override_id: int


@dataclass
class WebhookNotFound(NotFound):
    code: ClassVar[str] = "webhook_not_found"
    webhook_id: str


@dataclass
class DeliveryNotFound(NotFound):
    code: ClassVar[str] = "delivery_not_found"
    delivery_id: str


@dataclass
class ClientNotFound(NotFound):
    code: ClassVar[str] = "client_not_found"
    client_id: str


@dataclass
class UserNotFound(NotFound):
    code: ClassVar[str] = "user_not_found"
    user_id: str


@dataclass
class PasswordResetNotFound(NotFound):
    """No such token, or it was used or has expired."""

    code: ClassVar[str] = "password_reset_not_found"


@dataclass
class TransactionNotFound(NotFound):
    code: ClassVar[str] = "transaction_not_found"
    transaction_id: str


@dataclass
class UnknownAccountCode(NotFound):
    code: ClassVar[str] = "unknown_account_code"
    account_code: str
