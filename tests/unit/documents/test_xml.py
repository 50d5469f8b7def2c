"""UBL and the flat XML: valid by the official word, read back the same, and with suspicion."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoice_service.documents.printed import BUYER_ERASED
from invoice_service.documents.xml import terms
from invoice_service.documents.xml.flat import flat
from invoice_service.documents.xml.parsing import BYTES_MAX
from invoice_service.documents.xml.reading import Read, read
from invoice_service.documents.xml.ubl import ubl, ubl_credit_note, ubl_invoice
from invoice_service.domain.goods import UNITS
from invoice_service.domain.tax import rule_by_id
from invoice_service.errors import InvalidInput
from tests.en16931 import Judge, judging, schema_errors
from tests.unit.documents import bodies
from tests.unit.documents.bodies import buyer, credit_note, invoice, line, with_number

Body = dict[str, Any]
Writer = Callable[[Body, Body | None], bytes]
GOLDEN = Path(__file__).parent / "golden"
VECTORS = json.loads((Path(__file__).parents[2] / "vectors/documents.json").read_text())

EXEMPT = line(rule_by_id("vegetables"), name="小白菜", unit="斤", quantity="2.5", amount_fen=800, price="3.2")
TAXED = line(rule_by_id("small-scale-1"), name="豆腐", unit="份", quantity="1", amount_fen=1250, price="12.5")
ALLOWANCE = TAXED | {"quantity": None}
UNREGISTERED = {"name": "王大妈", "tax_id": None, "kind": "natural_person"}


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with judging() as found:
        yield found


def rules_without_effect(body: Body) -> set[str]:
    """EN 16931 asks for a seller's tax identifier, and who is not registered has none."""
    if body["seller"]["tax_id"] is not None:
        return set()
    asking = {"exempt": "BR-E-02", "taxed": "BR-S-02"}
    return {asking[each["treatment"]] for each in body["lines"]}


# --- the official word


@settings(max_examples=20, deadline=None)
@given(bodies.invoices() | bodies.credit_notes(), bodies.buyers())
def test_all_ubl_is_valid_and_keeps_every_rule(judge: Judge, body: Body, header: Body | None) -> None:
    data = ubl(body, with_number(header, body))
    assert schema_errors(data) == []
    assert judge.broken_rules(data) == rules_without_effect(body)


def test_the_judges_find_what_is_wrong(judge: Judge) -> None:
    """Else the test above would say nothing."""
    data = ubl(invoice(EXEMPT, TAXED), buyer())
    assert schema_errors(data.replace(b"<cbc:ID>26539000000000000001</cbc:ID>\n", b"")) != []
    assert judge.broken_rules(data.replace(b">20.50<", b">20.51<")) == {"BR-CO-15"}
    reason = "<cbc:TaxExemptionReason>财税〔2011〕137号</cbc:TaxExemptionReason>"
    assert judge.broken_rules(data.replace(reason.encode(), b"")) == {"BR-E-10"}
    assert "BR-CL-23" in judge.broken_rules(data.replace(b'"KGM"', b'"JIN"'))


def test_tax_by_line_stays_within_the_rules_at_sixty_lines(judge: Judge) -> None:
    """Each line of 13 % is rounded as far off as can be, always to the same side."""
    rule = rule_by_id("general-13")
    off = line(rule, name="酱油", unit="个", quantity="1", amount_fen=13, price="0.13")
    assert (off["net_fen"], off["tax_fen"]) == (12, 1)  # 11.504 without tax
    assert judge.broken_rules(ubl(invoice(*[off] * 60), buyer())) == set()


@pytest.mark.parametrize("remarks", ["送到后门", "#abc# 号", "#AAI#", "a#b", "多行\n备注"])
def test_remarks_are_no_subject_codes(judge: Judge, remarks: str) -> None:
    data = ubl(invoice(EXEMPT, remarks=remarks), None)
    assert judge.broken_rules(data) == set()
    assert read(data).body["remarks"] == remarks


@given(st.integers(0, 10**12), bodies.QUANTITIES, st.sampled_from([*UNITS, "捆"]))
@settings(max_examples=150, deadline=None)
def test_price_times_quantity_is_the_net_amount(net_fen: int, sold: str, unit: str) -> None:
    quantity, _ = terms.measured({"quantity": sold, "unit": unit})
    price = terms.net_price(net_fen, quantity)
    with localcontext(prec=60):
        assert (price * quantity * 100).quantize(Decimal(1), ROUND_HALF_UP) == net_fen
    assert -price.as_tuple().exponent <= 13


@pytest.mark.parametrize(
    ("unit", "code", "quantity", "price"),
    [
        ("斤", "KGM", "1.25", "6.4"), ("公斤", "KGM", "2.5", "3.2"), ("两", "KGM", "0.125", "64"),
        ("个", "H87", "2.5", "3.2"), ("把", "XBH", "2.5", "3.2"), ("条", "H87", "2.5", "3.2"),
        ("只", "H87", "2.5", "3.2"), ("盒", "XBX", "2.5", "3.2"), ("份", "PTN", "2.5", "3.2"),
        ("捆", "C62", "2.5", "3.2"),
    ],
)  # fmt: skip
def test_units(unit: str, code: str, quantity: str, price: str) -> None:
    text = ubl(invoice(EXEMPT | {"unit": unit}), None).decode()
    assert f'<cbc:InvoicedQuantity unitCode="{code}">{quantity}</cbc:InvoicedQuantity>' in text
    assert f'<cbc:PriceAmount currencyID="CNY">{price}</cbc:PriceAmount>' in text
    assert set(UNITS) == set(terms.UNIT_CODES)


def test_no_quantity_is_one_allowance(judge: Judge) -> None:
    data = ubl(credit_note(ALLOWANCE, reason="04"), buyer())
    assert b'<cbc:CreditedQuantity unitCode="C62">1</cbc:CreditedQuantity>' in data
    assert b'<cbc:PriceAmount currencyID="CNY">12.38</cbc:PriceAmount>' in data
    assert judge.broken_rules(data) == set()


# --- the same as what it was made from


@settings(max_examples=40, deadline=None)
@given(bodies.invoices() | bodies.credit_notes(), bodies.buyers())
def test_import_gives_what_was_exported(body: Body, header: Body | None) -> None:
    header = with_number(header, body)
    assert read(ubl(body, header)) == Read(body, header)
    assert read(flat(body, header)) == Read(body, header)


@pytest.mark.parametrize("write", [ubl, flat])
@pytest.mark.parametrize("name", ["invoice", "credit-note"])
def test_golden_files(name: str, write: Writer) -> None:
    """The documents of the vectors: read by eye, and the same to the byte ever since."""
    data = write(VECTORS[name]["value"], VECTORS["buyer"]["value"])
    assert data.decode() == (GOLDEN / f"{name}.{write.__name__}.xml").read_text()


def test_what_the_flat_one_prints_for_tax_and_for_minus() -> None:
    blue, red = flat(invoice(EXEMPT, TAXED), None).decode(), flat(credit_note(EXEMPT, TAXED), None).decode()
    for words in ("<税率>免税</税率>\n<税率代码>-2</税率代码>", "<税率>1%</税率>\n<税率代码>0.01</税率代码>"):
        assert words in blue
        assert words in red
    assert "<数量>2.5</数量>" in blue
    assert "<数量>-2.5</数量>" in red
    assert "<价税合计小写>20.50</价税合计小写>" in blue
    assert "<价税合计小写>-20.50</价税合计小写>" in red
    assert "<价税合计大写>（负数）贰拾圆伍角整</价税合计大写>" in red


def test_only_what_is_all_self_produced_is_an_element_type() -> None:
    own = EXEMPT | {"rule": "self-produced"}
    assert "<特定要素类型代码>12</特定要素类型代码>" in flat(invoice(own, own), None).decode()
    assert "特定要素类型代码" not in flat(invoice(own, EXEMPT), None).decode()


def test_rates_of_general_taxpayers() -> None:
    produce, goods = (
        line(rule_by_id(rule), name="茶", unit="盒", quantity="3", amount_fen=1000, price="3.33")
        for rule in ("agricultural-9", "general-13")
    )
    text = ubl(invoice(produce, goods), buyer()).decode()
    assert text.count("<cbc:Percent>9</cbc:Percent>") == text.count("<cbc:Percent>13</cbc:Percent>") == 2
    assert "TaxExemptionReason" not in text


# --- hostile words


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>", "]]>", "<![CDATA[x]]>", "&amp;&lt;&#x41;&xxe;", "<!DOCTYPE a>",
        "<?php ?>",
        "--> <!--", "\" onload='x'", "{{ 7*7 }} ${7*7} #eval", "\u202eabc\u202c", "a\u200bb", "W" * 100,
        "  outer spaces  ", "two\nlines\tand", "CN", "erased", "是", "#ACB#开具时间 x", "（负数）",
        "\u0085\u2028", "😀ꀀ",
    ],
)  # fmt: skip
def test_what_people_typed_stays_text_in_every_field(text: str) -> None:
    body = _everywhere(text)
    header = buyer(name=text, tax_id=text)
    for written in (ubl(body, header), flat(body, header)):
        assert read(written) == Read(body, header)
    assert schema_errors(ubl(body, header)) == []


@pytest.mark.parametrize("lost", ["\x00", "\x08", "\x0b", "\x1f", "\r", "\ud800", "\ufffe", "\uffff"])
def test_what_xml_cannot_carry_is_replaced_in_one_way(lost: str) -> None:
    header = buyer(name=f"甲{lost}乙")
    for written in (ubl(_everywhere(f"甲{lost}乙"), header), flat(_everywhere(f"甲{lost}乙"), header)):
        assert read(written) == Read(_everywhere("甲\ufffd乙"), buyer(name="甲\ufffd乙"))


def _everywhere(text: str) -> Body:
    typed = {"name": text, "unit": text, "basis": text, "rule": text, "tax_code": text}
    return invoice(
        EXEMPT | typed,
        TAXED | typed,
        remarks=text,
        market={"code": text, "name": text, "region": text},
        stall={"code": text, "name": text},
        seller={"name": text, "tax_id": text, "kind": "general"},
    )


def test_nobody_is_erased_by_what_they_are_called() -> None:
    someone = bodies.PERSON | {"name": BUYER_ERASED}
    for write in (ubl_invoice, flat):
        assert read(write(invoice(EXEMPT), someone)).buyer == someone
        assert read(write(invoice(EXEMPT), None)).buyer is None


# --- strangers' files

LAUGHS = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>'


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (LAUGHS, "xml.forbidden"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "xml.forbidden"),
        ('<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>', "xml.forbidden"),
        ("<!DOCTYPE a [<!ENTITY % p SYSTEM 'http://127.0.0.1/p'> %p;]><a/>", "xml.forbidden"),
        ("<!DOCTYPE a><a/>", "xml.forbidden"),
        ("<a>" * 100_000, "xml.forbidden"),
        ("<a>" + " " * 100_000_000 + "</a>", "xml.too_large"),
        ("<" * (BYTES_MAX + 1), "xml.too_large"),
        ("", "xml.unreadable"), ("{}", "xml.unreadable"), ("%PDF-1.7", "xml.unreadable"),
        ("<a>", "xml.unreadable"),
        ("<a>&x;</a>", "xml.unreadable"), ("<a b='1' b='2'/>", "xml.unreadable"),
        ("<a>\x00</a>", "xml.unreadable"),
        ("<a/><b/>", "xml.unreadable"), ("<x:a/>", "xml.unreadable"), ("<a>&#0;</a>", "xml.unreadable"),
        ("<a>" * 15 + "</a>" * 15, "xml.foreign"),
        ("<html/>", "xml.foreign"), ("<Invoice/>", "xml.foreign"), ("<数电票/>", "xml.foreign"),
        ('<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>', "xml.foreign"),
        ('<CreditNote xmlns="urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"/>', "xml.foreign"),
        ('<数电票 xmlns="urn:stall-ledger:shudianpiao:1"/>', "xml.foreign"),
    ],
)  # fmt: skip
def test_strangers_files_are_refused_by_name(data: str, code: str) -> None:
    assert refusal(data.encode()) == code


@pytest.mark.parametrize(
    "data", ['<?xml version="1.0"?><a/>'.encode("utf-16"), "<a>菜</a>".encode("gbk"), b"<a>\xff</a>"]
)
def test_other_encodings_are_refused(data: bytes) -> None:
    assert refusal(data) == "xml.unreadable"


def refusal(data: bytes) -> str | None:
    try:
        read(data)
    except InvalidInput as error:
        return error.code
    return None


HUGE = "9" * 5_000
BLUE, NOTE = invoice(EXEMPT, TAXED), credit_note(EXEMPT, ALLOWANCE)
CHANGES: list[tuple[Writer, Body, str, str]] = [
    (ubl, BLUE, ">20.50</cbc:TaxIncl", ">20.51</cbc:TaxIncl"),  # then more is prepaid than it says
    (ubl, BLUE, ">0.00</cbc:PayableAmount>", ">9.00</cbc:PayableAmount>"),
    (ubl, BLUE, ">1.25</cbc:InvoicedQuantity>", ">1.26</cbc:InvoicedQuantity>"),
    (ubl, BLUE, ">6.4</cbc:PriceAmount>", ">6.40</cbc:PriceAmount>"),
    (ubl, BLUE, "<cbc:Value>2.5</cbc:Value>", "<cbc:Value>1e999999999</cbc:Value>"),
    (ubl, BLUE, "<cbc:Value>2.5</cbc:Value>", "<cbc:Value>0</cbc:Value>"),
    (ubl, BLUE, "<cbc:Value>2.5</cbc:Value>", f"<cbc:Value>{HUGE}</cbc:Value>"),
    (ubl, BLUE, "<cbc:Value>2.5</cbc:Value>", "<cbc:Value>NaN</cbc:Value>"),
    (ubl, BLUE, "<cbc:Value>2.5</cbc:Value>", "<cbc:Value>٢</cbc:Value>"),
    (ubl, BLUE, ">8.00</cbc:LineExt", f">{HUGE}.00</cbc:LineExt"),
    (ubl, BLUE, ">20.50</cbc:TaxIncl", ">-20.50</cbc:TaxIncl"),  # no capitals below zero
    (ubl, BLUE, ">20.50</cbc:TaxIncl", ">99999999999.99</cbc:TaxIncl"),
    (ubl, BLUE, "2026-11-23T16:26:51.123Z", "9999-12-31T23:59:59.999Z"),
    (ubl, BLUE, "2026-11-23T16:26:51.123Z", "yesterday"),
    (ubl, BLUE, "<cbc:IssueDate>2026-11-24", "<cbc:IssueDate>2026-11-23"),
    (ubl, BLUE, "<cbc:ID>E</cbc:ID>", "<cbc:ID>Z</cbc:ID>"),
    (ubl, BLUE, "<cbc:Percent>1</cbc:Percent>", "<cbc:Percent>1.0</cbc:Percent>"),
    (ubl, BLUE, "CNY</cbc:DocumentCurrencyCode>", "EUR</cbc:DocumentCurrencyCode>"),
    (ubl, BLUE, 'currencyID="CNY">8.00', 'currencyID="EUR">8.00'),
    (ubl, BLUE, "<cbc:Name>小白菜</cbc:Name>", "<cbc:Name>小白菜</cbc:Name><cbc:Name>金条</cbc:Name>"),
    (ubl, BLUE, "</cac:Party>\n", "</cac:Party>\nsee elsewhere\n"),
    (ubl, BLUE, "<cac:LegalMonetaryTotal>", '<cac:LegalMonetaryTotal x="1">'),
    (ubl, BLUE, "小规模纳税人", "大规模纳税人"),
    (ubl, BLUE, "交易鉴证 sale", "交易鉴证"),
    (ubl, BLUE, "<cbc:Name>税收规则</cbc:Name>", "<cbc:Name>规则</cbc:Name>"),
    (ubl, BLUE, "<cac:PartyIdentification>\n<cbc:ID>A01</cbc:ID>\n</cac:PartyIdentification>\n", ""),
    (ubl, BLUE, "<cbc:Note>#ACB#开具时间 2026-11-23T16:26:51.123Z</cbc:Note>", ""),
    (ubl, NOTE, "#ACD#02 销货退回", "#ACD#02 开票有误"),
    (ubl, NOTE, "#ACD#02 销货退回", "#ACD#09 其他"),
    (ubl, NOTE, "全额红冲 否", "全额红冲 未必"),
    (ubl, NOTE, "红字发票张数 0", "红字发票张数 ０"),
    (ubl, NOTE, "<cbc:IssueDate>2026-11-21", "<cbc:IssueDate>2026-11-20"),
    (flat, BLUE, "<税率>免税</税率>", "<税率>1%</税率>"),
    (flat, BLUE, "<税率代码>0.01</税率代码>", "<税率代码>0.010</税率代码>"),
    (flat, BLUE, "<单价>3.2</单价>", "<单价>3.3</单价>"),
    (flat, BLUE, "<数量>2.5</数量>", "<数量>0</数量>"),
    (flat, BLUE, "<数量>2.5</数量>", "<数量>1e999999999</数量>"),
    (flat, BLUE, "<开票日期>2026-11-24", "<开票日期>2026-11-23"),
    (flat, BLUE, "<序号>2</序号>", "<序号>3</序号>"),
    (flat, BLUE, "<备注></备注>", "<备注></备注><备注>另有</备注>"),
    (flat, BLUE, "<购买方类型>单位", "<购买方类型>公司"),
    (flat, BLUE, "<蓝字发票标志>0", "<蓝字发票标志>1"),
    (flat, NOTE, "<价税合计小写>-20.50", "<价税合计小写>20.50"),
    (flat, NOTE, "<数量>-2.5", "<数量>2.5"),
    (flat, BLUE, "<数量>2.5", "<数量>-2.5"),
    (flat, BLUE, "<税额>0.12", "<税额>-0.12"),
    (flat, NOTE, "<红冲原因>销货退回", "<红冲原因>服务中止"),
    (flat, NOTE, "<价税合计大写>（负数）", "<价税合计大写>"),
]  # fmt: skip


@pytest.mark.parametrize(("write", "body", "old", "new"), CHANGES)
def test_a_file_that_says_something_besides_is_not_ours(
    write: Writer, body: Body, old: str, new: str
) -> None:
    text = write(body, buyer()).decode()
    assert old in text
    assert refusal(text.replace(old, new, 1).encode()) == "xml.foreign"


@pytest.mark.parametrize("write", [ubl, flat])
def test_how_a_file_is_laid_out_says_nothing(write: Writer) -> None:
    body, text = invoice(EXEMPT, TAXED), write(invoice(EXEMPT, TAXED), buyer()).decode()
    for same in (
        text.replace("\n", ""),
        text.replace("\n<", "\r\n    <").replace("UTF-8", "gb18030"),
        "\ufeff" + text,
        text.replace("\n<", "\n<!-- printed by another program -->\n<", 5),
        text.replace("小白菜", "&#x5c0f;<![CDATA[白菜]]>"),
    ):
        assert read(same.encode()) == Read(body, buyer())


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([ubl(BLUE, buyer()), flat(NOTE, None)]),
    st.integers(0),
    st.integers(0, 9),
    st.binary(max_size=6),
)
def test_bytes_that_changed_on_the_way_are_read_or_refused(
    data: bytes, place: int, lost: int, come: bytes
) -> None:
    place %= len(data)
    assert refusal(data[:place] + come + data[place + lost :]) in (None, "xml.unreadable", "xml.foreign")


def test_one_call_for_each_document() -> None:
    assert ubl(BLUE, None) == ubl_invoice(BLUE, None)
    assert ubl(NOTE, None) == ubl_credit_note(NOTE, None)
