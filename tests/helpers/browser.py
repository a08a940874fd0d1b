"""A headless Chromium for tests of pages."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CONTRAST = Path(__file__).with_name("contrast.js")
OPTIONS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
MISSING = "Chromium is missing, which tests of the report need (Debian: apt-get install chromium)."


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium; without one the test fails in CI and is skipped elsewhere."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, headless=True, args=list(OPTIONS)
        )
        yield browser
        browser.close()


def low_contrast(page: Page, least: float) -> tuple[list[tuple[str, float]], int]:
    """The texts of a page whose contrast ratio is below `least`, and how many were looked at."""
    found = page.evaluate(CONTRAST.read_text(encoding="utf-8"), least)
    return found["low"], found["count"]
