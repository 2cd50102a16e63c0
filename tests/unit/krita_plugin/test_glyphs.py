"""Every character of a translation is in a font: what no font has is drawn as a box."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from wakebrush import i18n
from wakebrush.qt import BINDING, QtGui

WRITING = {"zh_CN": QtGui.QFontDatabase.WritingSystem.SimplifiedChinese}


def missing(characters: set[str], families: list[str]) -> set[str]:
    fonts = [QtGui.QRawFont.fromFont(QtGui.QFont(family)) for family in families]
    return {each for each in characters if not any(font.supportsCharacter(ord(each)) for font in fonts)}


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_a_font_with_every_character_of_a_translation_is_installed(language: str, qtbot: QtBot) -> None:
    database = QtGui.QFontDatabase if BINDING == "PyQt6" else QtGui.QFontDatabase()  # only PyQt6 calls them without an object
    families = database.families(WRITING[language])
    assert families, "no font for it is installed; run: apt-get install fonts-wqy-microhei"
    said = {each for text in i18n.table(language).values() for each in text if not each.isspace()}
    assert missing(said, families) == set()
    assert missing({"\U000e0001"}, families), "a character that no font has is noticed"
