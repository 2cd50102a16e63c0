"""Which keys mean what in this Krita, and who has them."""

from krita import Krita

from .binding import QApplication, QKeySequence
from .docker import part
from .window import main


def shortcuts():
    """All keys that are bound, with the names of the actions they are bound to."""
    found = {}
    own = Krita.instance().actions()
    for action in {*own, *main().findChildren(type(own[0]))}:
        for keys in action.shortcuts():
            text = keys.toString(QKeySequence.SequenceFormat.PortableText)
            if text:
                found.setdefault(text, set()).add(action.objectName() or action.text())
    return {keys: sorted(names) for keys, names in found.items()}


def has_focus():
    """Object name and class of what gets the keys."""
    widget = QApplication.focusWidget()
    return None if widget is None else [widget.objectName(), widget.metaObject().className()]


def select_text(name, start, end):
    """Puts the cursor of a text field there."""
    field = part(name)
    cursor = field.textCursor()
    cursor.setPosition(start)
    cursor.setPosition(end, type(cursor).MoveMode.KeepAnchor)
    field.setTextCursor(cursor)


def value(name):
    """What a field of the docker holds."""
    field = part(name)
    return field.toPlainText() if hasattr(field, "toPlainText") else field.text()


def words_offered(name="prompt"):
    """The words in the list below a text field, None when there is no list."""
    shown = part(name + "_words")
    return [shown.item(row).text() for row in range(shown.count())] if shown.isVisible() else None


def close_error():
    """Takes the error line away."""
    part("error_close").click()
