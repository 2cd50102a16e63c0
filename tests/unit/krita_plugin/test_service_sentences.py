"""What the service says to an artist is said in her language, though it comes with its values filled in."""

from __future__ import annotations

import ast
import calendar
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from wakebrush import i18n
from wakebrush.client.errors import Problem, from_answer
from wakebrush.client.model import Failure, Machine

SERVICE = Path(__file__).parents[3] / "wake_service"
#: Where the service words what reaches the docker: as an answer, as a job's error or note, as a machine's message, as a style.
ARTISTS_READ = (
    "api",
    "blobs/image.py",
    "blobs/s3_errors.py",
    "blobs/shelf.py",
    "comfy/client.py",
    "comfy/reports.py",
    "comfy/styles.py",
    "jobs",
    "machines/controller.py",
    "machines/curfew.py",
    "machines/lookout.py",
    "machines/model.py",
    "models/classes.py",
    "providers/ec2/instance.py",
    "providers/ec2/sentences.py",
    "providers/ec2/starting.py",
    "providers/engine_process.py",
)
#: What stands there for others: programs, logs, an admin at her terminal, clients of ComfyUI.
FOR_OTHERS = (
    "JSON at",
    "No curfew is ahead.",
    "No upload with checksum",
    "No space left on device",
    "A machine that is ",
    "Sketch, ",
    "Team {",
    "The curfew ",
    "The engine does not stop working on a cancelled picture.",
    "The exception ",
    "The styles file ",
    "The time zone ",
    "Value error, ",
    "Write it like ",
    "{_file} cannot be written",
    "{machine_id} has files of others",
    "{name} ({",
)

#: Days and months in sentences come out of the service's calendar and stand in none of its modules.
DAYS, MONTHS = "|".join(calendar.day_name), "|".join(calendar.month_name[1:])
DATE = re.compile(rf"({DAYS})( {{time}})?|(1 |{{weekday}} {{day}} )?({MONTHS})( {{year}}, {{time}})?")


def spoken(path: Path) -> Iterator[tuple[str, int]]:
    """The sentences in a module, with `{names}` where values go, and their lines."""
    nodes: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if unheard(node):
            continue
        text = template(node)
        if text is None:
            nodes += ast.iter_child_nodes(node)
        elif text.count(" ") >= 2 and re.match("[A-Z“{]", text) and re.search("[a-z]{2}", re.sub("{.*?}", "", text)):
            yield text, getattr(node, "lineno", 0)


def unheard(node: ast.AST) -> bool:
    """Docstrings, and what goes to the log."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "log"


def template(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    return "".join(str(part.value) if isinstance(part, ast.Constant) else f"{{{last_name(part)}}}" for part in node.values)


def last_name(part: ast.AST) -> str:
    names = [each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "") for each in ast.walk(part)]
    return next(filter(None, names), "value")


def modules() -> list[Path]:
    found = [path for name in ARTISTS_READ for path in sorted((SERVICE / name).rglob("*.py")) or [SERVICE / name]]
    assert all(path.is_file() for path in found)
    return found


def sentences() -> dict[str, str]:
    """Sentence → where it is written."""
    said = {text: f"{path.relative_to(SERVICE)}:{line}" for path in modules() for text, line in spoken(path)}
    return {text: where for text, where in said.items() if not text.startswith(FOR_OTHERS)}


@pytest.fixture(params=i18n.LANGUAGES)
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    i18n.choose([request.param])
    yield request.param
    i18n.use({})


def test_there_are_sentences_to_be_found():
    found = sentences()
    assert "The picture arrived changed." in found and "There is no style “{style}”." in found and len(found) > 120


def test_every_sentence_that_an_artist_reads_is_translated(language):
    missing = {
        where: text
        for text, where in sentences().items()
        if i18n.service_says(re.sub("{.*?}", "7", text)) == re.sub("{.*?}", "7", text)
    }
    assert missing == {}


def test_nobody_else_is_left_out_in_vain():
    written = [text for path in modules() for text, _ in spoken(path)]
    assert [start for start in FOR_OTHERS if not any(text.startswith(start) for text in written)] == []


def test_translations_say_the_same_values(language):
    names = {
        text: (set(re.findall(r"{(\w+)}", text)), set(re.findall(r"{(\w+)}", said)))
        for text, said in i18n.table(f"{language}.service").items()
    }
    assert {text: pair for text, pair in names.items() if pair[0] != pair[1]} == {}


def test_no_translation_is_left_over(language):
    """Each is of a sentence that is said, or of a part of one."""
    said = [re.sub("{.*?}", "7", text) for path in SERVICE.rglob("*.py") for text in texts(path)]
    whole = "\n".join(said)
    left = [
        text for text in i18n.table(f"{language}.service") if re.sub("{.*?}", "7", text) not in whole and not DATE.fullmatch(text)
    ]
    assert left == []


def texts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (text := template(node)) is not None:
            yield text


def test_values_and_what_is_quoted_are_found_again():
    i18n.choose(["zh_CN"])
    try:
        quoted = "The machine was lost 3 times while working on this picture. The machine stopped."
        assert i18n.service_says(quoted) == "绘制这张图片时，机器中断了 3 次。机器已停止。"
        assert i18n.service_says("There is no style “{0} of mine”.") == "没有风格“{0} of mine”。"
        assert i18n.service_says("A sentence of a newer service.") == "A sentence of a newer service."
        assert i18n.service_says("The picture has more than 1 bytes.".replace("1", "1" * 5000)).startswith("The picture")
    finally:
        i18n.use({})


@pytest.mark.parametrize(
    ("said", "in_chinese"),
    [
        (
            "The studio's machines rest until Monday 07:00. Your picture is safe in the queue.",
            "工作室的机器休息至 星期一 07:00。",
        ),
        (
            "The studio's machines rest from Friday 8 January 2027, 22:30 on.",
            "工作室的机器自 2027 年 1 月 8 日星期五 22:30 起休息。",
        ),
        ("The team's budget for November (25 USD) is used up.", "团队 11 月 的预算（25 USD）已用完。"),
        ("Ask your admin, or wait until 1 December.", "请联系管理员，或等到 12 月 1 日。"),
    ],
)
def test_days_and_months_are_said_in_her_language_too(said, in_chinese):
    i18n.choose(["zh_CN"])
    try:
        assert i18n.service_says(said).startswith(in_chinese)
    finally:
        i18n.use({})


def test_answers_failures_and_machines_speak_her_language():
    i18n.choose(["zh_CN"])
    try:
        answer = {
            "code": "blob_too_large",
            "title": "The picture has more than 5 bytes.",
            "hint": "Send it again.",
            "detail": "x",
        }
        problem = from_answer(413, answer)
        assert isinstance(problem, Problem) and (problem.title, problem.hint) == ("图片超过 5 字节。", "请重新发送。")
        failure = Failure.parse(
            {"code": "model_missing", "message": "The GPU ran out of memory.", "hint": "Choose another style."}
        )
        assert failure == Failure("model_missing", "GPU 内存不足。", "请选择其他风格。")
        machine = Machine.parse({"id": "m1", "state": "failed", "message": "The machine has not woken in time."})
        assert machine.message == "机器未能及时唤醒。"
    finally:
        i18n.use({})
    assert from_answer(413, answer).title == "The picture has more than 5 bytes."
    assert Machine.parse({"id": "m1", "state": "ready"}).message is None
