"""The practice engine: ComfyUI's protocol, answered by sketches instead of AI.

A server of its own. It imports nothing of the wake service, and the wake service talks to it only over HTTP and
WebSocket, exactly as to a real ComfyUI. Start it with `python -m wake_service.practice_engine --help`.
"""

from __future__ import annotations

NAME = "Practice mode: sketches, no AI"
VERSION = "0.1.0"
