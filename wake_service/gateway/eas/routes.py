"""The addresses of the queue-service style calls. What ComfyUI has as well answers here too, so that a client needs one base."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route, WebSocketRoute

from wake_service.gateway import queue, uploads, view
from wake_service.gateway.eas import results, submitting, subscription

routes: list[BaseRoute] = [
    Route("/eas/prompt", submitting.prompt, methods=["POST"]),
    Route("/eas/prompt/{prompt_id}", submitting.look, methods=["GET"]),
    Route("/eas/api_prompt", submitting.api_prompt, methods=["POST"]),
    Route("/eas/results", results.take, methods=["GET"]),
    Route("/eas/results/{delivery_id}/ack", results.acknowledge, methods=["POST"]),
    WebSocketRoute("/eas/subscribe", subscription.subscribe),
    Route("/eas/history/{prompt_id}", queue.one_history, methods=["GET"]),
    Route("/eas/view", view.view, methods=["GET", "HEAD"]),
    Route("/eas/upload/image", uploads.image, methods=["POST"]),
    Route("/eas/upload/mask", uploads.mask, methods=["POST"]),
]
