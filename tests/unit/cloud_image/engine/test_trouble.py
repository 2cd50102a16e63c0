"""Lines as ComfyUI, Python, torch and NVIDIA's driver write them, and what is made of them."""

from __future__ import annotations

import pytest

from cloud_image.engine.exits import Exit
from cloud_image.engine.trouble import Kind, explain

FAILED = Exit(at=0.0, result="exit-code", code="exited", status="1", starts=1, memory=False, streak=1)

LINES = [
    (
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 22.05 GiB of",
        Kind.GPU_MEMORY,
    ),
    ("torch.cuda.OutOfMemoryError: Allocation on device", Kind.GPU_MEMORY),
    ("RuntimeError: CUDA error: out of memory", Kind.GPU_MEMORY),
    ("torch.OutOfMemoryError: Allocation on device 0 would exceed allowed memory. (out of memory)", Kind.GPU_MEMORY),
    ("MemoryError", Kind.MEMORY),
    ("MemoryError: Unable to allocate 1.2 GiB for an array with shape (1, 2) and data type float32", Kind.MEMORY),
    ("terminate called after throwing an instance of 'std::bad_alloc'", Kind.MEMORY),
    (
        "RuntimeError: [enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you tried",
        Kind.MEMORY,
    ),
    (
        "RuntimeError: [enforce fail at alloc_cpu.cpp:116] data. DefaultCPUAllocator: not enough memory: you tried to allocate 5",
        Kind.MEMORY,
    ),
    ("OSError: [Errno 12] Cannot allocate memory", Kind.MEMORY),
    ("Failed to initialize NVML: Driver/library version mismatch", Kind.DRIVER),
    (
        "Error 803: system has unsupported display driver / cuda driver combination",
        Kind.DRIVER,
    ),
    (
        "RuntimeError: The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver",
        Kind.DRIVER,
    ),
    (
        "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver",
        Kind.DRIVER,
    ),
    ("RuntimeError: CUDA error: no CUDA-capable device is detected", Kind.DRIVER),
    ("RuntimeError: No CUDA GPUs are available", Kind.DRIVER),
    ("AssertionError: Torch not compiled with CUDA enabled", Kind.DRIVER),
    ("CUDA error: no kernel image is available for execution on the device", Kind.DRIVER),
    ("RuntimeError: CUDA error: an illegal memory access was encountered", Kind.GPU),
    ("RuntimeError: CUDA error: unspecified launch failure", Kind.GPU),
    ("RuntimeError: CUDA error: uncorrectable ECC error encountered", Kind.GPU),
    (
        "OSError: [Errno 98] error while attempting to bind on address ('127.0.0.1', 8188): address already in use",
        Kind.PORT,
    ),
    ("OSError: [Errno 28] No space left on device: '/var/lib/comfyui/temp/a.png'", Kind.DISK),
    ("sqlite3.OperationalError: database or disk is full", Kind.DISK),
    ("Database is locked. Another ComfyUI process is already using this database.", Kind.SETTINGS),
    ("ASSETS_STARTUP_FAILED: not_writable", Kind.SETTINGS),
    ("Dependency failed for comfyui.service - ComfyUI, the engine.", Kind.SHIELD),
    ("main.py: error: argument --user-directory: The path '/var/lib/comfyui/user' does not exist.", Kind.FOLDER),
    ("main.py: error: unrecognized arguments: --disable-assets", Kind.FLAGS),
    ("main.py: error: argument --cache-none: not allowed with argument --cache-lru", Kind.FLAGS),
    ("yaml.scanner.ScannerError: mapping values are not allowed here", Kind.SETTINGS),
    ("comfyui-frontend-package is not installed.", Kind.LIBRARY),
    ("ModuleNotFoundError: No module named 'comfy_aimdo'", Kind.LIBRARY),
    ("ImportError: libcudnn.so.9: cannot open shared object file: No such file or directory", Kind.LIBRARY),
    ("FileNotFoundError: [Errno 2] No such file or directory: '/var/lib/wakebrush/models/checkpoints'", Kind.FOLDER),
    ("PermissionError: [Errno 13] Permission denied: '/var/lib/comfyui/temp'", Kind.FOLDER),
    (
        "The engine cannot be started: The machine's settings /etc/wakebrush/machine.toml cannot be used: cloud is ec2",
        Kind.SETTINGS,
    ),
]


@pytest.mark.parametrize(("line", "kind"), LINES, ids=[line[:60] for line, _ in LINES])
def test_every_fatal_line_has_a_sentence_of_its_own(line: str, kind: Kind) -> None:
    trouble = explain(FAILED, ["Starting server", "Traceback (most recent call last):", f"  {line}", "the last line"])
    assert trouble.kind is kind
    assert trouble.sentence.count(". ") >= 1 or kind is Kind.SETTINGS
    assert "{" not in trouble.sentence and "()" not in trouble.sentence and "  " not in trouble.sentence


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ("OSError: [Errno 98] error while attempting to bind on address ('127.0.0.1', 8188): address already in use", "8188"),
        ("ASSETS_STARTUP_FAILED: not_writable", "not_writable"),
        ("main.py: error: unrecognized arguments: --disable-assets", "--disable-assets"),
        ("main.py: error: argument --user-directory: '/x' is not a directory.", "/x"),
        ("ModuleNotFoundError: No module named 'comfy_aimdo'", "comfy_aimdo"),
        ("RuntimeError: CUDA error: an illegal memory access was encountered", "an illegal memory access was encountered"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/models/a'", "/models/a"),
    ],
)
def test_a_sentence_names_what_it_is_about(line: str, detail: str) -> None:
    assert detail in explain(FAILED, [line]).sentence


def test_a_sentence_without_a_detail_has_no_hole() -> None:
    assert "(" not in explain(FAILED, ["uncorrectable ECC error"]).sentence
    assert "port," in explain(FAILED, ["address already in use"]).sentence


@pytest.mark.parametrize(("result", "status"), [("oom-kill", "KILL"), ("signal", "KILL"), ("oom-kill", "9")])
def test_an_engine_that_the_kernel_killed_ran_out_of_memory(result: str, status: str) -> None:
    killed = Exit(at=0.0, result=result, code="killed", status=status, starts=1, memory=True)
    trouble = explain(killed, ["ModuleNotFoundError: No module named 'x'"])
    assert trouble.kind is Kind.MEMORY and "machine ran out of memory" in trouble.sentence
    assert ("most likely" in trouble.sentence) is (result == "signal"), "a kill may have another reason"


@pytest.mark.parametrize(("code", "status"), [("killed", "TERM"), ("exited", "0"), ("killed", "INT")])
def test_an_engine_that_was_stopped_is_no_trouble(code: str, status: str) -> None:
    stopped = Exit(at=0.0, result="success", code=code, status=status, starts=1, memory=False)
    assert explain(stopped, ["MemoryError"]).kind is Kind.STOPPED


def test_the_last_word_counts() -> None:
    lines = ["torch.OutOfMemoryError: CUDA out of memory.", "OSError: [Errno 28] No space left on device"]
    assert explain(FAILED, lines).kind is Kind.DISK
    assert explain(FAILED, lines[::-1]).kind is Kind.GPU_MEMORY


def test_a_node_pack_that_did_not_load_long_ago_is_not_the_reason() -> None:
    lines = ["ModuleNotFoundError: No module named 'a_pack'"] + ["Prompt executed in 3.20 seconds"] * 60
    assert explain(FAILED, lines).kind is Kind.CRASH


def test_only_the_life_that_ended_counts() -> None:
    ended = "comfyui.service: Main process exited, code=exited, status=1/FAILURE"
    lines = [
        "MemoryError",
        ended,
        "ModuleNotFoundError: No module named 'x'",
        ended,
        "OSError: [Errno 98] address already in use",
    ]
    assert explain(FAILED, lines).kind is Kind.LIBRARY
    assert explain(FAILED, lines[:2]).kind is Kind.MEMORY
    assert explain(FAILED, [ended]).kind is Kind.CRASH


@pytest.mark.parametrize(
    ("result", "status", "words"),
    [
        ("signal", "SEGV", "crashed (a fault in its memory)"),
        ("core-dump", "ABRT", "crashed (an error in one of its libraries)"),
        ("signal", "USR1", "crashed (USR1)"),
        ("timeout", "TERM", "did not end when it was asked to"),
        ("exit-code", "77", "ended by itself (status 77)"),
    ],
)
def test_what_nobody_knows_is_told_with_where_to_look(result: str, status: str, words: str) -> None:
    trouble = explain(Exit(at=0.0, result=result, code="x", status=status, starts=1, memory=False, streak=1), [])
    assert trouble.kind is Kind.CRASH
    assert words in trouble.sentence and "in a row" not in trouble.sentence and "journalctl" in trouble.sentence


def test_failures_in_a_row_are_counted() -> None:
    again = Exit(at=0.0, result="exit-code", code="exited", status="1", starts=5, memory=False, streak=4)
    assert "4 failures in a row" in explain(again, []).sentence
