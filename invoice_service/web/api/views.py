"""The API's views: a schema checks the shape, one flow or query does the work, a schema answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, abort, current_app, jsonify, request
from flask_smorest import Blueprint
from marshmallow import EXCLUDE, ValidationError
from werkzeug.exceptions import BadRequest

from invoice_service.documents import schemas as json_schemas
from invoice_service.domain.goods import parse_quantity
from invoice_service.domain.invoice import UnknownInvoice
from invoice_service.domain.order import Basket, PlainAmount
from invoice_service.errors import N_, Error, InvalidInput
from invoice_service.flow import hand_over as handing
from invoice_service.flow import issue as issuing
from invoice_service.flow import mail_invoice
from invoice_service.flow import order as ordering
from invoice_service.flow.claim import Terms
from invoice_service.queries import documents, shopper, verify
from invoice_service.queries.views import VerdictView
from invoice_service.web.api import schemas
from invoice_service.web.api.reading import IDEMPOTENCY, JsonParser, read_buyer, read_json
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import limiter, services
from invoice_service.web.locale import language
from invoice_service.web.verifying import check_facts, check_link, told_verdict

blueprint = Blueprint("api", __name__, url_prefix="/api/v1", description="Orders, invoices, verification")
blueprint.ARGUMENTS_PARSER = JsonParser()
_BEARER: dict[str, Any] = {"security": [{"invoiceToken": []}]}
_VERIFY_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
            },
        },
    }
}


class TokenMissing(Error):
    code = "invoice.token_missing"
    message = N_("Give the invoice's token as `Authorization: Bearer TOKEN`.")
    status = 401


@blueprint.get("/openapi.json")
@audience(Audience.PUBLIC)
def openapi() -> Response:
    """This document."""
    return jsonify(current_app.extensions["openapi"]())


@blueprint.get("/stalls/<code>")
@audience(Audience.SHOPPER)
@blueprint.response(200, schemas.Stall)
@blueprint.alt_response(404, schema=schemas.Problem)
def get_stall(code: str) -> Any:
    """A stall with its vendor, market and goods."""
    return shopper.stall(services(), code, language())


@blueprint.post("/stalls/<code>/orders")
@audience(Audience.SHOPPER)
@blueprint.arguments(schemas.OrderInput())
@blueprint.response(201, schemas.PlacedOrder)
@blueprint.alt_response(409, schema=schemas.Problem)
@blueprint.doc(parameters=[IDEMPOTENCY])
def place_order(wanted: dict[str, Any], code: str) -> Any:
    """Place an order, by plain amount or by goods. An order sent again with its key answers 200."""
    placed = ordering.place(
        services(), code, _wanted(wanted), idempotency_key=request.headers.get("Idempotency-Key")
    )
    answer = {
        "order_id": placed.token,
        "amount_fen": placed.amount_fen,
        "status": placed.status.value,
        "pay_url": f"{services().config.public_url}/o/{placed.token}/pay",
        "expires_at": placed.expires_at,
    }
    return answer, 201 if placed.created else 200


@blueprint.get("/orders/<order_id>")
@audience(Audience.HOLDER)
@blueprint.response(200, schemas.Order)
@blueprint.alt_response(404, schema=schemas.Problem)
def get_order(order_id: str) -> Any:
    """How an order stands."""
    found = shopper.order(services(), order_id, language())
    return {name: getattr(found, name) for name in schemas.Order().fields if name != "order_id"} | {
        "order_id": found.token
    }


@blueprint.post("/orders/<order_id>/invoice")
@audience(Audience.HOLDER)
@blueprint.arguments(schemas.InvoiceInput())
@blueprint.response(201, schemas.IssuedInvoice)
@blueprint.alt_response(409, schema=schemas.Problem)
@blueprint.doc(parameters=[IDEMPOTENCY])
def issue_invoice(wanted: dict[str, Any], order_id: str) -> Any:
    """The invoice of a paid order. Asking again for the same buyer answers 200 and the same invoice."""
    buyer = read_buyer(wanted["buyer"])
    key = request.headers.get("Idempotency-Key")
    issued = issuing.issue(services(), order_id, buyer, idempotency_key=key)
    return issued, 201 if issued.created else 200


@blueprint.get("/invoices/<number>")
@audience(Audience.HOLDER)
@blueprint.response(200, schemas.Invoice)
@blueprint.alt_response(404, schema=schemas.Problem)
@blueprint.doc(**_BEARER)
def get_invoice(number: str) -> Any:
    """An invoice, its status, and where its entry stands in the ledger."""
    found = shopper.invoice(services(), _token())
    if found.number != number:
        raise UnknownInvoice
    return found


@blueprint.get("/invoices/<number>/evidence")
@audience(Audience.HOLDER)
@blueprint.doc(
    **_BEARER, responses={"200": {"description": "the evidence file", "content": {"application/json": {}}}}
)
def get_evidence(number: str) -> Response:
    """The file that proves this invoice to anyone."""
    found, evidence = documents.evidence(services(), _token())
    return _file(number, found, evidence.to_bytes(), "application/json")


@blueprint.get("/schemas/<name>")
@audience(Audience.PUBLIC)
@blueprint.doc(responses={"200": {"description": "the schema", "content": {json_schemas.MIMETYPE: {}}}})
def get_schema(name: str) -> Response:
    """The JSON Schema of a document: invoice, credit-note or buyer."""
    if name not in json_schemas.NAMES:
        abort(404)
    return Response(json_schemas.schema(name), mimetype=json_schemas.MIMETYPE)


def _token_first(view: Callable[..., Any]) -> Callable[..., Any]:
    """Whoever brings no token is not told what is wrong with the rest."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        _token()
        return view(*args, **kwargs)

    return checked


@blueprint.get("/invoices/<number>/xml")
@audience(Audience.HOLDER)
@_token_first
@blueprint.arguments(schemas.XmlQuery, location="query")
@blueprint.doc(**_BEARER, responses={"200": {"description": "the XML", "content": {"application/xml": {}}}})
def get_xml(wanted: dict[str, str], number: str) -> Response:
    """The invoice for accounting programs: UBL 2.1, or a flat XML in Chinese."""
    found, data = documents.xml(services(), _token(), wanted["format"])
    return _file(number, found, data, "application/xml")


@blueprint.get("/invoices/<number>/pdf")
@audience(Audience.HOLDER)
@_token_first
@blueprint.arguments(schemas.PdfQuery, location="query")
@blueprint.alt_response(422, schema=schemas.Problem)
@blueprint.doc(**_BEARER, responses={"200": {"description": "the PDF", "content": {"application/pdf": {}}}})
def get_pdf(wanted: dict[str, Any], number: str) -> Response:
    """The invoice on paper, signed, with its evidence attached; or as a receipt 58 or 80 mm wide."""
    found, data = documents.pdf(services(), _token(), wanted["format"])
    return _file(number, found, data, "application/pdf")


@blueprint.get("/credit-notes/<number>/evidence")
@audience(Audience.HOLDER)
@blueprint.alt_response(404, schema=schemas.Problem)
@blueprint.doc(
    **_BEARER, responses={"200": {"description": "the evidence file", "content": {"application/json": {}}}}
)
def get_note_evidence(number: str) -> Response:
    """The file that proves this credit note; with the token of its invoice."""
    found, evidence = documents.evidence(services(), _token(), note=number)
    return _file(number, found, evidence.to_bytes(), "application/json")


@blueprint.get("/credit-notes/<number>/pdf")
@audience(Audience.HOLDER)
@_token_first
@blueprint.arguments(schemas.PdfQuery, location="query")
@blueprint.alt_response(404, schema=schemas.Problem)
@blueprint.alt_response(422, schema=schemas.Problem)
@blueprint.doc(**_BEARER, responses={"200": {"description": "the PDF", "content": {"application/pdf": {}}}})
def get_note_pdf(wanted: dict[str, Any], number: str) -> Response:
    """The credit note on paper; with the token of its invoice."""
    found, data = documents.pdf(services(), _token(), wanted["format"], note=number)
    return _file(number, found, data, "application/pdf")


@blueprint.get("/credit-notes/<number>/xml")
@audience(Audience.HOLDER)
@_token_first
@blueprint.arguments(schemas.XmlQuery, location="query")
@blueprint.alt_response(404, schema=schemas.Problem)
@blueprint.doc(**_BEARER, responses={"200": {"description": "the XML", "content": {"application/xml": {}}}})
def get_note_xml(wanted: dict[str, str], number: str) -> Response:
    """The credit note for accounting programs; with the token of its invoice."""
    found, data = documents.xml(services(), _token(), wanted["format"], note=number)
    return _file(number, found, data, "application/xml")


@blueprint.post("/invoices/<number>/mails")
@audience(Audience.HOLDER)
@_token_first
@blueprint.arguments(schemas.MailInput())
@blueprint.alt_response(404, schema=schemas.Problem)
@blueprint.alt_response(422, schema=schemas.Problem)
@blueprint.alt_response(429, schema=schemas.Problem)
@blueprint.doc(**_BEARER, responses={"202": {"description": "it will be sent"}})
def mail(wanted: dict[str, str], number: str) -> Response:
    """Have the PDF and the evidence file mailed. The address is erased once that is done, or given up."""
    mail_invoice.ask(services(), _token(), wanted["address"], number=number)
    return Response(status=202)


@blueprint.post("/invoices/<number>/handover")
@audience(Audience.HOLDER)
@_token_first
@blueprint.arguments(schemas.HandoverInput())
@blueprint.response(200, schemas.Handover)
@blueprint.alt_response(404, schema=schemas.Problem)
@blueprint.alt_response(422, schema=schemas.Problem)
@blueprint.doc(**_BEARER)
def hand_over(wanted: dict[str, Any], number: str) -> Any:
    """Let a company claim this invoice: its claim key's signature for that company's next list.

    The contract decides who claims first; asking again gives the same answer.
    """
    return handing.hand_over(services(), number, _token(), Terms(**wanted))


@blueprint.post("/verify")
@audience(Audience.PUBLIC)
@limiter.limit(lambda: services().config.verify_limit)
@blueprint.response(200, schemas.Verdict)
@blueprint.doc(**_VERIFY_BODY)
def verify_anything() -> VerdictView:
    """Evidence JSON as the body, a file as multipart `file`, {"number", "date", "total_yuan"}, or {"link"}.

    `link` is what the first code on an invoice says.
    """
    return told_verdict(_verdict())


def _verdict() -> VerdictView:
    if "file" in request.files:
        return verify.verify_file(services(), request.files["file"].read())
    data = request.get_data()
    try:
        document = read_json(request) if request.is_json else None
    except BadRequest:
        document = None  # then it is no evidence either, which is told in those words
    if isinstance(document, dict) and "type" not in document:
        if "number" in document:
            return check_facts(_facts(document))
        if isinstance(document.get("link"), str):
            return check_link(document["link"])[0]
    return verify.verify_file(services(), data)


def _facts(document: dict[str, Any]) -> dict[str, str]:
    try:
        return schemas.FactsInput(unknown=EXCLUDE).load(document)
    except ValidationError as error:
        problems = {field: " ".join(texts) for field, texts in error.messages_dict.items()}
        raise InvalidInput(problems) from None


def _wanted(wanted: dict[str, Any]) -> PlainAmount | Basket:
    if "amount_fen" in wanted:
        return PlainAmount(wanted["amount_fen"])
    return Basket(
        tuple(
            (line["sku"], parse_quantity(line["quantity"], field=f"lines.{n}.quantity"))
            for n, line in enumerate(wanted["lines"])
        )
    )


def _token() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not token:
        raise TokenMissing
    return token.strip()


def _file(number: str, found: str, data: bytes, mimetype: str) -> Response:
    if found != number:
        raise UnknownInvoice
    response = Response(data, mimetype=mimetype)
    extension = mimetype.removeprefix("application/")
    response.headers["Content-Disposition"] = f'attachment; filename="{number}.{extension}"'
    return response
