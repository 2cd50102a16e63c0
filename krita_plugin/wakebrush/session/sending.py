"""The way out: a captured region becomes entries on disk, then jobs at the service. For worker threads."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

from ..canvas.base import Canvas, Capture
from ..canvas.gray import gray_image
from ..canvas.plan import PaintPlan
from ..canvas.scene import Mask
from ..client.errors import Problem
from ..client.model import Job, Price
from ..client.service import Service
from ..journal import Entry, Journal
from ..qt import QImage
from . import recipe
from .again import SELECTION
from .encoder import Encoder, media_type
from .pictures import checksum
from .planned import Planned
from .request import Order, PaintRequest, body

#: The service keeps what was uploaded for 24 h; for so long it is not asked again, in seconds.
_KNOWN_SECONDS = 12 * 3600.0


@dataclass(frozen=True)
class Press:
    """One press of the button, as far as all its regions have it in common. `key`: its own, the `group` of its jobs."""

    key: str
    request: PaintRequest
    planned: Planned


@dataclass(frozen=True)
class Sheet:
    """What is written down for one order in a region: `key` of the job's entry."""

    key: str
    order: Order


class Outbox:
    """Remembers what was encoded and uploaded, so that an unchanged region costs neither time nor bytes.

    `write_down` belongs to one thread, `send` to another.
    """

    def __init__(self, canvas: Canvas, journal: Journal) -> None:
        self._canvas = canvas
        self._journal = journal
        self._encoder = Encoder()
        self._uploaded: dict[tuple[str, str], float] = {}

    def write_down(self, press: Press, capture: Capture, part: int, sheets: tuple[Sheet, ...]) -> tuple[Entry, ...]:
        """Makes the pictures of one region and puts everything on disk. Raises OSError."""
        finished = self._canvas.finish(capture)
        made = {"image": finished.image, "mask": finished.mask, "alpha": finished.alpha, "opacity": finished.opacity}
        lossy = frozenset({"image"} if is_context(capture.plan) else ())
        shape = _shape(press, capture)
        if shape is not None:
            made[SELECTION] = shape
        files = self._encoder.encode_all({role: image for role, image in made.items() if image is not None}, lossy)
        shape_file = files.pop(SELECTION, None)
        uploads: dict[str, str] = {role: checksum(files[role]) for role in ("image", "mask") if role in files}
        entries = tuple(_entry(press, capture, part, sheet, uploads) for sheet in sheets)
        for entry in entries:
            self._journal.write(entry, files)
            if shape_file is not None:
                with contextlib.suppress(OSError):  # without it Again selects the rectangle
                    self._journal.cache(entry.key, f"{SELECTION}.png", shape_file)
        return entries

    def send(self, service: Service, entry: Entry) -> tuple[Entry, Job, Price]:
        """Uploads what the service does not have and asks for the job. Safe to repeat. Raises ServiceError, OSError."""
        entry = self._journal.update(entry, service=entry.service)  # before anything leaves this computer
        self._upload(service, entry)
        try:
            job, price = service.generate(entry.request, entry.key)
        except Problem as problem:
            if problem.code != "blob_missing":
                raise
            self._forget(service, entry)  # it was swept meanwhile
            self._upload(service, entry)
            job, price = service.generate(entry.request, entry.key)
        return self._journal.update(entry, job_id=job.id), job, price

    def _upload(self, service: Service, entry: Entry) -> None:
        for role, sha256 in entry.uploads.items():
            place = (service.connection.endpoint, sha256)
            if time.monotonic() - self._uploaded.get(place, -_KNOWN_SECONDS) < _KNOWN_SECONDS:
                continue
            content = self._journal.picture(entry.key, role)
            if content is None:
                raise FileNotFoundError(f"{role} of {entry.key}")
            service.upload(sha256, content, media_type(content))
            self._uploaded[place] = time.monotonic()

    def _forget(self, service: Service, entry: Entry) -> None:
        for sha256 in entry.uploads.values():
            self._uploaded.pop((service.connection.endpoint, sha256), None)


def is_context(plan: PaintPlan) -> bool:
    """Whether the picture that is sent is only looked at: what is painted starts from nothing of it."""
    return plan.mode == "inpaint" and plan.strength >= 1


def _shape(press: Press, capture: Capture) -> QImage | None:
    """What is selected in the region; None where that is a rectangle, which the recipe knows."""
    selected, area = press.planned.selected, capture.region.area
    if capture.region.mask is not Mask.SELECTION or capture.selection is None or selected is None:
        return None
    values, alone = bytes(capture.selection), len(capture.plan.regions) == 1
    if alone and (not area.contains(selected) or values.count(255) == selected.width * selected.height):
        return None
    return gray_image(values, area.width, area.height)


def _entry(press: Press, capture: Capture, part: int, sheet: Sheet, uploads: dict[str, str]) -> Entry:
    plan, region, request = capture.plan, capture.region, press.request
    area = region.area
    sent = body(request, sheet.order, plan, region, uploads, reference=sheet.key, group=press.key)
    made = recipe.of_request(
        sent,
        press.planned.settings,
        prompt=request.prompt,
        negative=request.negative_prompt,
        selected=press.planned.selected,
        frame=capture.frame,
    )
    return Entry(
        key=sheet.key,
        document_id=capture.document_id,
        document_path=capture.document_path,
        area=(area.x, area.y, area.width, area.height),
        name=request.name,
        request=sent,
        created_at=time.time(),
        uploads=uploads,
        press=press.key,
        part=part,
        parts=len(plan.regions),
        offset=sheet.order.offset,
        region=recipe.region_body(region),
        placement=recipe.placement_body(press.planned.placement),
        recipe=recipe.values(made),
    )
