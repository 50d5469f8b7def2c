"""The pages as files: small, complete, free of inline code, and said in both languages."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from collections.abc import Sequence
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import brotli
import jinja2
import pytest

from invoice_service.domain import party
from invoice_service.domain.money import to_fen
from scripts.lib import assets, node, translations

TEMPLATES = assets.ROOT / "invoice_service/web/templates"
FIRST_LOAD_MAX_BYTES = 110_000  # which leaves 10 kB to the page itself
ALL_TEMPLATES = sorted(TEMPLATES.rglob("*.html"))
# The page that works from disk carries its own script and style; its policy names them by their hashes.
OFFLINE = TEMPLATES / "public" / "offline.html"
CARRIED = {"offline.css", "offline.js"}


@pytest.fixture(scope="session")
def node_executable() -> Path:
    return node.find_or_install().executable


@pytest.fixture(scope="session")
def dist(node_executable: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of its own, so that no test depends on one made earlier."""
    folder = tmp_path_factory.mktemp("assets") / "dist"
    assets.build(node_executable, folder)
    return folder


@pytest.fixture(scope="session")
def manifest(dist: Path) -> dict[str, str]:
    return json.loads((dist / "manifest.json").read_text())


def test_manifest_lists_every_asset_that_a_page_asks_for(manifest: dict[str, str]) -> None:
    assert asked_for(*ALL_TEMPLATES) | CARRIED == set(manifest)


def test_a_name_says_its_content(dist: Path, manifest: dict[str, str], node_executable: Path) -> None:
    for name, file_name in manifest.items():
        stem, extension = name.split(".")
        assert re.fullmatch(rf"{stem}-[A-Z0-9]{{8}}\.{extension}", file_name)
    again = dist.parent / "again"
    assets.build(node_executable, again)
    assert json.loads((again / "manifest.json").read_text()) == manifest


def test_building_again_leaves_nothing_of_the_old_build(tmp_path: Path, node_executable: Path) -> None:
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / "stale-OLD.css").write_text("")
    assets.build(node_executable, folder)
    assert not (folder / "stale-OLD.css").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["dist"]


def test_compressed_copies_hold_the_same_bytes(dist: Path, manifest: dict[str, str]) -> None:
    for file_name in manifest.values():
        plain = (dist / file_name).read_bytes()
        assert brotli.decompress((dist / f"{file_name}.br").read_bytes()) == plain
        assert gzip.decompress((dist / f"{file_name}.gz").read_bytes()) == plain


def asked_for(*templates: Path) -> set[str]:
    return {name for path in templates for name in re.findall(r"asset\('([^']+)'\)", path.read_text())}


@pytest.mark.parametrize("suffix", [".br", ".gz"])
@pytest.mark.parametrize("folder", ["", "vendor"])
def test_first_load_of_a_phone_is_small(
    dist: Path, manifest: dict[str, str], suffix: str, folder: str
) -> None:
    on_phones = [path for path in (TEMPLATES / folder).glob("*.html") if "desk" not in path.name]
    names = asked_for(TEMPLATES / "base.html", *on_phones)
    assert sum((dist / (manifest[name] + suffix)).stat().st_size for name in names) <= FIRST_LOAD_MAX_BYTES


def test_licences_travel_with_the_code(dist: Path) -> None:
    text = (dist / "LICENSES.txt").read_text()
    assert "Tencent" in text
    assert "Permission to use, copy, modify, and/or distribute" in text  # htmx, 0BSD


def test_a_broken_source_stops_the_build_and_keeps_the_old_one(
    tmp_path: Path, node_executable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources, folder = tmp_path / "src", tmp_path / "dist"
    sources.mkdir()
    for entry in assets.ENTRIES:
        (sources / entry).write_text("}" if entry.endswith(".js") else "")
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    monkeypatch.setattr(assets, "SOURCES", sources)
    with pytest.raises(assets.BuildFailed, match="Unexpected"):
        assets.build(node_executable, folder)
    assert (folder / "manifest.json").read_text() == "{}"


class InlineCode(HTMLParser):
    """Collects what our content security policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        if tag == "style" or (tag == "script" and "src" not in values):
            self.found.append(f"inline <{tag}>")
        for name, value in attributes:
            if name == "style" or name.startswith(("on", "hx-on")):
                self.found.append(f"{name} on <{tag}>")
            if (value or "").strip().lower().startswith("javascript:"):
                self.found.append(f"javascript: in {name}")
            if name in ("src", "href", "action") and re.match(r"\s*(https?:)?//", value or ""):
                self.found.append(f"{name} leads to another host on <{tag}>")


def html_of(template: Path) -> str:
    """The HTML between a template's Jinja parts; where a value would stand, nothing does."""
    tokens = jinja2.Environment(autoescape=True).lex(template.read_text())
    return "".join(value for _line, kind, value in tokens if kind == "data")


@pytest.mark.parametrize("path", ALL_TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_inline_code_or_foreign_addresses(path: Path) -> None:
    parser = InlineCode()
    parser.feed(html_of(path))
    carried = ["inline <style>", "inline <script>", "inline <script>"]  # one of them holds data alone
    assert parser.found == (carried if path == OFFLINE else [])


def test_what_the_page_from_disk_carries_ends_where_it_should(dist: Path, manifest: dict[str, str]) -> None:
    script, style = ((dist / manifest[f"offline.{kind}"]).read_text() for kind in ("js", "css"))
    assert "</script" not in script.lower()
    assert "<!--" not in script
    assert "</style" not in style.lower()
    assert "url(" not in style
    assert "Paul Miller" in (dist / assets.OFFLINE_LICENCES).read_text()


@pytest.mark.parametrize("path", ALL_TEMPLATES, ids=lambda path: path.name)
def test_no_template_trusts_text_as_html(path: Path) -> None:
    assert not re.search(r"\|\s*safe\b|autoescape\s+false|Markup\(", path.read_text())


@pytest.mark.parametrize("path", ALL_TEMPLATES, ids=lambda path: path.name)
def test_no_english_is_left_outside_the_catalogue(path: Path) -> None:
    text = re.sub(r"<[^>]*>", " ", html_of(path))
    text = re.sub(r'[a-z-]+="[^"]*"', " ", text)  # a macro of attributes
    assert set(re.findall(r"[A-Za-z]{2,}", text)) <= {"English", "API", "wide", "PDF", "XLSX"}


def test_every_text_is_translated() -> None:
    assert translations.findings() == []


def test_the_browsers_credit_code_check_agrees_with_ours(node_executable: Path) -> None:
    """Real codes, wrong ones, and each single slip of a real one."""
    real = ["92532528MA6L45LX6L", "91440300708461136T"]
    slips = [
        code[:i] + character + code[i + 1 :]
        for code in real
        for i in range(18)
        for character in party.USCC_ALPHABET + "IOSVZ-"
    ]
    codes = [*real, *slips, "", "9" * 17, "9" * 19]
    answers = _in_node(node_executable, "uscc.js", "input.map(uscc.problem)", codes)
    assert [answer == "" for answer in answers] == [party.is_uscc(code) for code in codes]


def test_the_browsers_line_totals_agree_with_ours(node_executable: Path) -> None:
    prices = [1, 3, 99, 350, 1250, 999_999, 5_000_000]
    quantities = ["1", "0.5", "2.5", "0.333333", "0.000001", "0.001429", "12.345", "99999.999999", "100000"]
    baskets = [(price, quantity) for price in prices for quantity in quantities]
    expression = "input.map(([price, text]) => String(fen.lineFen(price, fen.decimal(text))))"
    answers = _in_node(node_executable, "fen.js", expression, baskets)
    ours = [to_fen(Decimal(price) / 100 * Decimal(quantity)) for price, quantity in baskets]
    assert [int(answer) for answer in answers] == ours


@pytest.mark.parametrize("text", ["", ".", "-1", "1e3", "1,5", "1.1234567", "abc", "٣"])
def test_the_browser_takes_only_plain_decimals(node_executable: Path, text: str) -> None:
    assert _in_node(node_executable, "fen.js", "input.map(fen.decimal)", [text]) == [None]


def test_the_browser_says_sums_below_zero_and_reads_counts_of_them(node_executable: Path) -> None:
    sums = [-5, 0, 5, -123_456]
    said = _in_node(node_executable, "fen.js", "input.map((n) => fen.yuan(BigInt(n)))", sums)
    assert said == ["-0.05", "0.00", "0.05", "-1234.56"]
    typed = ["-10.80", "−1,000", " 3 ", "--1", "-", ""]
    read = _in_node(node_executable, "counts.js", "input.map((text) => String(counts.count(text)))", typed)
    assert read == ["-1080", "-100000", "300", "null", "null", "null"]


def _in_node(executable: Path, module: str, expression: str, values: Sequence[object]) -> list[Any]:
    """`expression` of `input` (the values) and of the module under its own name, evaluated by Node."""
    name, address = module.removesuffix(".js"), (assets.SOURCES / module).as_uri()
    script = f"""import * as {name} from {json.dumps(address)};
        const input = {json.dumps(values)};
        console.log(JSON.stringify({expression}));"""
    command = [str(executable), "--input-type=module", "--eval", script]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(result.stdout)
