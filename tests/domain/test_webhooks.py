"""Webhooks: what can be subscribed to, what changes, and what is gone."""

from datetime import UTC, datetime, timedelta

import pytest

from domain import errors, webhooks
from domain.webhooks import (
    BACK_OFFICE,
    CARDS,
    EVENT_TYPES,
    STABLECOIN,
    Webhook,
    WebhookCreated,
    WebhookDeleted,
)

AT = datetime(2025, 10, 20, 15, 30, tzinfo=UTC)
CREATED = WebhookCreated("webhook-7", BACK_OFFICE, "https://a.example", ("account.created",), "sealed", AT)


def webhook() -> Webhook:
    return webhooks.evolve(None, CREATED)


def test_a_new_webhook_is_active() -> None:
    assert webhook() == Webhook(
        "webhook-7", BACK_OFFICE, "https://a.example", ("account.created",), "sealed", AT, AT
    )


def test_an_update_changes_what_is_given_and_keeps_the_rest() -> None:
    later = AT + timedelta(hours=1)
    changed = webhooks.evolve(webhook(), webhooks.update(webhook(), later, active=False))
    assert (changed.url, changed.events, changed.secret) == (
        "https://a.example",
        ("account.created",),
        "sealed",
    )
    assert (changed.is_active, changed.created_at, changed.updated_at) == (False, AT, later)
    moved = webhooks.evolve(
        changed, webhooks.update(changed, later, url="https://b.example", events=("user.*",), secret="other")
    )
    assert (moved.url, moved.events, moved.secret) == ("https://b.example", ("user.*",), "other")
    assert not moved.is_active


def test_one_that_is_gone_or_anothers_is_not_found() -> None:
    gone = webhooks.evolve(webhook(), WebhookDeleted())
    for candidate, surface in ((None, BACK_OFFICE), (gone, BACK_OFFICE), (webhook(), CARDS)):
        with pytest.raises(errors.WebhookNotFound):
            webhooks.require(candidate, "webhook-7", surface)
    assert webhooks.require(webhook(), "webhook-7", BACK_OFFICE) == webhook()


@pytest.mark.parametrize("number", [0, 7, 2**53 - 1])
def test_a_number_and_its_id_go_together(number: int) -> None:
    assert webhooks.number_of(webhooks.webhook_id(number)) == number


@pytest.mark.parametrize(
    "identifier",
    ["", "7", "webhook-", "webhook-07", "webhook--7", "webhook-x", "webhook-７", "webhook-" + "9" * 17],
)
def test_what_is_no_id_is_none(identifier: str) -> None:
    assert webhooks.number_of(identifier) is None


def test_a_family_stands_for_its_events_and_a_name_for_itself() -> None:
    assert webhooks.expanded(BACK_OFFICE, ["user.*", "account.closed", "user.created"]) == [
        "user.created",
        "user.updated",
        "account.closed",
    ]
    assert len(webhooks.expanded(BACK_OFFICE, ["transfer.*"])) == 7


def test_only_a_surfaces_own_events_are_known() -> None:
    for surface in (CARDS, BACK_OFFICE, STABLECOIN):
        assert all(webhooks.knows(surface, event) for event in EVENT_TYPES[surface])
        assert not webhooks.knows(surface, "nonsense")
    assert webhooks.knows(BACK_OFFICE, "transfer.*")
    assert not webhooks.knows(BACK_OFFICE, "*")
    assert not webhooks.knows(CARDS, "transfer.*")
    assert not webhooks.knows(CARDS, "transfer.created")
