"""A headless Chromium of the system, and a sandbox to look at."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.sandbox_service import SandboxService, sandbox_service

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
# It speaks to nobody but the sandbox.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# No longer than its module: while it runs, no test beside it could run an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxService]:
    with sandbox_service(tmp_path_factory.mktemp("sandbox"), "--rate-limits", "documented") as service:
        yield service


@pytest.fixture
def sandbox(running_sandbox: SandboxService) -> SandboxService:
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A browser window that nobody has used, in which no page may complain."""
    context = browser.new_context(java_script_enabled=False, service_workers="block")
    page = context.new_page()
    page.set_default_timeout(20_000)
    try:
        yield page
    finally:
        context.close()
