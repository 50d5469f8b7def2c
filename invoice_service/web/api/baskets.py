"""Several at once for programs: one header for many orders, and many invoices as one file."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from invoice_service.domain.basket import MOST
from invoice_service.domain.listing import chosen
from invoice_service.domain.numbering import business_day
from invoice_service.flow import issue_basket as issuing
from invoice_service.queries import bundles
from invoice_service.web import files
from invoice_service.web.api import schemas
from invoice_service.web.api.reading import JsonParser, read_buyer
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.errors import problem

blueprint = Blueprint("api_baskets", __name__, url_prefix="/api/v1", description="Several invoices at once")
blueprint.ARGUMENTS_PARSER = JsonParser()
FORMATS = ("zip", "pdf")


class BasketInput(schemas.InvoiceInput):
    orders = fields.List(
        fields.String(), required=True, metadata={"description": f"order_id of 1 to {MOST} paid orders"}
    )


class BasketResult(Schema):
    """Either `invoice` or `problem` is there."""

    order_id = fields.String()
    invoice = fields.Nested(schemas.IssuedInvoice, allow_none=True)
    problem = fields.Nested(schemas.Problem, allow_none=True)


class Basket(Schema):
    results = fields.List(fields.Nested(BasketResult), metadata={"description": "in the order asked for"})


class BundleInput(schemas.StrictSchema):
    invoices = fields.List(
        fields.String(), required=True, metadata={"description": f"the tokens of 1 to {MOST} invoices"}
    )
    format = fields.String(
        load_default=FORMATS[0],
        metadata={"enum": list(FORMATS), "description": "pdf: one to print, without signatures"},
    )


@blueprint.post("/baskets")
@audience(Audience.HOLDER)
@blueprint.arguments(BasketInput())
@blueprint.response(200, Basket)
@blueprint.alt_response(422, schema=schemas.Problem)
def issue_basket(wanted: dict[str, Any]) -> Any:
    """The invoice of each of these paid orders, made out to one buyer.

    Each stands for itself: one that cannot be issued now leaves the others issued. Asking again for the same
    buyer answers the same, so that no Idempotency-Key is needed.
    """
    buyer = read_buyer(wanted["buyer"])
    outcomes = issuing.issue_basket(services(), wanted["orders"], buyer)
    return {"results": [_result(outcome) for outcome in outcomes]}


@blueprint.post("/bundles")
@audience(Audience.HOLDER)
@blueprint.arguments(BundleInput())
@blueprint.alt_response(404, schema=schemas.Problem)
@blueprint.alt_response(422, schema=schemas.Problem)
@blueprint.doc(
    responses={
        "200": {
            "description": "the ZIP, or the PDF",
            "content": {"application/zip": {}, "application/pdf": {}},
        }
    }
)
def bundle(wanted: dict[str, Any]) -> Response:
    """Signed PDFs, evidence files, XML, and one PDF to print, of several invoices in one ZIP."""
    chosen(wanted["format"], FORMATS, "format")
    name = f"invoices-{business_day(services().clock())}"
    if wanted["format"] == "pdf":
        return files.pdf(f"{name}.pdf", bundles.merged(services(), wanted["invoices"]))
    return files.zipped(f"{name}.zip", bundles.zipped(services(), wanted["invoices"]))


def _result(outcome: issuing.Outcome) -> dict[str, Any]:
    refused = problem(outcome.refusal) if outcome.refusal else None
    return {"order_id": outcome.order_token, "invoice": outcome.issued, "problem": refused}
