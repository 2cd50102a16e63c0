"""Which files a web page's own files name: read from HTML, style sheets and scripts, without running any of them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

#: What a web page is made of. Source maps (`.map`) are for the page's makers only.
_KINDS = "js|mjs|css|html|json|wasm|svg|png|jpe?g|gif|webp|avif|ico|webm|mp4|mp3|ogg|wav|woff2?|ttf|otf|eot|txt|md|glb|hdr|exr"
_PATH = rf"(?:[A-Za-z0-9_@~%+.\-]{{1,80}}/){{0,8}}[A-Za-z0-9_@~%+.\-]{{1,120}}\.(?:{_KINDS})"
_END = r"""(?:[?#][^"'`)\s]*)?["'`)]"""
#: In quotes or in `url(…)`: `./x-B2rH.js`, `../../scripts/app.js`, `/assets/x.png`, `assets/y.svg`, `z.css`.
_NAMED = re.compile(rf"""(?:["'`]|url\()(\.{{0,2}}/)?({_PATH}){_END}""")
#: A file beside the script that asks for it (Vite): ``new URL(`images/x.svg`, import.meta.url)``.
_BESIDE = re.compile(rf"""new URL\(["'`]({_PATH}){_END}\s*,\s*import\.meta\.url""")
#: A name without dots in front of it is a file of the page, to a script, only if it begins like one; most are other words.
_FOLDERS = ("assets/", "scripts/", "extensions/", "fonts/", "cursor/", "lib/")
#: Where a script takes another one from by the path from the top.
_FROM_THE_TOP = re.compile(r"""(\bfrom\s*|\bimport\s*\(?\s*)(["'])(/(?:scripts|extensions|lib)/[^"'\\\n]+)\2""")

#: A pack's own route that its script asks for when the page opens, with nothing but its path: `api.fetchApi("/pack/colours")`.
_ASKED = re.compile(r"""\bfetchApi\(\s*(["'`])(/[A-Za-z0-9_./-]{1,120})\1\s*\)""")
#: What no reading is called. A pack's GET should change nothing, but some do.
_DEEDS = re.compile(
    r"(?<![a-z])(?:"
    r"abort|add|apply|cancel|clean|clear|close|create|delete|disable|download|enable|execute|fetch|fix|flush|"
    r"free|import|install|interrupt|kill|load|login|logout|move|open|pause|play|prune|purge|push|reboot|"
    r"refresh|reload|remove|rename|reset|restart|restore|resume|run|save|scan|set|shutdown|start|stop|submit|"
    r"switch|sync|test|toggle|uninstall|unload|update|upgrade|upload|wipe|write"
    r")(?![a-z])"
)


def links(text: str, path: str) -> Iterator[str]:
    """The paths that the file at `path` names, as seen from the top (`/assets/x.js`); some of them may not exist."""
    folder = posixpath.dirname(path)
    script = path.endswith(("js", ".json"))
    for found in _NAMED.finditer(text):
        dots, name = found[1], found[2]
        if dots and dots != "/":
            yield resolve(folder, dots + name)
        elif not script or name.startswith(_FOLDERS):
            yield resolve(folder if path.endswith(".css") and not dots else "/", name)
    for found in _BESIDE.finditer(text):
        yield resolve(folder, found[1])


def routes_asked(text: str) -> set[str]:
    """The routes that a pack's script only reads, as far as their names tell."""
    found = {path.removeprefix("/api") for _, path in _ASKED.findall(text)}
    return {path for path in found if not _DEEDS.search(path.lower())}


def resolve(folder: str, name: str) -> str:
    """The path from the top of what `folder` knows as `name`; it never leads further up."""
    return "/" + posixpath.normpath(posixpath.join("/", folder, name)).lstrip("/")


def with_relative_imports(text: str, path: str) -> str:
    """The script at `path` with its imports from the top (`/scripts/app.js`) said relative to itself.

    Below a prefix, as in `/t/…/extensions/pack/a.js`, the former lead out of it.
    """
    up = "../" * (path.count("/") - 1) or "./"
    return _FROM_THE_TOP.sub(lambda found: f"{found[1]}{found[2]}{up}{found[3][1:]}{found[2]}", text)
