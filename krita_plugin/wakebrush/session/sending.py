"""The way out: a captured region becomes an entry on disk, then a job at the service. For worker threads."""

from __future__ import annotations

import time

from ..canvas.base import Canvas, Capture
from ..client.errors import Problem
from ..client.model import Job, Price
from ..client.service import Service
from ..journal import Entry, Journal
from .pictures import checksum, encode
from .request import PaintRequest, body


def write_down(canvas: Canvas, journal: Journal, capture: Capture, request: PaintRequest, key: str) -> Entry:
    """Makes the pictures and puts everything on disk. Raises OSError."""
    finished = canvas.finish(capture)
    kept = {"alpha": finished.alpha, "opacity": finished.opacity}
    files = {role: encode(image) for role, image in kept.items() if image is not None}
    uploads = {}
    for role, image, needed in (("image", finished.image, request.need_image), ("mask", finished.mask, request.need_mask)):
        if needed and image is not None:
            files[role] = encode(image)
            uploads[role] = checksum(files[role])
    area = capture.plan.area
    entry = Entry(
        key=key,
        document_id=capture.document_id,
        document_path=capture.document_path,
        area=(area.x, area.y, area.width, area.height),
        name=request.name,
        request=body(request, capture.plan, uploads, reference=key),
        created_at=time.time(),
        uploads=uploads,
    )
    journal.write(entry, files)
    return entry


def send(service: Service, journal: Journal, entry: Entry) -> tuple[Entry, Job, Price]:
    """Uploads what the service does not have and asks for the job. Safe to repeat. Raises ServiceError, OSError."""
    _upload(service, journal, entry)
    try:
        job, price = service.generate(entry.request, entry.key)
    except Problem as problem:
        if problem.code != "blob_missing":
            raise
        _upload(service, journal, entry)  # it was swept between the two calls
        job, price = service.generate(entry.request, entry.key)
    return journal.update(entry, job_id=job.id), job, price


def _upload(service: Service, journal: Journal, entry: Entry) -> None:
    for role, sha256 in entry.uploads.items():
        content = journal.picture(entry.key, role)
        if content is None:
            raise FileNotFoundError(f"{role} of {entry.key}")
        service.upload(sha256, content)
