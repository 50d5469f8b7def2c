"""The one catalogue of interface texts: `python -m scripts.lib.translations update|compile|check`.

English texts are the keys, so English needs no catalogue. `update` takes new texts from the code
into the catalogue and drops those no longer used; a person then translates what is empty. `compile`
makes the file that the pages read. `check` fails unless every text is translated, none is fuzzy, and
each translation keeps its placeholders.
"""

from __future__ import annotations

import string
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "invoice_service"
MAPPING = PACKAGE / "web/babel.cfg"
CATALOGUE = PACKAGE / "web/translations/zh/LC_MESSAGES/messages.po"
KEYWORDS = DEFAULT_KEYWORDS | {"N_": None, "lazy_gettext": None}


def texts_in_code() -> Catalog:
    """Every text that the package marks for translation, without translations."""
    with MAPPING.open() as file:
        method_map, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    found = Catalog(project="Stall Ledger", charset="utf-8")
    for name, _line, message, _comments, context in extract_from_dir(
        str(PACKAGE), method_map, options, keywords=KEYWORDS
    ):
        found.add(message, None, [(f"invoice_service/{name}", 1)], context=context)
    return found


def catalogue() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="zh")


def update() -> None:
    merged = catalogue()
    merged.update(texts_in_code(), no_fuzzy_matching=True, update_creation_date=False)
    merged.obsolete.clear()
    text = BytesIO()
    write_po(text, merged, width=110, sort_output=True, include_lineno=False)
    CATALOGUE.write_bytes(text.getvalue())


def compile_catalogue() -> None:
    compiled = BytesIO()
    write_mo(compiled, catalogue())
    CATALOGUE.with_suffix(".mo").write_bytes(compiled.getvalue())


def findings() -> list[str]:
    """What keeps the catalogue from being complete, one line each."""
    return list(_problems())


def _problems() -> Iterator[str]:
    translated, wanted = catalogue(), texts_in_code()
    for message in wanted:
        if message.id:
            yield from _problems_of(message, translated.get(message.id, message.context))
    for message in translated:
        if message.id and wanted.get(message.id, message.context) is None:
            yield f"no longer in the code: {message.id!r}"


def _problems_of(wanted: Message, found: Message | None) -> Iterator[str]:
    strings = _strings(found) if found else ()
    if found is None or not strings or not all(strings):
        yield f"not translated: {wanted.id!r} ({wanted.locations[0][0]})"
    elif found.fuzzy:
        yield f"fuzzy: {wanted.id!r}"
    elif any(_fields(text) != _fields(_singular(wanted)) for text in strings):
        yield f"other placeholders in the translation: {wanted.id!r}"
    elif faults := list(found.check()):
        yield f"{faults[0]}: {wanted.id!r}"


def _strings(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def _singular(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _fields(text: str) -> set[str]:
    """The names of the {brace} fields; Babel itself compares %(percent)s ones."""
    try:
        return {
            name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name is not None
        }
    except ValueError:  # a brace that is no field
        return set()


def main(command: str) -> int:
    if command == "update":
        update()
    elif command == "compile":
        compile_catalogue()
    elif command == "check":
        found = findings()
        print("\n".join(found) or "Every text is translated.")
        return 1 if found else 0
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main("".join(sys.argv[1:2])))
