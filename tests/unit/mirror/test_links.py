"""A page's own files say which files it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from wake_service.mirror.links import links, resolve, routes_asked, with_relative_imports

REPOSITORY = Path(__file__).parents[3]


def found(text: str, path: str = "/assets/index.js") -> set[str]:
    return set(links(text, path))


def test_a_page_names_its_scripts_styles_and_icons() -> None:
    page = '<link href="user.css"><script src="./assets/index-B2rHQ9Sn.js"></script><link rel="icon" href="./assets/f.ico"/>'
    assert found(page, "/") == {"/user.css", "/assets/index-B2rHQ9Sn.js", "/assets/f.ico"}


def test_a_script_names_what_it_imports_now_or_later() -> None:
    text = 'import"./a-1.js";const l=()=>import(`./b-2.js`);const d=["./c-3.css","../scripts/app.js"];x="assets/y.svg"'
    expected = {"/assets/a-1.js", "/assets/b-2.js", "/assets/c-3.css", "/scripts/app.js", "/assets/y.svg"}
    assert found(text) == expected


def test_a_file_beside_the_script_is_found_where_it_is() -> None:
    assert found("new URL(`images/logo.svg`,import.meta.url)") == {"/assets/images/logo.svg"}


def test_a_style_sheet_names_its_fonts_beside_itself() -> None:
    text = 'src:url(fonts/x.woff2?v=7) format("woff2"),url("./y.ttf#a"),url(../z.png)'
    assert found(text, "/css/a.css") == {"/css/fonts/x.woff2", "/css/y.ttf", "/z.png"}


def test_words_with_dots_are_no_files() -> None:
    assert found('x="comment.block.js";y="Stripe.js";z="https://example.org/a.js"') == set()


@pytest.mark.parametrize("name", ["../../../etc/passwd.txt", "/../x.txt", "./../../x.txt"])
def test_no_name_leads_above_the_top(name: str) -> None:
    assert ".." not in resolve("/a", name) and resolve("/a", name).startswith("/")


def test_what_a_packs_script_reads_is_asked_for_and_what_it_does_is_not() -> None:
    text = """
      await api.fetchApi("/pack/colours"); fetchApi( '/api/pack/list.json' );
      api.fetchApi("/pack/mix", {method: "POST"}); api.fetchApi(`/pack/${name}`); api.fetchApi("/manager/reboot");
      api.fetchApi("/pack/update_all"); api.fetchApi("/pack/Clear-Cache"); fetch("/pack/elsewhere")
    """
    assert routes_asked(text) == {"/pack/colours", "/pack/list.json"}


def test_imports_from_the_top_are_said_relative_to_the_script() -> None:
    text = 'import { app } from "/scripts/app.js"; const x = await import(\'/extensions/p/y.js\'); fetch("/scripts/no.js")'
    expected = "import { app } from \"../../../scripts/app.js\"; const x = await import('../../../extensions/p/y.js'); "
    assert with_relative_imports(text, "/extensions/p/sub/a.js") == expected + 'fetch("/scripts/no.js")'


def test_a_script_that_imports_relatively_stays_as_it_is() -> None:
    text = 'import { app } from "../../scripts/app.js";'
    assert with_relative_imports(text, "/extensions/p/a.js") == text


def test_all_that_comfyuis_page_of_today_can_load_is_found() -> None:
    (root,) = REPOSITORY.glob("build/tools/clients/lib/*/site-packages/comfyui_frontend_package/static")
    todo = {"/index.html", *("/" + str(path.relative_to(root)) for path in (root / "extensions").rglob("*.js"))}
    seen: set[str] = set()
    while todo:
        path = todo.pop()
        seen.add(path)
        file = root / path[1:]
        if file.suffix in (".js", ".css", ".html") and file.is_file():
            todo |= set(links(file.read_text(errors="replace"), path)) - seen
    there = {"/" + str(path.relative_to(root)) for path in (root / "assets").rglob("*") if path.suffix in (".js", ".css")}
    named_by_found = {path for path in there - seen if any(path.rpartition("/")[2] in _text(root, one) for one in seen & there)}
    assert not named_by_found, "files that the found ones name in a way that was overlooked"
    assert len(seen & there) > 850


def _text(root: Path, path: str) -> str:
    return (root / path[1:]).read_text(errors="replace")
