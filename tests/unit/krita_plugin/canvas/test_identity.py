"""Which document is which, and what is noted in its file."""

from __future__ import annotations

import pytest

from wakebrush.canvas.identity import Identity, answers_to, recognised

HERE, THERE = "/pictures/castle.kra", "/pictures/fortress.kra"


def gone(_path: str) -> bool:
    return False


def there(_path: str) -> bool:
    return True


@pytest.mark.parametrize(
    ("kept", "path", "exists", "same"),
    [
        (Identity("x", HERE), HERE, there, True),
        (Identity("x", HERE), THERE, gone, True),
        (Identity("x", HERE), THERE, there, False),
        (Identity("x", ""), THERE, there, True),
        (Identity("x", HERE), "", gone, False),
        (None, HERE, there, False),
    ],
    ids=["the same file", "renamed", "a copy", "its first save", "from a template", "nothing of ours"],
)
def test_a_document_is_recognised_by_id_and_path(kept, path, exists, same):
    assert (recognised(kept, path, set(), exists).id == "x") is same


def test_an_id_that_is_taken_is_not_given_again():
    assert recognised(Identity("x", HERE), HERE, {"x"}, there).id != "x"


@pytest.mark.parametrize(
    ("known", "path", "document_id", "exists", "answer"),
    [
        (Identity("x", HERE), HERE, "x", gone, True),
        (Identity("x", HERE), "", "x", gone, True),
        (Identity("x", HERE), THERE, "x", gone, False),
        (Identity("x", ""), THERE, "x", gone, True),
        (Identity("x", ""), THERE, "x", there, False),
        (Identity("x", HERE), HERE, "y", there, False),
        (Identity("x", HERE), HERE, "", there, False),
    ],
)
def test_a_document_answers_to_the_path_it_was_known_by(known, path, document_id, exists, answer):
    assert answers_to(known, path, document_id, exists) is answer


def test_an_identity_survives_its_bytes_and_rubbish_is_none():
    assert Identity.from_bytes(Identity("x", "/bilder/狐狸.kra").to_bytes()) == Identity("x", "/bilder/狐狸.kra")
    assert [Identity.from_bytes(rubbish) for rubbish in (b"", b"[]", b"\xff", b"{}")] == [None] * 4


def test_saved_documents_keep_their_id_and_their_notes(desk, inserted):
    heard: list[tuple[str, str]] = []
    desk.canvas.events.saved.connect(lambda *told: heard.append(told))
    document = desk.canvas.active_document()
    desk.canvas.set_annotation(document, b"results")
    assert desk.canvas.annotation(document) == b"results" and desk.canvas.modified(document) is False
    desk.canvas.set_annotation(document, b"")
    assert desk.canvas.annotation(document) == b""
    assert inserted(recipe="how", node=desk.canvas.state().layer.id) is None
    desk.document.setActiveNode(desk.document.nodeByName("a fox"))
    desk.canvas.set_unseen(True)
    desk.document._path = THERE
    desk.krita.notifier().imageSaved.emit(THERE)
    desk.krita.notifier().imageSaved.emit("/pictures/export.png")
    assert heard == [(document, THERE)] and desk.canvas.path_of(document) == THERE
    assert desk.canvas.find(THERE) == document and desk.canvas.find(HERE) is None

    from wakebrush.canvas.krita_canvas import KritaCanvas

    later = KritaCanvas()
    assert later.active_document() == document
    assert later.recipe_of_active_layer() == "how"
    assert later.unseen() == (later.state().layer.id,)
    later.set_unseen(False)
    assert later.unseen() == ()


def test_a_document_from_a_template_gets_an_id_of_its_own_at_once(desk):
    document = desk.canvas.active_document()
    desk.canvas.set_annotation(document, b"results")
    other, _ = desk.open()
    other._annotations.update(desk.document._annotations)
    assert desk.canvas.active_document() != document
    assert document.encode() not in other._annotations["wakebrush.identity"]


def test_a_closed_document_is_told_once(desk):
    told: list[str] = []
    desk.canvas.events.closed.connect(told.append)
    document = desk.canvas.active_document()
    desk.close()
    desk.krita.notifier().imageClosed.emit(HERE)
    assert told == [document]
