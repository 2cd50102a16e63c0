"""Which document is which in real Krita, and what its file keeps: over save, close and open again."""

import shutil

import pytest

WHITE = [255, 255, 255]
RED = [200, 20, 10]
RECIPE = '{"prompt": "a fox – 狐狸"}'


@pytest.fixture
def folder(krita, tmp_path_factory):
    home = krita.log.parent / tmp_path_factory.mktemp("pictures").name
    home.mkdir(exist_ok=True)
    return home


@pytest.fixture
def castle(krita, folder):
    """A saved document that something of ours is kept in; its id."""
    krita.ask("documents.create", width=300, height=200, paper=WHITE, name="castle")
    document = krita.ask("canvas.state")["document"]
    krita.ask("canvas.annotate", content="results")
    krita.ask("documents.save", path=str(folder / "castle.kra"))
    return document


def test_what_is_kept_in_the_file_is_no_change_of_hers(krita, castle):
    assert krita.ask("documents.modified") is False
    assert krita.ask("canvas.annotate", content="more results") is False, "a document that is saved stays so"
    assert krita.ask("canvas.annotation") == "more results"
    krita.ask("documents.paint", name="dot", x=0, y=0, width=9, height=9, color=RED)
    assert krita.ask("canvas.annotate", content="even more") is True, "hers are still to be saved"
    krita.ask("window.undo")
    assert krita.ask("canvas.annotation") == "even more", "it is no step to undo"


def test_her_save_takes_it_into_the_file(krita, castle, folder):
    krita.ask("canvas.heard")
    krita.ask("canvas.annotate", content="results – 狐狸")
    krita.ask("documents.save", path=str(folder / "castle.kra"))
    assert ["saved", castle, str(folder / "castle.kra")] in krita.ask("canvas.heard")
    krita.ask("documents.close_all")
    krita.until("canvas.heard", "the news of the closing", lambda told: ["closed", castle] in told, 5)
    krita.ask("documents.load", path=str(folder / "castle.kra"))
    assert krita.ask("canvas.annotation") == "results – 狐狸"


def test_a_document_that_is_opened_again_is_the_same(krita, castle, folder):
    krita.ask("documents.close_all")
    krita.ask("documents.load", path=str(folder / "castle.kra"))
    assert krita.ask("canvas.state")["document"] == castle


def test_a_file_that_was_renamed_is_still_the_same_document(krita, castle, folder):
    krita.ask("documents.close_all")
    (folder / "castle.kra").rename(folder / "fortress.kra")
    krita.ask("documents.load", path=str(folder / "fortress.kra"))
    assert krita.ask("canvas.state")["document"] == castle
    assert krita.ask("canvas.find", path=str(folder / "castle.kra"), document=castle) == castle
    assert krita.ask("canvas.find", path=str(folder / "castle.kra")) is None


def test_a_copy_of_a_file_is_another_document(krita, castle, folder):
    krita.ask("documents.close_all")
    shutil.copy(folder / "castle.kra", folder / "copy.kra")
    krita.ask("documents.load", path=str(folder / "copy.kra"))
    assert krita.ask("canvas.state")["document"] != castle
    assert krita.ask("canvas.find", path=str(folder / "castle.kra"), document=castle) is None
    krita.ask("documents.load", path=str(folder / "castle.kra"))
    assert krita.ask("canvas.find", path=str(folder / "castle.kra"), document=castle) == castle


def test_save_as_goes_on_with_the_open_document_and_leaves_the_old_file_its_own(krita, castle, folder):
    krita.ask("documents.save", path=str(folder / "castle at night.kra"))
    assert krita.ask("canvas.state")["document"] == castle, "it is still the one that her results are for"
    krita.ask("documents.load", path=str(folder / "castle.kra"))
    assert krita.ask("canvas.state")["document"] != castle
    krita.ask("documents.close_all")
    krita.ask("documents.load", path=str(folder / "castle.kra"))
    krita.ask("documents.load", path=str(folder / "castle at night.kra"))
    night = krita.ask("canvas.state")["document"]
    assert krita.ask("canvas.find", path=str(folder / "castle at night.kra"), document=castle) == night
    assert krita.ask("canvas.find", path=str(folder / "castle.kra"), document=castle) != night


def test_an_incremental_version_goes_on_with_the_open_document(krita, castle, folder):
    krita.ask("canvas.heard")
    krita.ask("window.trigger", action="save_incremental_version")
    told = krita.until("canvas.heard", "the news of the save", seconds=10)
    assert told[0][:2] == ["saved", castle] and told[0][2] != str(folder / "castle.kra")
    assert krita.ask("canvas.find", path=told[0][2]) == castle


def test_two_open_documents_have_ids_of_their_own_even_with_the_same_name(krita, castle, folder):
    krita.ask("documents.create", width=300, height=200, paper=WHITE, name="castle")
    other = krita.ask("canvas.state")["document"]
    assert other != castle
    assert krita.ask("canvas.find", path=str(folder / "castle.kra")) == castle
    assert krita.ask("canvas.find", path="", document=other) == other


def test_how_a_layer_was_made_survives_undo_save_and_restart(krita, castle, folder):
    assert krita.ask("canvas.insert_and_wait", color=RED, name="a fox", area=[0, 0, 64, 64], recipe=RECIPE) is None
    krita.ask("window.undo")
    krita.ask("window.redo")
    krita.ask("documents.activate", name="a fox")
    assert krita.ask("canvas.recipe") == RECIPE
    krita.ask("documents.save", path=str(folder / "castle.kra"))
    krita.ask("documents.close_all")
    krita.ask("documents.load", path=str(folder / "castle.kra"))
    krita.ask("documents.activate", name="a fox")
    assert krita.ask("canvas.recipe") == RECIPE
    assert krita.ask("canvas.state")["layer"]["recipe"] == RECIPE
    krita.ask("documents.activate", name="paper")
    assert krita.ask("canvas.recipe") is None


def test_layers_that_are_not_seen_stay_so_after_a_restart(krita, castle, folder):
    krita.ask("documents.paint", name="notes", x=0, y=0, width=9, height=9, color=RED)
    krita.ask("canvas.set_unseen", unseen=True)
    krita.ask("documents.save", path=str(folder / "castle.kra"))
    krita.ask("documents.close_all")
    krita.ask("documents.load", path=str(folder / "castle.kra"))
    krita.ask("documents.activate", name="notes")
    assert krita.ask("canvas.state")["layer"]["unseen"] is True


def test_an_export_is_no_save(krita, castle, folder):
    krita.ask("canvas.heard")
    krita.ask("documents.export", path=str(folder / "castle.png"))
    assert krita.ask("canvas.heard") == []
