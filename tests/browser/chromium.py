"""Debian's Chromium, driven by Playwright: nothing is downloaded, and nothing outside this computer is reached."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

#: Other names than these do not exist: a page that calls its maker hears at once that nobody answers.
LOCAL_ONLY = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window. AssertionError when the computer has none: these tests mean nothing without it."""
    program = shutil.which("chromium")
    assert program, "There is no `chromium` here. `.ci/bootstrap test` installs it."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--disable-gpu", LOCAL_ONLY])
        try:
            yield browser
        finally:
            browser.close()
