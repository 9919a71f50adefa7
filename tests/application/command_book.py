"""Commands run one after another on states in memory: the answer, and what each command recorded."""

from datetime import UTC, datetime, timedelta
from typing import Any

from application import authorizations, cards
from application.accounts import OpenAccount, Post, open_account, post
from application.authorizations import Authorize
from application.decision import ABSENT, Command, Decision, Handler, Known, Staged, StreamsMissing
from application.idempotency import RequestKey
from application.users import RegisterUser, register_user
from domain.accounts import Account, AccountOpened
from domain.authorization_checks import Terms
from domain.authorizations import Ruling
from domain.card_aliases import of_pan_hash
from domain.card_limits import CardLimits
from domain.cards import Card
from domain.chart_of_accounts import CASH
from domain.errors import DomainError
from domain.money import Money
from domain.users import UserRegistered

START = datetime(2023, 5, 1, 14, 30, tzinfo=UTC)
CARD_ID, EXPIRY, PAN = 400, "12/25", of_pan_hash("a1b2c3d4e5f6g7h8i9j0")
LIMITS = CardLimits(2_000_00, 5_000_00, 20_000_00)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


class Book:
    """Answers as the writer does: a refusal that is raised records nothing, one that is returned may."""

    def __init__(self) -> None:
        self.at = START
        self.states: dict[str, Known] = {}
        self.recorded: list[tuple[str, Any]] = []
        self.staged: list[Staged] = []

    def run(self, handler: Handler[Any, Any], command: Command) -> Any:
        while True:
            decision = Decision(self.at, self.states, {})
            try:
                answer = handler(decision, command)
            except StreamsMissing as missing:
                self.states.update(dict.fromkeys(missing.streams, ABSENT))
                continue
            except DomainError as refusal:
                self.recorded = []
                return refusal
            self.states.update(decision.staged())
            self.staged = decision.recorded
            self.recorded = [(staged.stream, staged.event) for staged in decision.recorded]
            return answer

    @property
    def topics(self) -> list[str]:
        """Of what the last command recorded."""
        return [event.TOPIC for _, event in self.recorded]

    def wait(self, **time: float) -> None:
        self.at += timedelta(**time)

    def state(self, stream: str) -> Any:
        return self.states[stream].state


class CardBook(Book):
    """One customer with an account and a card on it."""

    def __init__(self, balance: int = 10_000_00, limits: CardLimits = LIMITS) -> None:
        super().__init__()
        self.run(register_user, RegisterUser(UserRegistered("ann", "customer", "USA")))
        self.run(open_account, OpenAccount(AccountOpened("a", "0000000001", "ann", "checking", "USD")))
        self.run(post, Post("a", "credit", usd(balance), CASH, "deposit", "opening"))
        self.run(
            cards.issue_card,
            cards.IssueCard(CARD_ID, "a", 321654987, PAN, "411111******1111", EXPIRY, limits),
        )
        self._numbers = 1_000

    def number(self) -> int:
        self._numbers += 4
        return self._numbers

    def authorize(
        self,
        minor: int = 125_50,
        *,
        pan: str = PAN,
        kind: str = "PURCHASE",
        channel: str = "POS",
        category: str = "5411",
        key: RequestKey | None = None,
    ) -> Ruling:
        asked = Terms(kind, usd(minor), channel, category, "USA", "MERCH123456", "Example Merchant")
        ruling = self.run(authorizations.authorize, Authorize(self.number(), pan, EXPIRY, asked, key))
        assert isinstance(ruling, Ruling)
        return ruling

    def challenge(self) -> Ruling:
        """1,000.00 in a category of high risk, where 400.00 were approved before."""
        self.authorize(400_00, channel="E_COMMERCE")
        ruling = self.authorize(1_000_00, channel="E_COMMERCE", category="7995")
        assert ruling.decision == "CHALLENGE"
        return ruling

    def key(self, content: str = "content") -> RequestKey:
        return RequestKey("request", content)

    @property
    def account(self) -> Account:
        account: Account = self.state("account-a")
        return account

    @property
    def card(self) -> Card:
        card: Card = self.state(f"card-{CARD_ID}")
        return card

    @property
    def totals(self) -> tuple[int, int]:
        return self.account.posted, self.account.held

    @property
    def spent_today(self) -> int:
        return self.card.spending.on(self.at.date())
