"""The one way to a PDF: a Typst template, and what varies on it as strings.

A template is a function, and what is compiled is one call of it: the page's words as one literal of JSON,
and each file as a literal of its own. So Typst finds the template as it was the last time, and keeps what it
worked out about it; data handed over as inputs of the program would make it work out all of it, its own
library included, once more for every page.

A string handed over here is never read as markup, so nothing that a person typed can become an
instruction; the fonts are ours alone, so the same strings give the same bytes on every machine; and a
character that the fonts lack is replaced before Typst sees it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from threading import local
from typing import Any, cast

import typst

from invoice_service.documents import glyphs

TEMPLATES = Path(__file__).with_name("templates")
FONTS = Path(__file__).parents[2] / "node_modules" / "@expo-google-fonts" / "noto-sans-sc"
WEIGHTS = ("400Regular", "700Bold")
TEXT_FONT = Path("400Regular", "NotoSansSC_400Regular.ttf")


class _Kept(local):
    """What a thread has for itself, since two threads in one compiler are an error."""

    def __init__(self) -> None:
        self.compilers: dict[Path, typst.Compiler] = {}


_KEPT = _Kept()


def compiled(
    template: str,
    page: Mapping[str, Any],
    made_at: datetime,
    *,
    files: Mapping[str, str] | None = None,
    fonts: Path = FONTS,
) -> bytes:
    """What the template's `pages(page, files)` draws. `page` is text for people, made printable here; `files`
    are taken as they are: drawings in SVG, and attachments.

    The same strings give the same bytes, whatever was set before.
    """
    shown = glyphs.coverage(fonts / TEXT_FONT)
    data = _literal(json.dumps(_printable(page, shown), ensure_ascii=False))
    named = ", ".join(f"{_literal(name)}: {_literal(text)}" for name, text in (files or {}).items())
    call = f'#import "/{template}": pages\n#pages(json(bytes({data})), ({named or ":"}))'
    timestamp = made_at.replace(microsecond=0)
    pdf = _compiler(fonts).compile(call.encode(), format="pdf", pdf_standards=["a-3b"], timestamp=timestamp)
    return cast(bytes, pdf)


def _literal(text: str) -> str:
    """As a string of Typst, whose every other character stands for itself."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _compiler(fonts: Path) -> typst.Compiler:
    found = _KEPT.compilers.get(fonts)
    if found is None:
        found = typst.Compiler(b"", root=TEMPLATES, font_paths=_fonts(fonts), ignore_system_fonts=True)
        _KEPT.compilers[fonts] = found
    return found


@cache
def _fonts(folder: Path) -> typst.Fonts:
    """Read once a process: both weights are 10 MB each. Fonts of the machine would change the pages."""
    paths = [folder / weight for weight in WEIGHTS]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=paths)


def _printable(value: Any, shown: frozenset[str]) -> Any:
    """The same tree with every text in it made printable with these characters."""
    match value:
        case str():
            return glyphs.printable(value, shown)
        case Mapping():
            return {key: _printable(part, shown) for key, part in value.items()}
        case list() | tuple():
            return [_printable(part, shown) for part in value]
    return value
