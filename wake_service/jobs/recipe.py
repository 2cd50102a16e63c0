"""From an artist's job to the engine's graph: uploads what it needs, and builds what to send."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wake_service.blobs.base import BlobStore
from wake_service.comfy import graph
from wake_service.comfy.catalogue import Catalogue
from wake_service.comfy.client import EngineClient
from wake_service.comfy.request import PictureRequest, Style
from wake_service.comfy.styles import needed_models
from wake_service.comfy.workflow import Workflow
from wake_service.errors import SetupError
from wake_service.jobs.model import Job, JobError, JobRequest


class Unbuildable(Exception):
    """No graph can be made of this job; says why, for the artist."""

    def __init__(self, error: JobError) -> None:
        super().__init__(error.message)
        self.error = error


def models_of(request: JobRequest, style: Style) -> list[tuple[str, str]]:
    """The files that a picture needs, as (folder, name), given the style that it is based on."""
    filler = [("inpaint", request.fill_model)] if request.fill_model else []
    return needed_models(request.own(style)) + filler


class Recipes:
    """Makes graphs for one engine; what was uploaded to it once is not uploaded again.

    `delivered` are pictures that were given to it while it booted, by checksum.
    """

    def __init__(
        self,
        client: EngineClient,
        blobs: BlobStore,
        style: Callable[[str], Style | None],
        catalogue: Callable[[], Catalogue | None],
        delivered: Mapping[str, str] | None = None,
    ) -> None:
        self._client = client
        self._blobs = blobs
        self._style = style
        self._catalogue = catalogue
        self._uploaded: dict[str, str] = dict(delivered or {})
        self._delivered = set(self._uploaded)

    async def make(self, job: Job, n: int, *, frugal: bool = False) -> Workflow:
        """The graph of picture `n`, `frugal`ly: with less memory. Raises Unbuildable, EngineError or StorageError."""
        request = job.painting
        style = self._style(request.style)
        if style is None:
            raise Unbuildable(
                JobError("unknown_style", f"The style “{request.style}” does not exist any more.", "Choose another style.")
            )
        picture = PictureRequest(
            mode=request.mode,
            style=request.own(style),
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            width=request.width,
            height=request.height,
            seed=(request.seed + n) % 2**64,
            strength=request.strength,
            image=await self._upload(request.image),
            mask=await self._upload(request.mask),
            filename_prefix=f"wakebrush/{job.id}-{n}",
            first_pass=request.first_pass,
            fill_model=request.fill_model,
            frugal=frugal,
        )
        try:
            return graph.build(picture, self._catalogue())
        except SetupError as error:
            hint = "Choose another style, or tell your admin."
            raise Unbuildable(JobError("graph_refused", str(error), hint)) from error

    def distrust(self) -> bool:
        """The engine refused a graph: what was delivered while it booted is uploaded from now on. Whether there was any."""
        for sha256 in self._delivered:
            self._uploaded.pop(sha256, None)
        there_was = bool(self._delivered)
        self._delivered.clear()
        return there_was

    async def _upload(self, sha256: str | None) -> str | None:
        if sha256 is None:
            return None
        if sha256 not in self._uploaded:
            self._uploaded[sha256] = await self._client.upload_image(f"{sha256}.png", await self._blobs.get(sha256))
        return self._uploaded[sha256]
