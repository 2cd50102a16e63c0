"""Krita's window, as a test sees it."""

from krita import Krita

from . import documents
from .binding import QApplication, QDialog, QLineEdit, QMdiArea, QMessageBox, QPoint, QTimer, QToolButton, QWidget

CANVAS_CLASSES = ("KisQPainterCanvas", "KisOpenGLCanvas2")


def main():
    return Krita.instance().activeWindow().qwindow()


def place(widget, x=0.5, y=0.5):
    """A point of the widget in dots of the screen, given as fractions of its size."""
    point = widget.mapToGlobal(QPoint(int(widget.width() * x), int(widget.height() * y)))
    dots = widget.devicePixelRatioF()
    return [round(point.x() * dots), round(point.y() * dots)]


def is_up():
    window = Krita.instance().activeWindow()
    return window is not None and window.qwindow() is not None and window.qwindow().isVisible()


def fill_screen():
    """There is no window manager; so the window is put over the whole screen and given the keyboard by its id."""
    main().setGeometry(QApplication.primaryScreen().geometry())
    yield 0.3
    main().activateWindow()
    return int(main().winId())


def version():
    return Krita.instance().version()


def screenshot(path):
    assert QApplication.primaryScreen().grabWindow(0).save(path), path


def trigger(action):
    """Returns at once: the action may open a dialog."""
    QTimer.singleShot(0, Krita.instance().action(action).trigger)


def undo():
    """One step back, which is expected to change the number of layers; returns when it has, or after five seconds."""
    yield from _change("edit_undo")


def undo_once():
    """One step back, whatever it is."""
    Krita.instance().action("edit_undo").trigger()
    yield 0.4


def redo():
    yield from _change("edit_redo")


def _change(action):
    document = Krita.instance().activeDocument()
    document.waitForDone()
    before = len(document.rootNode().childNodes())
    Krita.instance().action(action).trigger()
    for _ in range(100):
        yield 0.05
        document.waitForDone()
        if len(document.rootNode().childNodes()) != before:
            break
    yield 0.1


def dialog():
    """Title, text and button places of the dialog that is open, if one is."""
    box = QApplication.activeModalWidget()
    if not isinstance(box, QDialog):
        return None
    buttons = {b.text().replace("&", ""): place(b) for b in box.buttons()} if isinstance(box, QMessageBox) else {}
    lines = [place(edit) for edit in box.findChildren(QLineEdit) if edit.isVisible()]
    text = box.text() if isinstance(box, QMessageBox) else ""
    return {"title": box.windowTitle(), "text": text, "buttons": buttons, "lines": lines, "id": int(box.winId())}


def tool(action):
    Krita.instance().action(action).trigger()
    yield 0.3


def current_tool():
    boxes = [b for b in main().findChildren(QToolButton) if b.metaObject().className() == "KoToolBoxButton"]
    return [b.objectName() for b in boxes if b.isChecked()]


def canvas_widget():
    """The widget that shows the document in front."""
    sub = main().findChild(QMdiArea).activeSubWindow()
    return next(w for w in sub.findChildren(QWidget) if w.metaObject().className() in CANVAS_CLASSES)


def close():
    """As the close button of the window does; documents that were changed are given up without a question."""
    for document in Krita.instance().documents():
        document.setModified(False)
    QTimer.singleShot(0, main().close)


def leave():
    """Ends Krita between tests: closing the window first, since leaving the event loop alone crashes its teardown."""

    def end():
        main().close()
        QApplication.exit(0)

    yield from documents.close_all()
    QTimer.singleShot(0, end)


def wait(seconds):
    """Lets Krita run for so long."""
    yield seconds
