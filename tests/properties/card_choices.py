"""What the card machine chooses from: cards, amounts around their limits, waits around every deadline."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from domain.card_limits import CardLimits
from tests.properties.account_machine import ACCOUNTS

# Shortly before a night, a day and a month begin.
START = datetime(2023, 5, 31, 23, 40, tzinfo=UTC)
COUNTRIES = {name: country for name, _, country, *_ in ACCOUNTS}
WIDE = {"transaction": 2_000_00, "daily": 5_000_00, "monthly": 9_000_00}
CHANNELS = {
    "ATM": {"transaction": 500_00, "daily": 1_000_00},
    "E_COMMERCE": {"transaction": 1_500_00, "daily": 3_000_00},
    "MOTO": {"daily": 700_00},
}
# Account, expiry, limits and limits of channels.
CARDS: dict[str, tuple[str, str, dict[str, int], dict[str, dict[str, int]]]] = {
    "wide": ("ann_main", "12/25", WIDE, CHANNELS),
    "narrow": ("ann_main", "06/23", {"transaction": 500_00, "daily": 600_00, "monthly": 900_00}, {}),
    "foreign": ("bob_main", "12/25", WIDE, CHANNELS),
}
CARD_IDS = {name: 4 * number for number, name in enumerate(CARDS, start=1)}
NOBODYS_NUMBER = 4

# Narrower and wider than the cards' own limits and those of their channels.
OVERRIDES = (
    {"transaction": 300_00},
    {"transaction": 500_00, "daily": 2_000_00},
    {"daily": 160_00},
    {"daily": 1_200_00},
    {"monthly": 700_00},
)

own_cards = st.sampled_from(("wide", "wide", "narrow", "foreign"))
amounts = st.sampled_from((1, 30_00, 100_00, 299_99, 400_00, 500_00, 500_01, 1_000_00, 2_000_00))
channels = st.sampled_from(("POS", "ATM", "E_COMMERCE", "MOTO"))
# Which authorization: so many before the newest one of those that are wished for.
picks = st.integers(0, 5)
held = st.sampled_from(("held", "held", "held", "held", "any", "nobody's"))
challenged = st.sampled_from(("challenged", "challenged", "challenged", "challenged", "any", "nobody's"))
keys = st.one_of(st.none(), st.sampled_from(("k1", "k2")))
limit_values = st.sampled_from((-1, 0, 1, 250_00, 400_00, 700_00, 3_000_00, 9_000_00))
some_limits = st.one_of(
    st.dictionaries(st.sampled_from(("transaction", "daily", "monthly")), limit_values, max_size=3),
    st.sampled_from(
        (
            {"transaction": 300_00},
            {"daily": 1_000_00},
            {"monthly": 2_000_00},
            {"transaction": 3_000_00, "daily": 6_000_00},
            {"transaction": 9_000_00, "daily": 9_000_00, "monthly": 9_500_00},
        )
    ),
)
channel_limits = st.one_of(
    st.none(),
    st.dictionaries(st.sampled_from(("transaction", "daily")), limit_values, max_size=2),
    st.just({"transaction": 400_00, "daily": 800_00}),
)
waits = st.sampled_from((1, 299, 301, 599, 600, 4 * 3_600, 86_400, 7 * 86_400 - 1, 7 * 86_400, 31 * 86_400))


def as_choices(limits: CardLimits) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """A card's limits, and those of its channels, as they are written above."""
    own = {"transaction": limits.transaction, "daily": limits.daily, "monthly": limits.monthly}
    channels = {
        name: {
            kind: value
            for kind, value in (("transaction", each.transaction), ("daily", each.daily))
            if value is not None
        }
        for name, each in limits.channels.items()
    }
    return own, channels
