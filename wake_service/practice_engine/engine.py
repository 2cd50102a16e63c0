"""The engine's parts, built once and handed to the routes."""

from __future__ import annotations

import itertools
import os
import platform
import sys
from typing import Any

from . import NAME, VERSION
from .catalogue import Catalogue
from .execution import Executor
from .folders import Folders
from .logs import LogPage
from .nodes import RUNNERS
from .options import Options
from .pack import nodes as pack_nodes
from .page import Page
from .prompts import PromptQueue
from .sockets import SocketHub
from .validation import Validator

MAX_UPLOAD = 104_857_600
"""Bytes of the largest body, ComfyUI's default of 100 MiB."""
FEATURES = {"supports_preview_metadata": True, "max_upload_size": MAX_UPLOAD, "node_replacements": True, "assets": False}


class Engine:
    """Queue, worker, clients, catalogue and folders of one running engine. To be made inside the event loop."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.folders = Folders(options.directory)
        self.catalogue = Catalogue(self.folders.input_images, pack_nodes.NODES if options.pack else {})
        self.validator = Validator(self.catalogue, self.folders)
        self.hub = SocketHub(FEATURES)
        self.queue = PromptQueue(lambda remaining: self.hub.post(queue_status(remaining), None))
        runners = RUNNERS | (pack_nodes.RUNNERS if options.pack else {})
        self.executor = Executor(options, self.queue, self.hub, self.catalogue, self.folders, runners)
        self.page = Page(options)
        self.logs = LogPage(self.hub)
        self.numbers = itertools.count()

    def greeting(self, client: str) -> list[dict[str, Any]]:
        """What a client hears when it connects: its id, and the node that runs for it right now."""
        status = queue_status(self.queue.remaining())
        status["data"]["sid"] = client
        node = self.executor.node_of(client)
        return [status] if node is None else [status, {"type": "executing", "data": {"node": node}}]

    def system_stats(self) -> dict[str, Any]:
        """The answer of `/system_stats`; `system.practice` is how clients tell this engine from one with a GPU."""
        total, free = memory()
        device = {"name": NAME, "type": "cpu", "index": None, "vram_total": total, "vram_free": free}
        return {
            "system": {
                "practice": True,
                "name": NAME,
                "os": sys.platform,
                "ram_total": total,
                "ram_free": free,
                "comfyui_version": f"{VERSION}-practice",
                "required_frontend_version": None,
                "python_version": platform.python_version(),
                "pytorch_version": "none (practice mode)",
                "embedded_python": False,
                "comfy_package_versions": [],
                "deploy_environment": "practice",
                "argv": [],
            },
            "devices": [device | {"torch_vram_total": total, "torch_vram_free": free}],
        }


def queue_status(remaining: int) -> dict[str, Any]:
    """The message that says how many prompts are not yet finished."""
    return {"type": "status", "data": {"status": {"exec_info": {"queue_remaining": remaining}}}}


def memory() -> tuple[int, int]:
    """(total, available) bytes of this computer's memory."""
    page = os.sysconf("SC_PAGE_SIZE")
    return page * os.sysconf("SC_PHYS_PAGES"), page * os.sysconf("SC_AVPHYS_PAGES")
