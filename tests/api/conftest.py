"""One running sandbox for the surfaces' tests; each test that asks for it starts from the fixtures."""

from collections.abc import Iterator

import httpx
import pytest

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
