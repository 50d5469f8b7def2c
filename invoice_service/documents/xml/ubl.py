"""Invoices and credit notes as UBL 2.1 to EN 16931, the language of accounting programs everywhere.

Our lines are priced with tax, EN 16931's without: so each has a net price that gives its net amount again,
and what the seller asked stands beside it as an attribute of the item. Everything is paid (or paid back)
before a document exists, hence nothing is payable. `docs/reference/xml.md` names each element, and what UBL
cannot say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from invoice_service.documents.printed import BUYER_ERASED, REASONS
from invoice_service.documents.xml import terms
from invoice_service.documents.xml.writing import branch, document, leaf
from invoice_service.domain.invoice import decimal_text
from invoice_service.domain.money import yuan
from invoice_service.domain.numbering import business_day

Body = Mapping[str, Any]

CUSTOMIZATION = "urn:cen.eu:en16931:2017"
SCHEMA = "urn:oasis:names:specification:ubl:schema:xsd:"
PARTS = {"cac": f"{SCHEMA}CommonAggregateComponents-2", "cbc": f"{SCHEMA}CommonBasicComponents-2"}
CURRENCY, COUNTRY = "CNY", "CN"
NATIONAL_CODES = "GN"  # UNTDID 7143: a group of products in a national agency's list
ERASED_ID = "erased"

# Notes begin with a subject of UNTDID 4451, so that no remark can be taken for one.
REMARK, REASON, FACT = "#AAI#", "#ACD#", "#ACB#"
ISSUED_AT = f"{FACT}开具时间 "
ORIGINAL_ISSUED_AT = f"{FACT}原发票开具时间 "
NOTES_BEFORE = f"{FACT}此前红字发票张数 "
WHOLE = f"{FACT}全额红冲 "
# Documents that this one rests on, by what they are.
ISSUER, SALE, ORIGINAL, REFUND = "开票系统 issuer", "交易鉴证 sale", "原发票 invoice", "退款 refund"
# Attributes of an item.
UNIT, QUANTITY, PRICE, TAX, RULE, BASIS = "单位", "数量", "含税单价", "税额", "税收规则", "依据"


@dataclass(frozen=True, slots=True)
class Kind:
    """What differs between the two documents of UBL."""

    name: str
    version: str
    type_code: tuple[str, str]
    line: str
    quantity: str

    @property
    def namespace(self) -> str:
        return f"{SCHEMA}{self.name}-2"


INVOICE = Kind(
    "Invoice",
    "urn:stall-ledger:invoice:1",
    ("cbc:InvoiceTypeCode", "380"),
    "cac:InvoiceLine",
    "cbc:InvoicedQuantity",
)
CREDIT_NOTE = Kind(
    "CreditNote",
    "urn:stall-ledger:credit-note:1",
    ("cbc:CreditNoteTypeCode", "381"),
    "cac:CreditNoteLine",
    "cbc:CreditedQuantity",
)


def ubl(body: Body, buyer: Body | None) -> bytes:
    """Either document, by its type."""
    return ubl_invoice(body, buyer) if body["type"] == "invoice" else ubl_credit_note(body, buyer)


def ubl_invoice(body: Body, buyer: Body | None) -> bytes:
    """An invoice body and its buyer document (None once erased); the same ones give the same bytes."""
    return _document(
        INVOICE,
        body,
        buyer,
        lines=[_line(INVOICE, number, line) for number, line in enumerate(body["lines"], 1)],
        references=[_reference(ISSUER, body["issuer"]), _reference(SALE, body["sale"])],
        notes=[],
        billing=[],
    )


def ubl_credit_note(body: Body, buyer: Body | None) -> bytes:
    """A credit note body and the buyer document of its invoice (None once erased)."""
    original = body["invoice"]
    notes = [
        f"{REASON}{body['reason']} {REASONS[body['reason']]}",
        ORIGINAL_ISSUED_AT + original["issued_at"],
        f"{NOTES_BEFORE}{body['notes']}",
        WHOLE + (terms.YES if body["whole"] else terms.NO),
    ]
    billed = [leaf("cbc:ID", original["number"]), leaf("cbc:IssueDate", _day(original["issued_at"]))]
    return _document(
        CREDIT_NOTE,
        body,
        buyer,
        lines=[_line(CREDIT_NOTE, line["line"] + 1, line) for line in body["lines"]],
        references=[
            _reference(ISSUER, body["issuer"]),
            _reference(ORIGINAL, original["commitment"]),
            _reference(REFUND, body["refund"]),
        ],
        notes=notes,
        billing=[branch("cac:BillingReference", branch("cac:InvoiceDocumentReference", *billed))],
    )


def _document(
    kind: Kind,
    body: Body,
    buyer: Body | None,
    *,
    lines: list[str],
    references: list[str],
    notes: list[str],
    billing: list[str],
) -> bytes:
    remarks = [REMARK + body["remarks"]] if body["remarks"] else []
    return document(
        kind.name,
        {"": kind.namespace, **PARTS},
        leaf("cbc:CustomizationID", CUSTOMIZATION),
        leaf("cbc:ProfileID", kind.version),
        leaf("cbc:ID", body["number"]),
        leaf("cbc:IssueDate", _day(body["issued_at"])),
        leaf(*kind.type_code),
        *(leaf("cbc:Note", note) for note in [*remarks, ISSUED_AT + body["issued_at"], *notes]),
        leaf("cbc:DocumentCurrencyCode", CURRENCY),
        *billing,
        *references,
        branch("cac:AccountingSupplierParty", _seller(body)),
        branch("cac:AccountingCustomerParty", _buyer(buyer)),
        _tax_total(body),
        _totals(body),
        *lines,
    )


def _day(instant: str) -> str:
    return business_day(datetime.fromisoformat(instant)).isoformat()


def _money(name: str, amount_fen: int) -> str:
    return leaf(name, yuan(amount_fen), currencyID=CURRENCY)


def _reference(what: str, value: str) -> str:
    return branch(
        "cac:AdditionalDocumentReference", leaf("cbc:ID", value), leaf("cbc:DocumentDescription", what)
    )


def _seller(body: Body) -> str:
    """At its stall in the market. Who is not registered has no tax identifier."""
    seller, market, stall = body["seller"], body["market"], body["stall"]
    return branch(
        "cac:Party",
        _identification(market["code"]),
        _identification(stall["code"]),
        branch(
            "cac:PostalAddress",
            leaf("cbc:StreetName", market["name"]),
            leaf("cbc:AdditionalStreetName", stall["name"]),
            leaf("cbc:CountrySubentity", market["region"]),
            _country(),
        ),
        *_tax_scheme(seller["tax_id"]),
        branch(
            "cac:PartyLegalEntity",
            leaf("cbc:RegistrationName", seller["name"]),
            leaf("cbc:CompanyLegalForm", terms.SELLER_KINDS[seller["kind"]]),
        ),
    )


def _buyer(buyer: Body | None) -> str:
    address = branch("cac:PostalAddress", _country())
    name, tax_id = (buyer["name"], buyer["tax_id"]) if buyer else (BUYER_ERASED, None)
    return branch(
        "cac:Party",
        *([] if buyer else [_identification(ERASED_ID)]),
        address,
        *_tax_scheme(tax_id),
        branch("cac:PartyLegalEntity", leaf("cbc:RegistrationName", name)),
    )


def _identification(code: str) -> str:
    return branch("cac:PartyIdentification", leaf("cbc:ID", code))


def _country() -> str:
    return branch("cac:Country", leaf("cbc:IdentificationCode", COUNTRY))


def _tax_scheme(tax_id: str | None) -> list[str]:
    """EN 16931 wants the country before the identifier."""
    return [branch("cac:PartyTaxScheme", leaf("cbc:CompanyID", COUNTRY + tax_id), _VAT)] if tax_id else []


_VAT = branch("cac:TaxScheme", leaf("cbc:ID", "VAT"))


def _tax_total(body: Body) -> str:
    """Tax by category and rate: sums of lines, never a rounding of their own."""
    groups: dict[tuple[str, str], list[Body]] = {}
    for line in body["lines"]:
        groups.setdefault((line["treatment"], line["rate"]), []).append(line)
    return branch("cac:TaxTotal", _money("cbc:TaxAmount", body["tax_fen"]), *map(_subtotal, groups.values()))


def _subtotal(lines: list[Body]) -> str:
    bases = dict.fromkeys(line["basis"] for line in lines if terms.is_exempt(line))
    reason = [leaf("cbc:TaxExemptionReason", "、".join(bases))] if bases else []
    return branch(
        "cac:TaxSubtotal",
        _money("cbc:TaxableAmount", sum(line["net_fen"] for line in lines)),
        _money("cbc:TaxAmount", sum(line["tax_fen"] for line in lines)),
        branch("cac:TaxCategory", *_category(lines[0]), *reason, _VAT),
    )


def _category(line: Body) -> Iterator[str]:
    yield leaf("cbc:ID", "E" if terms.is_exempt(line) else "S")
    yield leaf("cbc:Percent", terms.percent(line["rate"]))


def _totals(body: Body) -> str:
    return branch(
        "cac:LegalMonetaryTotal",
        _money("cbc:LineExtensionAmount", body["net_fen"]),
        _money("cbc:TaxExclusiveAmount", body["net_fen"]),
        _money("cbc:TaxInclusiveAmount", body["total_fen"]),
        _money("cbc:PrepaidAmount", body["total_fen"]),
        _money("cbc:PayableAmount", 0),
    )


def _line(kind: Kind, number: int, line: Body) -> str:
    quantity, unit = terms.measured(line)
    price = terms.net_price(line["net_fen"], quantity)
    return branch(
        kind.line,
        leaf("cbc:ID", str(number)),
        leaf(kind.quantity, decimal_text(quantity), unitCode=unit.code),
        _money("cbc:LineExtensionAmount", line["net_fen"]),
        branch(
            "cac:Item",
            leaf("cbc:Name", line["name"]),
            branch(
                "cac:CommodityClassification",
                leaf("cbc:ItemClassificationCode", line["tax_code"], listID=NATIONAL_CODES),
            ),
            branch("cac:ClassifiedTaxCategory", *_category(line), _VAT),
            *(_attribute(name, text) for name, text in _attributes(line)),
        ),
        branch("cac:Price", leaf("cbc:PriceAmount", decimal_text(price), currencyID=CURRENCY)),
    )


def _attributes(line: Body) -> Iterator[tuple[str, str]]:
    """What EN 16931 has no element for."""
    yield UNIT, line["unit"]
    if line["quantity"] is not None:
        yield QUANTITY, line["quantity"]
    yield PRICE, line["unit_price"]
    yield TAX, yuan(line["tax_fen"])
    yield RULE, line["rule"]
    yield BASIS, line["basis"]


def _attribute(name: str, text: str) -> str:
    return branch("cac:AdditionalItemProperty", leaf("cbc:Name", name), leaf("cbc:Value", text))
