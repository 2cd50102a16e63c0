"""Node packs bring scripts that run in the page. What a hostile one can take is what its link may do anyway, and no more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .comfy_page import ComfyPage
from .studio import Studio

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


def test_a_hostile_script_gets_nothing_beyond_its_token(studio: Studio, new_page: NewPage) -> None:
    page = new_page()
    with stranger() as elsewhere:
        page.page.add_init_script(f"window.targets = {{service: {studio.service.endpoint!r}, elsewhere: {elsewhere!r}}}")
        page.open(studio.link())
        loot = page.until(lambda: page.page.evaluate("() => window.loot"), "the end of the robbery")
    page.forgive()
    assert loot == {
        "cookies": "",
        "the service's own face": "refused",
        "the same blindly": "",
        "the gateway without a token": 401,
        "a prompt without a token": 401,
        "another token": 401,
        "a worker that outlives the page": "refused",
        "lines of the engine's log": 0,
        "folders of the engine": {},
    }
    assert Stranger.heard
    assert not any("/t/" in str(headers) for headers in Stranger.heard), "its address travelled as a referrer"
