"""One running sandbox for the surfaces' tests; each test that asks for it starts from the fixtures."""

from collections.abc import Iterator

import httpx
import pytest

from tests.api.card_requests import CARDS_CLOCK, CARDS_SCOPES
from tests.sandbox_service import SandboxService, sandbox_service


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxService]:
    """A sandbox that no test may stop; what it holds is whatever the tests before left."""
    with sandbox_service(tmp_path_factory.mktemp("sandbox"), "--rate-limits", "off") as service:
        yield service


@pytest.fixture
def sandbox(running_sandbox: SandboxService) -> SandboxService:
    """The running sandbox with nothing but its fixtures. Its clock may have been moved on."""
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def demo(sandbox: SandboxService) -> Iterator[httpx.Client]:
    """A client that speaks for `user_demo`."""
    with sandbox.user() as client:
        yield client


@pytest.fixture
def other(sandbox: SandboxService) -> Iterator[httpx.Client]:
    """A client that speaks for `user_other`."""
    with sandbox.user("user_other") as client:
        yield client


@pytest.fixture(scope="session")
def running_card_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxService]:
    """A sandbox whose clock started in the days of the cards document's examples."""
    folder = tmp_path_factory.mktemp("card-sandbox")
    with sandbox_service(folder, "--rate-limits", "off", clock=CARDS_CLOCK) as service:
        yield service


@pytest.fixture
def caller(running_card_sandbox: SandboxService) -> Iterator[httpx.Client]:
    """A client of that sandbox that may do everything on the cards surface, for what is refused anyway."""
    with running_card_sandbox.user("admin-user", scope=CARDS_SCOPES) as client:
        yield client


@pytest.fixture
def card_sandbox(running_card_sandbox: SandboxService) -> SandboxService:
    """That sandbox with nothing but its fixtures. Its clock may have been moved on, by weeks at most."""
    running_card_sandbox.reset()
    return running_card_sandbox


@pytest.fixture
def centre(card_sandbox: SandboxService) -> Iterator[httpx.Client]:
    """A client that may do everything on the cards surface, and read the ledger."""
    with card_sandbox.user("admin-user", scope=f"{CARDS_SCOPES} audit.read") as client:
        yield client
