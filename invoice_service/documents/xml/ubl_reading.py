"""UBL of ours back into the documents it was made from.

EN 16931 has no place for four things, which follow from the others: an amount with tax is net and tax
together, the capitals are those of the total, a buyer with a tax identifier is an organization, and the
buyer's document names the invoice.
"""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from invoice_service.documents.xml import terms, ubl
from invoice_service.documents.xml.fields import Fields, count, decimal, key_of, rate_of
from invoice_service.documents.xml.parsing import NotOurXml
from invoice_service.domain.capitals import in_capitals

Document = dict[str, Any]

_TREATMENTS = {"E": "exempt", "S": "taxed"}
_SELLER, _BUYER = "cac:AccountingSupplierParty/cac:Party", "cac:AccountingCustomerParty/cac:Party"
_TAX_ID = "cac:PartyTaxScheme/cbc:CompanyID"
_NAME = "cac:PartyLegalEntity/cbc:RegistrationName"
_ORIGINAL = "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID"


def read_invoice(root: Element) -> tuple[Document, Document | None]:
    fields = Fields(root, {"": ubl.INVOICE.namespace, **ubl.PARTS})
    body = _head(fields, "invoice") | {
        "sale": _reference(fields, ubl.SALE),
        "lines": [_line(line) for line in fields.all(ubl.INVOICE.line)],
    }
    return body, _buyer(fields, body["number"])


def read_credit_note(root: Element) -> tuple[Document, Document | None]:
    fields = Fields(root, {"": ubl.CREDIT_NOTE.namespace, **ubl.PARTS})
    original = {
        "number": fields.text(_ORIGINAL),
        "issued_at": _note(fields, ubl.ORIGINAL_ISSUED_AT),
        "commitment": _reference(fields, ubl.ORIGINAL),
    }
    body = _head(fields, "credit-note") | {
        "invoice": original,
        "refund": _reference(fields, ubl.REFUND),
        "reason": _note(fields, ubl.REASON).partition(" ")[0],
        "notes": count(_note(fields, ubl.NOTES_BEFORE)),
        "whole": _note(fields, ubl.WHOLE) == terms.YES,
        "lines": [_credited_line(line) for line in fields.all(ubl.CREDIT_NOTE.line)],
    }
    return body, _buyer(fields, original["number"])


def _head(fields: Fields, kind: str) -> Document:
    total_fen = fields.fen("cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount")
    return {
        "type": kind,
        "version": 1,
        "number": fields.text("cbc:ID"),
        "issuer": _reference(fields, ubl.ISSUER),
        "issued_at": _note(fields, ubl.ISSUED_AT),
        **_place(fields),
        "seller": {
            "name": fields.text(f"{_SELLER}/{_NAME}"),
            "tax_id": _tax_id(fields, _SELLER),
            "kind": key_of(
                terms.SELLER_KINDS, fields.text(f"{_SELLER}/cac:PartyLegalEntity/cbc:CompanyLegalForm")
            ),
        },
        "net_fen": fields.fen("cac:LegalMonetaryTotal/cbc:LineExtensionAmount"),
        "tax_fen": fields.fen("cac:TaxTotal/cbc:TaxAmount"),
        "total_fen": total_fen,
        "total_capitals": in_capitals(total_fen),
        "remarks": _remarks(fields),
    }


def _place(fields: Fields) -> Document:
    address = f"{_SELLER}/cac:PostalAddress"
    codes = [each.text("cbc:ID") for each in fields.all(f"{_SELLER}/cac:PartyIdentification")]
    if len(codes) != 2:
        raise NotOurXml
    return {
        "market": {
            "code": codes[0],
            "name": fields.text(f"{address}/cbc:StreetName"),
            "region": fields.text(f"{address}/cbc:CountrySubentity"),
        },
        "stall": {"code": codes[1], "name": fields.text(f"{address}/cbc:AdditionalStreetName")},
    }


def _buyer(fields: Fields, number: str) -> Document | None:
    if fields.text_or_none(f"{_BUYER}/cac:PartyIdentification/cbc:ID") is not None:
        return None
    tax_id = _tax_id(fields, _BUYER)
    return {
        "type": "buyer",
        "version": 1,
        "invoice": number,
        "kind": "organization" if tax_id else "individual",
        "name": fields.text(f"{_BUYER}/{_NAME}"),
        "tax_id": tax_id,
    }


def _tax_id(fields: Fields, party: str) -> str | None:
    found = fields.text_or_none(f"{party}/{_TAX_ID}")
    return None if found is None else found.removeprefix(ubl.COUNTRY)


def _reference(fields: Fields, what: str) -> str:
    """Raises NotOurXml where there is none."""
    for reference in fields.all("cac:AdditionalDocumentReference"):
        if reference.text("cbc:DocumentDescription") == what:
            return reference.text("cbc:ID")
    raise NotOurXml


def _notes(fields: Fields, subject: str) -> list[str]:
    notes = (note.text(".") for note in fields.all("cbc:Note"))
    return [note.removeprefix(subject) for note in notes if note.startswith(subject)]


def _note(fields: Fields, subject: str) -> str:
    """Raises NotOurXml where there is none."""
    found = _notes(fields, subject)
    if not found:
        raise NotOurXml
    return found[0]


def _remarks(fields: Fields) -> str:
    return next(iter(_notes(fields, ubl.REMARK)), "")


def _credited_line(line: Fields) -> Document:
    return {"line": line.count("cbc:ID") - 1, **_line(line)}


def _line(line: Fields) -> Document:
    item = {each.text("cbc:Name"): each.text("cbc:Value") for each in line.all(
        "cac:Item/cac:AdditionalItemProperty"
    )}  # fmt: skip
    net_fen = line.fen("cbc:LineExtensionAmount")
    tax_fen = line.fen(f"cac:Item/cac:AdditionalItemProperty[cbc:Name='{ubl.TAX}']/cbc:Value")
    quantity = item.get(ubl.QUANTITY)
    category = "cac:Item/cac:ClassifiedTaxCategory"
    return {
        "name": line.text("cac:Item/cbc:Name"),
        "tax_code": line.text("cac:Item/cac:CommodityClassification/cbc:ItemClassificationCode"),
        "unit": item[ubl.UNIT],
        "quantity": None if quantity is None else decimal(quantity),
        "unit_price": item[ubl.PRICE],
        "amount_fen": net_fen + tax_fen,
        "net_fen": net_fen,
        "tax_fen": tax_fen,
        "rate": rate_of(line.text(f"{category}/cbc:Percent")),
        "treatment": _TREATMENTS[line.text(f"{category}/cbc:ID")],
        "rule": item[ubl.RULE],
        "basis": item[ubl.BASIS],
    }
