"""The JSON Schemas take what the service writes, and nothing that is nearly so."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema_rs import Draft202012Validator, meta

from invoice_service.documents.schemas import NAMES, schema
from invoice_service.domain.tax import rule_by_id
from tests.unit.documents import bodies

Body = dict[str, Any]
VECTORS = json.loads((Path(__file__).parents[2] / "vectors/documents.json").read_text())
VALIDATORS = {name: Draft202012Validator(json.loads(schema(name))) for name in NAMES}

EXEMPT = bodies.line(
    rule_by_id("vegetables"), name="小白菜", unit="斤", quantity="2.5", amount_fen=800, price="3.2"
)
TAXED = bodies.line(
    rule_by_id("small-scale-1"), name="豆腐", unit="份", quantity="1", amount_fen=1250, price="12.5"
)
GOOD: dict[str, Body] = {
    "invoice": bodies.invoice(EXEMPT, TAXED),
    "credit-note": bodies.credit_note(EXEMPT, TAXED | {"quantity": None}),
    "buyer": bodies.buyer(),
}


def fits(body: Body) -> bool:
    return VALIDATORS[body["type"]].is_valid(body)


@pytest.mark.parametrize("name", NAMES)
def test_each_is_a_schema_of_its_draft(name: str) -> None:
    read = json.loads(schema(name))
    meta.validate(read)
    assert read["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert fits(GOOD[name])


@pytest.mark.parametrize("name", ["invoice", "buyer", "buyer, a person", "credit-note"])
def test_the_vectors_fit(name: str) -> None:
    assert fits(VECTORS[name]["value"])


@settings(max_examples=30, deadline=None)
@given(bodies.invoices(), bodies.credit_notes(), bodies.buyers())
def test_what_can_be_written_fits(invoice: Body, note: Body, buyer: Body | None) -> None:
    assert fits(invoice)
    assert fits(note)
    assert buyer is None or fits(buyer)


@pytest.mark.parametrize("name", NAMES)
def test_no_member_may_be_missing_or_new(name: str) -> None:
    for path in _objects(GOOD[name]):
        for member in list(_at(GOOD[name], path)):
            body = deepcopy(GOOD[name])
            value = _at(body, path).pop(member)
            assert not VALIDATORS[name].is_valid(body), (path, member)
            _at(body, path)[f"{member}_"] = value
            _at(body, path)[member] = value
            assert not VALIDATORS[name].is_valid(body), (path, member)


def _objects(body: Body) -> list[tuple[str | int, ...]]:
    """Where objects stand in a body."""
    inner = [(key,) for key, value in body.items() if isinstance(value, dict)]
    return [(), *inner, *(("lines", place) for place in range(len(body.get("lines", []))))]


def _at(body: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        body = body[step]
    return body


@pytest.mark.parametrize("name", NAMES)
def test_nothing_may_be_null_but_what_is_named(name: str) -> None:
    may_be = {
        (("seller",), "tax_id"), (("lines", 0), "quantity"), (("lines", 1), "quantity")
    } if name == "credit-note" else {(("seller",), "tax_id")}  # fmt: skip
    nulls = set()
    for path in _objects(GOOD[name]):
        for member in _at(GOOD[name], path):
            body = deepcopy(GOOD[name])
            _at(body, path)[member] = None
            nulls |= {(path, member)} if VALIDATORS[name].is_valid(body) else set()
    assert nulls == (may_be if name != "buyer" else set())


def _line(**changes: Any) -> Callable[[Body], None]:
    return lambda body: body["lines"][0].update(changes)


def _taxed_line(**changes: Any) -> Callable[[Body], None]:
    return lambda body: body["lines"][1].update(changes)


def _own(**changes: Any) -> Callable[[Body], None]:
    return lambda body: body.update(changes)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("invoice", _own(type="credit-note")), ("invoice", _own(version=2)), ("invoice", _own(version="1")),
        ("invoice", _own(number="2653900000000000001")), ("invoice", _own(number="２" * 20)),
        ("invoice", _own(number="26539000000000000001\n")), ("invoice", _own(number=2653)),
        ("invoice", _own(issuer="3F" * 32)), ("invoice", _own(issued_at="2026-11-23T16:26:51Z")),
        ("invoice", _own(issued_at="2026-11-23T16:26:51.123+08:00")), ("invoice", _own(lines=[])),
        ("invoice", _own(total_fen=-1)), ("invoice", _own(total_fen=1.5)), ("invoice", _own(net_fen="1")),
        ("invoice", _own(total_fen=10**12 + 1)), ("invoice", _own(tax_fen=True)),
        ("invoice", _own(net_fen=2**53)), ("invoice", _own(total_capitals="")),
        ("invoice", _own(seller={"name": "李", "tax_id": "92532528MA6L45LXIL", "kind": "general"})),
        ("invoice", _own(seller={"name": "李", "tax_id": None, "kind": "company"})),
        ("invoice", _own(market={"code": "P", "name": "M", "region": "5308"})),
        ("invoice", _line(quantity="0")), ("invoice", _line(quantity="-1")),
        ("invoice", _line(quantity="1e3")),
        ("invoice", _line(quantity="2.50")), ("invoice", _line(quantity="02")),
        ("invoice", _line(quantity=2)),
        ("invoice", _line(quantity=None)), ("invoice", _line(tax_code="1010112")),
        ("invoice", _line(unit="")),
        ("invoice", _line(treatment="free")), ("invoice", _line(rate="0.01")), ("invoice", _line(tax_fen=1)),
        ("invoice", _taxed_line(rate="0.00")), ("invoice", _taxed_line(rate="1.00")),
        ("invoice", _line(line=0)), ("credit-note", _line(line=-1)), ("credit-note", _line(amount_fen=-800)),
        ("credit-note", _own(reason="05")), ("credit-note", _own(whole=1)), ("credit-note", _own(notes=-1)),
        ("credit-note", _own(refund="ef" * 32)), ("credit-note", _own(invoice="26539000000000000001")),
        ("buyer", _own(kind="company")), ("buyer", _own(tax_id=None)), ("buyer", _own(kind="individual")),
        ("buyer", _own(name="")), ("buyer", _own(name="W" * 101)), ("buyer", _own(invoice="1")),
    ],
)  # fmt: skip
def test_wrong_ones_are_refused(name: str, wrong: Callable[[Body], None]) -> None:
    body = deepcopy(GOOD[name])
    wrong(body)
    assert not VALIDATORS[name].is_valid(body)
