"""ComfyUI's web page as somebody uses it: what they press, what they see, and what it said to its server."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Locator, Page, WebSocket

SECONDS = 60.0
"""For whatever a page or a machine does: generous, since both share two cores with other suites."""
STARTED = "() => window.app?.vueAppReady && window.app.graph && window.app.api.socket?.readyState === WebSocket.OPEN"
AT_REST = (
    "() => { const view = JSON.stringify([window.app.canvas.ds.scale, window.app.canvas.ds.offset]);"
    " const rests = view === window.lastView; window.lastView = view; return rests; }"
)

#: What the page says on the console at every first visit, also before a plain ComfyUI (0.33.0 was tried): (text, address of
#: what failed). It asks for style sheets and files that nobody has stored, for its maker's news, and for its progress icons at
#: the root of the host, wherever it is itself.
USUAL = (
    (r"Refused to apply style from '[^']*/user\.css'", r""),
    (r"status of 404", r"^https?://[^/]+/assets/(images/favicon_progress_16x16/frame_\d+\.png|favicon\.ico)$"),
    (r"status of 404", r"/user\.css$"),
    (r"status of 404", r"/api/userdata/comfy\.templates\.json$"),
    (r"status of 404", r"/api/userdata\?dir=(workflows|subgraphs)&"),
    (r"ERR_NAME_NOT_RESOLVED", r"^https://"),
)


class ComfyPage:
    """One tab. `frames` keeps every text frame of its event socket as (type, data), `calls` every request as (method, path)."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[tuple[str, Any]] = []
        self.sockets: list[WebSocket] = []
        self.calls: list[tuple[str, str]] = []
        self.answers: list[tuple[int, str]] = []
        self._complaints: list[tuple[str, str]] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self._complaints.append((str(error), page.url)))
        page.on("websocket", self._connected)
        page.on("request", lambda request: self.calls.append((request.method, request.url)))
        page.on("response", lambda response: self.answers.append((response.status, response.url)))

    def open(self, address: str) -> ComfyPage:
        """Goes there and waits until the page has what it asks for at its start."""
        with self.page.expect_response(re.compile("/api/settings$"), timeout=SECONDS * 1000) as settings:
            self.page.goto(address)
        self.page.wait_for_function(STARTED, timeout=SECONDS * 1000)
        if "Comfy.TutorialCompleted" not in settings.value.json():
            self._close_templates()
        return self

    def _close_templates(self) -> None:
        """The first visit of all opens a dialog over everything else."""
        dialog = self.page.get_by_test_id("dialog-overlay")
        dialog.wait_for(timeout=SECONDS * 1000)
        self.page.keyboard.press("Escape")
        dialog.wait_for(state="hidden")

    def load(self, graph: dict[str, Any], name: str = "lighthouse") -> None:
        """Opens a workflow in ComfyUI's API form, as dropping such a file on the page does, and shows the whole of it."""
        self.page.evaluate("([graph, name]) => window.app.loadApiJson(graph, name)", [graph, name])
        self.page.evaluate("() => window.app.extensionManager.command.execute('Comfy.Canvas.FitView')")

    def press_run(self) -> None:
        self.page.get_by_test_id("queue-button").click()

    def press_cancel(self) -> None:
        self.page.get_by_role("button", name="Cancel current run").click()

    def jobs(self) -> Locator:
        """The rows of the job panel, which is opened for it."""
        rows = self.page.get_by_test_id("job-assets-list")
        if not rows.is_visible():
            self.page.get_by_test_id("queue-overlay-toggle").click()
            rows.wait_for()
        return rows

    def thumbnail(self) -> int:
        """The width of the first picture in the job panel, in pixels; 0 as long as it is not there."""
        width: int = self.jobs().evaluate("rows => rows.querySelector('img')?.naturalWidth ?? 0")
        return width

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Waits for a condition of this side of the browser and gives its value; AssertionError at the deadline."""
        deadline = time.monotonic() + SECONDS
        while not (value := condition()):
            assert time.monotonic() < deadline, f"{what} did not happen. The page says: {self._complaints}"
            self.page.wait_for_timeout(50)
        return value

    def until_heard(self, event: str, after: int = 0) -> Any:
        """Waits for a frame of that type, the frames before index `after` not counting; its data."""
        (_, data), *_ = self.until(lambda: [frame for frame in self.frames[after:] if frame[0] == event], event)
        return data

    def is_connected(self) -> bool:
        """Whether its event socket is open now."""
        return bool(self.page.evaluate("() => window.app.api.socket?.readyState === WebSocket.OPEN"))

    def picture_of(self, node: int) -> Callable[[], list[int] | None]:
        """A condition: the node shows a loaded picture; its width and height in pixels."""
        script = (
            "node => { const shown = window.app.graph.getNodeById(node)?.imgs?.at(-1);"
            " return shown?.complete && shown.naturalWidth ? [shown.naturalWidth, shown.naturalHeight] : null; }"
        )
        return lambda: self.page.evaluate(script, node)

    def asked(self, method: str, path: str) -> int:
        """How often the page has called a route so far."""
        return sum(called == method and path in url for called, url in self.calls)

    def complaints(self) -> list[tuple[str, str]]:
        """Errors on the console that are not the usual ones."""
        return [said for said in self._complaints if not any(_matches(usual, said) for usual in USUAL)]

    def forgive(self) -> None:
        """Forgets the errors so far: a test brought them about."""
        self._complaints.clear()

    def screenshot(self, file: Path) -> None:
        """Takes a picture once nothing glides over the canvas any more."""
        self.page.wait_for_function(AT_REST, polling=300)
        file.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=file)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._complaints.append((message.text, message.location.get("url", "")))

    def _connected(self, socket: WebSocket) -> None:
        self.sockets.append(socket)
        socket.on("framereceived", self._received)

    def _received(self, frame: str | bytes) -> None:
        if isinstance(frame, str):
            message = json.loads(frame)
            self.frames.append((message["type"], message["data"]))


def _matches(usual: tuple[str, str], said: tuple[str, str]) -> bool:
    return bool(re.search(usual[0], said[0]) and re.search(usual[1], said[1]))
