"""Steps that say what to do when they fail, and are done again only when something changed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts.lib import browser, progress, provision, python_version, stamps
from scripts.lib.progress import Failed


def say_and_fail(text: str) -> list[str]:
    return [sys.executable, "-c", f"import sys; sys.exit({text!r})"]


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("NewConnectionError: Temporary failure in name resolution\nNo matching distribution", "HTTPS_PROXY"),
        ("npm error code ENOTFOUND", "Check the network"),
        ("npm error code EBADPLATFORM", "no build for this machine"),
        ("ERROR: No matching distribution found for typst==0.15.2", "no build for this machine"),
        ("PermissionError: [Errno 13] Permission denied: '.venv/lib'", "chown"),
    ],
)
def test_a_failed_step_shows_its_last_words_and_what_to_do(words: str, advice: str, tmp_path: Path) -> None:
    with pytest.raises(Failed) as failure:
        progress.run("Installing", say_and_fail(words), tmp_path / "log")
    assert words.splitlines()[-1] in str(failure.value)
    assert advice in str(failure.value)


def test_a_step_says_when_it_starts_and_how_long_it_took(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    progress.run("Installing", [sys.executable, "-c", "print('chatter')"], tmp_path / "log")
    began, ended = capsys.readouterr().out.splitlines()
    assert began == "Installing …"
    assert ended.startswith("✓ Installing")
    assert ended.endswith(" s")


def test_a_step_is_done_again_when_a_file_it_reads_or_the_python_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamps, "STAMPS", tmp_path / "stamps")
    monkeypatch.setattr(stamps, "ROOT", tmp_path)
    source = tmp_path / "requirements.txt"
    source.write_text("flask==3.1.3\n")
    stamps.set_current("pip", stamps.digest([source], "python3.11"))
    assert stamps.is_current("pip", stamps.digest([source], "python3.11"))
    assert not stamps.is_current("pip", stamps.digest([source], "python3.12"))
    source.write_text("flask==3.1.4\n")
    assert not stamps.is_current("pip", stamps.digest([source], "python3.11"))


def test_a_service_is_set_up_without_what_only_tests_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed: list[str] = []

    def note(_title: str, command: list[str], *_: object) -> None:
        installed.append(next(flag for flag in command if flag.endswith("dev")))

    monkeypatch.setattr(stamps, "STAMPS", tmp_path)
    monkeypatch.setattr(provision.progress, "run", note)
    monkeypatch.setattr(
        provision.node, "find_or_install", lambda: provision.node.Node(Path("node"), ("npm",))
    )
    for for_tests in (False, False, True, True, False):
        provision._install_npm_packages(for_tests)
    assert installed == ["--omit=dev", "--include=dev"], "and what is there stays"


def test_an_old_python_is_named_with_what_to_type_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_version, "OLDEST", (99, 0))
    with pytest.raises(SystemExit) as left:
        python_version.require("./scripts/run")
    assert sys.executable in str(left.value.code)
    assert "python3.12 ./scripts/run" in str(left.value.code)


def test_a_browser_that_does_not_start_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, exit_code in (("chromium", 1), ("google-chrome", 0)):
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {exit_code}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("CHROMIUM", raising=False)
    assert browser.find() == tmp_path / "google-chrome"
