"""Where pictures leave the graph: the output folder, the temp folder, the WebSocket."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

from PIL.PngImagePlugin import PngInfo

from ..frames import Preview
from ..pixels import Pixels, to_image
from .values import Result, Run


def save(run: Run, images: Pixels, filename_prefix: str = "ComfyUI") -> Result:
    """PNG files that carry the prompt, numbered on from what is there."""
    return _written(run, images, "output", filename_prefix, compress_level=4)


def preview(run: Run, images: Pixels) -> Result:
    """PNG files in the temp folder, whose name is this engine's own."""
    mark = f"{zlib.crc32(str(run.folders.root).encode()):08x}"
    return _written(run, images, "temp", f"ComfyUI_temp_{mark}", compress_level=1)


def send(run: Run, images: Pixels) -> Result:
    """PNG frames over the WebSocket, at full size."""
    for number, picture in enumerate(images):
        run.step(number, len(images), Preview.of(to_image(picture), "PNG"))
    return Result()


def _written(run: Run, images: Pixels, kind: str, prefix: str, compress_level: int) -> Result:
    height, width = images[0].shape[:2]
    prefix = prefix.replace("%width%", str(width)).replace("%height%", str(height))
    folder, subfolder, stem, counter = run.folders.next_free(kind, prefix)
    shown = []
    for number, picture in enumerate(images):
        name = f"{stem.replace('%batch_num%', str(number))}_{counter + number:05}_.png"
        to_image(picture).save(Path(folder, name), pnginfo=_metadata(run), compress_level=compress_level)
        shown.append({"filename": name, "subfolder": subfolder, "type": kind})
    return Result(shown={"images": shown})


def _metadata(run: Run) -> PngInfo:
    info = PngInfo()
    info.add_text("prompt", json.dumps(run.prompt))
    extra = run.extra_data.get("extra_pnginfo")
    for name, value in extra.items() if isinstance(extra, dict) else ():
        info.add_text(name, json.dumps(value))
    return info
