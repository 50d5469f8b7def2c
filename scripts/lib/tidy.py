"""Rules of our own that no tool knows, read from the code itself.

Short functions and files keep every part small enough to hold in the head; a note to do something
later belongs where work is planned, not in the code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from scripts.lib.paths import ROOT

PACKAGES = ("invoice_service", "chain", "scripts")
MAX_FUNCTION_LINES = 70
MAX_FILE_LINES = 500
# A migration is one list of tables, and is never touched again; `__main__` is one import.
MIGRATIONS = "migrations/versions"
# Written apart so that this file does not find itself.
FORBIDDEN = tuple("".join(word) for word in (("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("HA", "CK")))
_FORBIDDEN_WORD = re.compile(rf"\b({'|'.join(FORBIDDEN)})\b")


def findings(root: Path = ROOT) -> list[str]:
    """Every broken rule as `file:line: what`, sorted."""
    return sorted(
        finding
        for package in PACKAGES
        for path in (root / package).rglob("*.py")
        for finding in read(path, root)
    )


def read(path: Path, root: Path) -> Iterator[str]:
    text, name = path.read_text(), path.relative_to(root)
    lines = text.splitlines()
    may_be_long = MIGRATIONS in name.as_posix()
    if len(lines) > MAX_FILE_LINES and not may_be_long:
        yield f"{name}:1: {len(lines)} lines; a file has at most {MAX_FILE_LINES}"
    for number, line in enumerate(lines, 1):
        for word in _FORBIDDEN_WORD.findall(line):
            yield f"{name}:{number}: {word}: do it, or plan it where work is planned"
    tree = ast.parse(text)
    if lines and ast.get_docstring(tree) is None and path.name != "__main__.py":
        yield f"{name}:1: a module opens with a docstring that teaches its idea"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES and not may_be_long:
                rule = f"a function has at most {MAX_FUNCTION_LINES}"
                yield f"{name}:{node.lineno}: {node.name} has {length} lines; {rule}"
