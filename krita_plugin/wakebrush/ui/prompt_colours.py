"""What is no ordinary word in a prompt is seen at a glance: comments fade, weights and LoRAs stand out."""

from __future__ import annotations

import re

from ..qt import QtGui, QtWidgets
from .theme import accent, faint

_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
_SIGNS = re.compile(r"<lora:[^<>]*>|(?<!\\)[(){}|]|:-?\d*\.?\d+(?=\))", re.IGNORECASE)


class PromptColours(QtGui.QSyntaxHighlighter):
    """Colours a prompt line by line, by the palette of its text field."""

    def __init__(self, edit: QtWidgets.QPlainTextEdit) -> None:
        super().__init__(edit.document())
        self._edit = edit

    def highlightBlock(self, text: str) -> None:
        sign, comment = QtGui.QTextCharFormat(), QtGui.QTextCharFormat()
        sign.setForeground(accent(self._edit))
        comment.setForeground(faint(self._edit))
        for pattern, form in ((_SIGNS, sign), (_COMMENT, comment)):
            for found in pattern.finditer(text):
                start, end = (len(text[:place].encode("utf-16-le", "surrogatepass")) // 2 for place in found.span())
                self.setFormat(start, end - start, form)
