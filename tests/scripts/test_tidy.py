"""Our own rules find what they forbid, and pass what they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.lib import tidy


def findings_in(folder: Path, text: str) -> list[str]:
    (folder / "invoice_service").mkdir()
    (folder / "invoice_service/made.py").write_text(text)
    return tidy.findings(folder)


def test_a_migration_may_be_as_long_as_its_tables(tmp_path: Path) -> None:
    versions = tmp_path / "invoice_service/store/migrations/versions"
    versions.mkdir(parents=True)
    (versions / "0001_first.py").write_text(function_of(600))
    assert tidy.findings(tmp_path) == []


def function_of(lines: int) -> str:
    return '"""Made."""\n\n\ndef long():\n' + "    pass\n" * (lines - 1)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (function_of(71), "made.py:4: long has 71 lines"),
        ('"""Made."""\n' + "x = 1\n" * 500, "made.py:1: 501 lines"),
        (f'"""Made."""\n\n# {tidy.FORBIDDEN[0]}: later\n', f"made.py:3: {tidy.FORBIDDEN[0]}"),
        ("x = 1\n", "made.py:1: a module opens with a docstring"),
    ],
)
def test_finds(text: str, finding: str, tmp_path: Path) -> None:
    (only,) = findings_in(tmp_path, text)
    assert finding in only


def test_passes_the_longest_allowed_and_an_empty_file(tmp_path: Path) -> None:
    assert findings_in(tmp_path, function_of(70)) == []
    (tmp_path / "invoice_service/__init__.py").write_text("")
    assert tidy.findings(tmp_path) == []
