"""Transparency masks with pixels of their own, made before they belong to a document.

Before 5.3 Krita's scripts can create such a mask but not write it; one that comes out of a file can be written in every Krita.
So a file of a few hundred bytes with an empty mask is made and opened off screen, once; its mask serves as the pattern.
"""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

from krita import Krita, Node

from ..i18n import tr

_NODES = """<?xml version="1.0" encoding="UTF-8"?>
<DOC xmlns="http://www.calligra.org/DTD/krita" editor="Krita" syntaxVersion="2.0">
 <IMAGE name="mask" mime="application/x-kra" width="8" height="8" x-res="72" y-res="72" colorspacename="RGBA" description="">
  <layers>
   <layer nodetype="paintlayer" name="layer" filename="layer1" colorspacename="RGBA" opacity="255" visible="1">
    <masks><mask nodetype="transparencymask" name="mask" filename="mask1" visible="1"/></masks>
   </layer>
  </layers>
 </IMAGE>
</DOC>
"""
_PIXELS = "VERSION 2\nTILEWIDTH 64\nTILEHEIGHT 64\nPIXELSIZE {}\nDATA 0\n"
SHOWN = b"\xff"


class MaskPattern:
    """One mask that others are copied from."""

    def __init__(self) -> None:
        self._pattern: Node | None = None

    def mask(self, name: str) -> Node | None:
        """A new mask that belongs to no layer yet and hides nothing; None where Krita does not give one."""
        if self._pattern is None:
            self._pattern = _from_file()
        if self._pattern is None:
            return None
        mask = self._pattern.clone()
        mask.setName(name)
        return mask


def default_name() -> str:
    """What the mask of a result is called."""
    return tr("Selected part")


def _from_file() -> Node | None:
    with tempfile.TemporaryDirectory(prefix="wakebrush-") as folder:
        path = Path(folder) / "mask.kra"
        _write(path)
        document = Krita.instance().openDocument(str(path))
        if document is None:
            return None
        found = document.nodeByName("mask")
        pattern = None if found is None else found.clone()
        document.setModified(False)
        document.close()
        return pattern


def _write(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/x-krita")
        archive.writestr("maindoc.xml", _NODES)
        archive.writestr("mask/layers/layer1", _PIXELS.format(4))
        archive.writestr("mask/layers/layer1.defaultpixel", bytes(4))
        archive.writestr("mask/layers/mask1.pixelselection", _PIXELS.format(1))
        archive.writestr("mask/layers/mask1.pixelselection.defaultpixel", SHOWN)
