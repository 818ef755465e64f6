"""The system's Chromium, without a window, and a reviewer's hands on its keyboard."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SCREEN = {"width": 1366, "height": 768}


def executable() -> str:
    """The browser of this machine; without one the test is skipped, and fails where everything is required."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        if os.environ.get("CORPUSGEN_REQUIRE_ALL"):
            pytest.fail("Chromium is not installed")
        pytest.skip("Chromium is not installed")
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    path = executable()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


class Desk:
    """Somebody at a screen of their own, signed in."""

    def __init__(self, browser: Browser, url: str, username: str, password: str, pictures: Path | None = None) -> None:
        self.url = url
        self.pictures = pictures
        self.page: Page = browser.new_context(viewport=SCREEN).new_page()  # type: ignore[arg-type]  # a plain dict of the two sizes
        self.page.goto(f"{url}/sign-in")
        self.page.locator("input").nth(0).fill(username)
        self.page.locator("input[type=password]").fill(password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda found: "sign-in" not in found)

    def open(self, address: str) -> None:
        """Opens a portion and waits for its first record."""
        self.page.goto(address)
        self.page.locator(".text_field_component").first.wait_for()
        self.page.locator("input#mode_as_it_should, input#harmful_no").first.wait_for(state="attached")
        # the page takes keys once its first question has the focus
        self.page.wait_for_function("document.activeElement && document.activeElement.tagName === 'INPUT'")

    def field(self, title: str) -> str:
        """The text of a field as it is shown."""
        box = self.page.locator(".text_field_component", has=self.page.get_by_text(title, exact=True))
        return box.locator(".content-area").inner_text().strip()

    def press(self, *keys: str) -> None:
        """Presses keys one by one, as a person does; what begins with a quotation mark is typed."""
        for key in keys:
            if key.startswith('"'):
                self.page.keyboard.insert_text(key[1:])
            else:
                self.page.keyboard.press(key)
            self.page.wait_for_timeout(120)

    def submit(self) -> None:
        """Submits by keyboard, and waits for the next record, or the end of the portion."""
        before = self.shown()
        self.press("Enter")
        self.page.wait_for_function(
            "before => (document.querySelector('.fields')?.innerText || '') !== before", arg=before
        )
        self.page.wait_for_timeout(300)

    def shown(self) -> str:
        """All fields of the record in view."""
        return str(self.page.evaluate("document.querySelector('.fields')?.innerText || ''"))

    def picture(self, name: str) -> None:
        """Keeps a picture of the screen, for people to look at."""
        if self.pictures is not None:
            self.page.screenshot(path=self.pictures / f"{name}.png")
