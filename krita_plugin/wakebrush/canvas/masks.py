"""Transparency masks with pixels of their own, made before they belong to a document. They hide everything at first.

From 5.2 on Krita's scripts can make one. In 5.1 what they make cannot be written, but what comes out of a file can: so a file
of a few hundred bytes with such a mask is opened off screen, once (half a second), and its mask serves as the pattern.
"""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

from krita import Document, Krita, Node

from ..i18n import tr

_NODES = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE DOC PUBLIC '-//KDE//DTD krita 2.0//EN' 'http://www.calligra.org/DTD/krita-2.0.dtd'>
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
HIDDEN = b"\0"


class Masks:
    """Makes masks; one is enough for all documents."""

    def __init__(self) -> None:
        self._pattern: Node | None = None

    def new(self, document: Document) -> Node | None:
        """A mask for a layer that is not in the document yet; None where Krita gives none."""
        name = tr("Selected part")
        if hasattr(document, "createTransparencyMask"):
            return document.createTransparencyMask(name)
        if self._pattern is None:
            self._pattern = _from_file()
        if self._pattern is None:
            return None
        mask = self._pattern.clone()
        mask.setName(name)
        return mask


def _from_file() -> Node | None:
    with tempfile.TemporaryDirectory(prefix="wakebrush-") as folder:
        path = Path(folder) / "mask.kra"
        _write(path)
        document = _quietly_opened(path)
        if document is None:
            return None
        found = document.nodeByName("mask")
        pattern = None if found is None else found.clone()
        document.setModified(False)
        document.close()
        return pattern


def _quietly_opened(path: Path) -> Document | None:
    """Without a word about what the file lacks, such as a colour profile."""
    krita = Krita.instance()
    before = krita.batchmode()
    krita.setBatchmode(True)
    try:
        return krita.openDocument(str(path))
    finally:
        krita.setBatchmode(before)


def _write(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/x-krita")
        archive.writestr("maindoc.xml", _NODES)
        archive.writestr("mask/layers/layer1", _PIXELS.format(4))
        archive.writestr("mask/layers/layer1.defaultpixel", bytes(4))
        archive.writestr("mask/layers/mask1.pixelselection", _PIXELS.format(1))
        archive.writestr("mask/layers/mask1.pixelselection.defaultpixel", HIDDEN)
