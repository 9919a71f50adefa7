"""One running sandbox for the client's tests; each test that asks for it starts from the fixtures."""

from collections.abc import Iterator

import pytest

from tests.sandbox_service import SandboxService, sandbox_service


@pytest.fixture(scope="session")
def running_bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxService]:
    with sandbox_service(tmp_path_factory.mktemp("bank"), "--rate-limits", "off") as service:
        yield service


@pytest.fixture
def bank(running_bank: SandboxService) -> SandboxService:
    """The running sandbox with nothing but its fixtures. Its clock may have been moved on."""
    running_bank.reset()
    return running_bank
