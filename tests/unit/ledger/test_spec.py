"""SPEC.md tells the truth: its examples are the vectors' values, and it names every byte and member."""

from __future__ import annotations

import base64
import json
import re
from datetime import date, timedelta
from typing import Any

import pytest

from invoice_service.ledger import entry
from invoice_service.ledger.evidence import MAX_BYTES
from scripts.lib.paths import ROOT
from tests.unit.ledger.vectors import load

SPEC = (ROOT / "invoice_service" / "ledger" / "SPEC.md").read_text("utf-8")
EXAMPLE = re.compile(r"^    (\w+\.json) (/\S+)\n    (.+)$", re.MULTILINE)
EXAMPLES = EXAMPLE.findall(SPEC)
SECTIONS = {part.partition(".")[0]: part for part in SPEC.split("\n## ")[1:]}
INVOICE = load("evidence.json")["files"]["invoice"]


def at(document: Any, pointer: str) -> Any:
    for key in pointer.split("/")[1:]:
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def members(value: Any) -> set[str]:
    """Every member's name, at any depth."""
    if isinstance(value, dict):
        return set(value).union(*map(members, value.values()))
    return set().union(*map(members, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize(("file", "pointer", "value"), EXAMPLES)
def test_its_examples_are_the_vectors(file: str, pointer: str, value: str) -> None:
    assert json.loads(value) == at(load(file), pointer)


def test_every_section_has_examples() -> None:
    assert list(SECTIONS) == [str(number) for number in range(1, 11)]
    assert [number for number in SECTIONS if not EXAMPLE.search(SECTIONS[number])] == []


@pytest.mark.parametrize(
    ("section", "document"),
    [
        ("4", load("documents.json")["sale"]["value"]),
        ("4", load("documents.json")["invoice"]["value"]),
        ("4", load("documents.json")["buyer"]["value"]),
        ("4", load("documents.json")["access_day"]["value"]),
        ("4", load("documents.json")["return"]["value"]),
        ("4", load("access.json")["records"][1]["value"]),
        ("5", INVOICE["issuer"]["statement"]),
        ("8", dict.fromkeys(INVOICE)),
    ],
    ids=["sale", "invoice", "buyer", "access day", "return", "access record", "statement", "evidence"],
)
def test_it_names_every_member(section: str, document: Any) -> None:
    assert {name for name in members(document) if f"`{name}`" not in SECTIONS[section]} == set()


def test_it_names_what_a_forks_proof_holds() -> None:
    assert {name for name in load("log.json")["fork"]["proof"] if f"`{name}`" not in SECTIONS["9"]} == set()


def rows_of(section: str) -> list[tuple[int, int]]:
    """(offset, size) of each row of its table of bytes."""
    found = re.findall(r"^\| (\d+) \| (\d+) \|", SECTIONS[section], re.MULTILINE)
    return [(int(offset), int(size)) for offset, size in found]


def test_its_table_of_offsets_is_the_entrys() -> None:
    rows = rows_of("3")
    assert [offset for offset, _ in rows] == [sum(size for _, size in rows[:n]) for n in range(len(rows))]
    assert sum(size for _, size in rows) == entry.ENTRY_BYTES
    made = load("entry.json")["good"][1]
    sizes = [1, 32, 20, 32, 32]
    fields = ["kind", "issuer_id", "claim_address", "body_commitment", "buyer_commitment"]
    for (offset, size), expected, name in zip(rows[1:], sizes, fields, strict=False):
        cut = made["bytes"][2 * offset : 2 * (offset + size)]
        assert (size, cut) == (expected, f"{made[name]:02x}" if name == "kind" else made[name])


def test_its_table_of_offsets_is_the_links() -> None:
    rows = rows_of("10")
    assert [offset for offset, _ in rows] == [sum(size for _, size in rows[:n]) for n in range(len(rows))]
    made = load("link.json")["good"][1]
    data = base64.urlsafe_b64decode(made["code"] + "==")
    kind, number, day, total = (
        int.from_bytes(data[offset : offset + size], "big") for offset, size in rows[:-1]
    )
    assert (kind, f"{number:020d}", total) == (made["kind"], made["number"], made["total_fen"])
    assert date(1970, 1, 1) + timedelta(day) == date.fromisoformat(made["day"])
    assert sum(rows[-1]) == len(data)


def test_it_names_every_verdict_and_reason_of_a_link() -> None:
    for case in load("link.json")["cases"]:
        assert f"**{case['verdict']}** | `{case['reason']}`" in SECTIONS["10"]


def test_it_names_every_kind_limit_and_verdict() -> None:
    assert [
        f"{kind.value} {kind.name}" for kind in entry.Kind if f"{kind.value} {kind.name}" not in SPEC
    ] == []
    assert f"{MAX_BYTES:,} bytes" in SECTIONS["8"]
    verdicts = {case["verdict"] for case in load("evidence.json")["cases"]}
    assert {verdict for verdict in verdicts if f"**{verdict}**" not in SECTIONS["8"]} == set()
