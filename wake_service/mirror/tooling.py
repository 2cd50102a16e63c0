"""The tooling node pack that a widely used Krita plugin needs: what it says of models can be kept (`/api/etn/…`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

#: Its routes, and what stands before them on an engine, where they answer with that only.
ROUTES, PREFIX = "/etn/", "/api"
LANGUAGES = "/etn/languages"
#: The folders whose models it looks into for its clients.
FOLDERS = ("checkpoints", "diffusion_models", "unet_gguf")
_META = "_meta"
#: Models in one answer: it reads the header of each.
_PART = 8


def model_info_path(folder: str) -> str:
    """Where all that it says of a folder is kept."""
    return f"/etn/model_info/{folder}"


async def read_model_info(folder: str, ask: Callable[[str], Awaitable[Any]]) -> dict[str, Any] | None:
    """All that it says of the models in a folder, asked for in parts; None where it says nothing."""
    info: dict[str, Any] = {}
    offset, total = 0, 1
    while offset < total:
        part = await ask(f"{model_info_path(folder)}?offset={offset}&limit={_PART}")
        if not isinstance(part, dict) or "error" in part:
            return None
        meta = part.pop(_META, None)
        info |= part
        if not isinstance(meta, dict) or not isinstance(meta.get("total"), int):
            break  # an old one, which tells all at once
        offset, total = offset + _PART, meta["total"]
    return info


def model_info_part(info: Mapping[str, Any], offset: int, limit: int | None) -> dict[str, Any]:
    """Its answer about some of the models, as it gives it: with `_meta` if there is a limit."""
    names = list(info)[offset : None if limit is None else offset + limit]
    part = {name: info[name] for name in names}
    return part if limit is None else {**part, _META: {"offset": offset, "count": len(names), "total": len(info)}}
