"""Files that only their owner can read, written whole or not at all."""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Writes a text; the old or the new one is on disk at any moment. Raises OSError.

    Mode 0600. On Windows the user's own data folder is what keeps others out.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
