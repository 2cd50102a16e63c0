"""Node packs bring scripts that run in the page. What a hostile one can take is what its link may do anyway, and no more."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from .comfy_page import ComfyPage
from .studio import Studio

HOSTILE = Path(__file__).parent / "hostile.js"
NewPage = Callable[[], ComfyPage]


class Stranger(BaseHTTPRequestHandler):
    """Another site. It keeps the headers of everybody who comes."""

    heard: list[dict[str, str]] = []

    def do_GET(self) -> None:
        self.heard.append(dict(self.headers))
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Quiet."""


@contextmanager
def stranger() -> Iterator[str]:
    Stranger.heard = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def infected(front_end: Path, tmp_path: Path) -> Path:
    """The web page's files with the hostile script among its extensions."""
    root = tmp_path / "front_end"
    shutil.copytree(front_end, root)
    (root / "extensions" / "hostile").mkdir()
    shutil.copy(HOSTILE, root / "extensions" / "hostile")
    return root


def test_a_hostile_script_gets_nothing_beyond_its_token(
    own_studio: Callable[..., Studio], infected: Path, new_page: NewPage
) -> None:
    studio = own_studio(front_end=infected)
    with studio.service.artist() as artist, stranger() as elsewhere:
        artist.generate("a secret of the docker")
        page = new_page()
        page.page.add_init_script(f"window.targets = {{service: {studio.service.endpoint!r}, elsewhere: {elsewhere!r}}}")
        page.open(studio.link())
        loot = page.until(lambda: page.page.evaluate("() => window.loot"), "the end of the robbery")
    page.forgive()
    assert loot == {
        "cookies": "",
        "service": "refused by the browser",
        "service blindly": "no answer to read",
        "another address": 401,
        "without a token": 401,
        "another token": 401,
        "service worker": "refused",
        "engine's own log": [],
    }
    assert Stranger.heard
    assert not any("/t/" in str(headers) for headers in Stranger.heard), "its address travelled as a referrer"
