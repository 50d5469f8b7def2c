"""./scripts/check: read the code without running it. One line a check; a failed one shows why."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

from scripts.lib import tidy, translations
from scripts.lib.paths import ROOT
from scripts.lib.progress import say

PYTHON = sys.executable
SCRIPTS = [
    f"scripts/{name}" for name in ("run", "test", "check", "bench") if (ROOT / "scripts" / name).exists()
]
TOOLS = {
    "style (ruff check)": ["-m", "ruff", "check", ".", *SCRIPTS],
    "format (ruff format)": ["-m", "ruff", "format", "--check", ".", *SCRIPTS],
    "types (mypy)": ["-m", "mypy", "-p", "invoice_service", "-p", "chain", "-p", "scripts.lib"],
    "imports (import-linter)": ["-c", "from importlinter.cli import lint_imports_command as run; run()"],
}
OURS: dict[str, Callable[[], list[str]]] = {
    "translations": translations.findings,
    "tidy (our own rules)": tidy.findings,
}


def main() -> int:
    """Run all checks, even after one failed: a person wants the whole list. Answers the exit code."""
    passed = [_tool(title, arguments) for title, arguments in TOOLS.items()]
    passed += [_ours(title, findings) for title, findings in OURS.items()]
    return 0 if all(passed) else 1


def _tool(title: str, arguments: list[str]) -> bool:
    started_s = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [PYTHON, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return _report(title, result.returncode == 0, result.stdout, started_s)


def _ours(title: str, findings: Callable[[], list[str]]) -> bool:
    started_s = time.monotonic()
    found = findings()
    return _report(title, not found, "\n".join(found), started_s)


def _report(title: str, passed: bool, output: str, started_s: float) -> bool:
    say(f"{'✓' if passed else '✗'} {title}  {time.monotonic() - started_s:.1f} s")
    if not passed:
        say(output)
    return passed
