"""The one way to a PDF: a Typst template, and what varies on it as strings.

A string handed over here is never read as markup, so nothing that a person typed can become an
instruction; the fonts are ours alone, so the same strings give the same bytes on every machine; and a
character that the fonts lack is replaced before Typst sees it.
"""

from __future__ import annotations

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
        self.compilers: dict[tuple[str, Path], typst.Compiler] = {}


_KEPT = _Kept()


def compiled(template: str, inputs: dict[str, str], made_at: datetime, fonts: Path = FONTS) -> bytes:
    """The same strings give the same bytes, whatever was set before."""
    compiler, timestamp = _compiler(template, fonts), made_at.replace(microsecond=0)
    pdf = compiler.compile(format="pdf", sys_inputs=inputs, pdf_standards=["a-3b"], timestamp=timestamp)
    return cast(bytes, pdf)


def _compiler(template: str, fonts: Path) -> typst.Compiler:
    """It reads its template once, which saves a tenth of the time of every page."""
    found = _KEPT.compilers.get((template, fonts))
    if found is None:
        found = typst.Compiler(TEMPLATES / template, font_paths=_fonts(fonts), ignore_system_fonts=True)
        _KEPT.compilers[template, fonts] = found
    return found


@cache
def _fonts(folder: Path) -> typst.Fonts:
    """Read once a process: both weights are 10 MB each. Fonts of the machine would change the pages."""
    paths = [folder / weight for weight in WEIGHTS]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=paths)


def printable(value: Any, fonts: Path = FONTS) -> Any:
    """The same tree with every text in it made printable."""
    match value:
        case str():
            return glyphs.printable(value, fonts / TEXT_FONT)
        case Mapping():
            return {key: printable(part, fonts) for key, part in value.items()}
        case list() | tuple():
            return [printable(part, fonts) for part in value]
    return value
