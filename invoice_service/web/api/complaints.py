"""Complaints for programs: made by anybody about a stall, read and answered by the offices concerned."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import request
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from invoice_service.domain.complaint import ComplaintKind
from invoice_service.flow import complain as complaining
from invoice_service.queries import complaints
from invoice_service.web.api.people_schemas import CURSOR, LIMIT
from invoice_service.web.api.reading import JsonParser
from invoice_service.web.api.schemas import Instant, Problem, StrictSchema
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import limiter, services
from invoice_service.web.identity import actor
from invoice_service.web.locale import language
from invoice_service.web.paging import Page, read_id_cursor, read_limit, write_cursor

blueprint = Blueprint("api_complaints", __name__, url_prefix="/api/v1", description="Complaints about stalls")
blueprint.ARGUMENTS_PARSER = JsonParser()
_SESSION: dict[str, Any] = {"security": [{"sessionToken": []}]}
_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": True,
    "schema": {"type": "string"},
    "description": "16 to 200 characters; a complaint sent again with its key is the same one",
}


class ComplaintInput(StrictSchema):
    kind = fields.String(required=True, metadata={"enum": [kind.value for kind in ComplaintKind]})
    words = fields.String(load_default="", metadata={"description": "4 to 500 characters"})


class MadeComplaint(Schema):
    token = fields.String(metadata={"description": "opens the answer; nobody can find it again"})
    url = fields.String()


class ComplaintsQuery(StrictSchema):
    state = fields.String(load_default="waiting", metadata={"enum": list(complaints.STATES)})
    market = fields.String(load_default=None, metadata={"description": "its code; an operator has one"})
    cursor = CURSOR
    limit = LIMIT


class Answer(Schema):
    office = fields.String(metadata={"enum": ["market", "tax"]})
    who = fields.String()
    words = fields.String()
    at = Instant()


class Complaint(Schema):
    id = fields.UUID()
    kind = fields.String()
    words = fields.String()
    created_at = Instant()
    answered_at = Instant(allow_none=True)
    market_name = fields.String()
    stall_code = fields.String()
    stall_name = fields.String()
    vendor_name = fields.String(allow_none=True, metadata={"description": "authorised there at that minute"})


class OneComplaint(Complaint):
    answers = fields.List(fields.Nested(Answer))


class Complaints(Schema):
    items = fields.List(fields.Nested(Complaint))
    next_cursor = fields.String(allow_none=True)


class AnswerInput(StrictSchema):
    words = fields.String(required=True, metadata={"description": "4 to 500 characters"})


@blueprint.post("/stalls/<code>/complaints")
@audience(Audience.SHOPPER)
@blueprint.arguments(ComplaintInput)
@blueprint.response(201, MadeComplaint)
@blueprint.alt_response(404, schema=Problem)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(parameters=[_KEY])
def complain(given: dict[str, str], code: str) -> Any:
    """Report a stall. The market's office and the tax office read it; who reports stays unknown."""
    key = request.headers.get("Idempotency-Key", "")
    with limiter.shared_limit(services().config.complaint_limit, scope="complaints"):
        token = complaining.complain(services(), code, given, idempotency_key=key)
    return {"token": token, "url": f"{services().config.public_url}/c/{token}"}


@blueprint.get("/complaints")
@audience(Audience.OFFICE)
@blueprint.arguments(ComplaintsQuery, location="query")
@blueprint.response(200, Complaints)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def listed(wanted: dict[str, Any]) -> Any:
    """The newest first: of a market, or of an officer's region."""
    after, limit = read_id_cursor(wanted["cursor"]), read_limit(wanted["limit"])
    found = complaints.listed(
        services(), actor(), language(),
        state=wanted["state"], market_code=wanted["market"], after=after, limit=limit,
    )  # fmt: skip
    return Page(found.rows, write_cursor(None if found.next_key is None else [str(found.next_key)]))


@blueprint.get("/complaints/<uuid:complaint_id>")
@audience(Audience.OFFICE)
@blueprint.response(200, OneComplaint)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION)
def one(complaint_id: UUID) -> Any:
    """A complaint with its answers."""
    return complaints.one(services(), actor(), language(), complaint_id)


@blueprint.post("/complaints/<uuid:complaint_id>/answers")
@audience(Audience.OFFICE)
@blueprint.arguments(AnswerInput)
@blueprint.response(204)
@blueprint.alt_response(404, schema=Problem)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def answer(given: dict[str, str], complaint_id: UUID) -> None:
    """Answer it. Recorded; the shopper reads the words and the office, and not who it was."""
    complaining.answer(services(), actor(), complaint_id, given["words"])
