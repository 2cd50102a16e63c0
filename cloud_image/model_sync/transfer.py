"""One model on its way: it goes on where it broke off, is checked while it is written, and gets its name when it is whole."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from cloud_image.errors import ModelError

from .plan import Remote
from .rate import Rate
from .source import CHUNK_BYTES, ModelChanged, Source
from .tier import Tier

#: Seconds before the next try of a read that broke; one that got further begins anew with the first.
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)


class Transfer:
    """Brings models from a source to a tier. One of these may bring several at once, in threads."""

    def __init__(self, source: Source, tier: Tier, rate: Rate, sleep: Callable[[float], None] = time.sleep) -> None:
        self._source = source
        self._tier = tier
        self._rate = rate
        self._sleep = sleep

    def bring(self, model: Remote) -> None:
        """Returns when the model is here under its name. Raises ModelError; what has arrived waits for the next try, unless
        it is wrong or the disk is full."""
        part = self._tier.part(model)
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            sha256 = self._fill(part, model)
            self._tier.take_in(model, sha256)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                part.unlink(missing_ok=True)
                raise ModelError(f"{model.name} is not brought: the models' disk is full.") from error
            raise ModelError(f"{model.name} is not brought: the models' disk says “{error.strerror}”.") from error

    def _fill(self, part: Path, model: Remote) -> str:
        """The part with all its bytes on the disk; their checksum."""
        with part.open("ab+") as file:
            digest = _digest_of(file)
            pauses = iter(PAUSES)
            while (before := file.tell()) < model.size:
                try:
                    self._read(file, digest, model)
                except ModelChanged:
                    part.unlink(missing_ok=True)
                    raise
                except ModelError as error:
                    pauses = iter(PAUSES) if file.tell() > before else pauses
                    pause = next(pauses, None)
                    if not error.passing or pause is None:
                        raise
                    self._sleep(pause)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        sha256: str = digest.hexdigest()
        if size != model.size or (model.sha256 and sha256 != model.sha256):
            part.unlink()
            raise ModelError(
                f"{model.name} is not brought: what arrived is not what was added (checksum {sha256[:12]}…, not "
                f"{model.sha256[:12]}…). It is changed at its source or on the way; add it again if this repeats."
            )
        return sha256

    def _read(self, file: IO[bytes], digest: hashlib._Hash, model: Remote) -> None:
        for chunk in self._source.read(model, file.tell()):
            self._rate.take(len(chunk))
            file.write(chunk)
            digest.update(chunk)
            if file.tell() > model.size:
                return
        if file.tell() < model.size:
            raise ModelError(f"{model.name} broke off after {file.tell():,} of {model.size:,} bytes.", passing=True)


def _digest_of(file: IO[bytes]) -> hashlib._Hash:
    """The checksum so far of what is there already; the file is at its end then."""
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest
