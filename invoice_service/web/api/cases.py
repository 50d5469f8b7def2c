"""Findings and cases for programs. Opening a case records a look at its vendor; the case is the reason."""

from __future__ import annotations

from typing import Any

from flask import Response, send_file
from flask_smorest import Blueprint

from invoice_service.flow import export_finding, handle_case
from invoice_service.queries import supervised_cases
from invoice_service.web.api import case_schemas as shapes
from invoice_service.web.api.reading import JsonParser
from invoice_service.web.api.schemas import Problem
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.identity import actor
from invoice_service.web.locale import language
from invoice_service.web.paging import Page, read_limit, read_number_cursor, write_cursor

blueprint = Blueprint(
    "api_cases", __name__, url_prefix="/api/v1/supervision", description="Findings and cases"
)
blueprint.ARGUMENTS_PARSER = JsonParser()
_SESSION: dict[str, Any] = {"security": [{"sessionToken": []}]}


@blueprint.get("/rules")
@audience(Audience.OFFICER)
@blueprint.response(200, shapes.Rule(many=True))
@blueprint.doc(**_SESSION)
def rules() -> Any:
    """The rules as they hold in the region today, and how often what they found was innocent."""
    return list(supervised_cases.rules(services(), actor(), language()))


@blueprint.get("/cases")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.CasesQuery, location="query")
@blueprint.response(200, shapes.CasePage)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def cases(wanted: dict[str, Any]) -> Any:
    """What the rules found in the region, the newest first."""
    after, limit = read_number_cursor(wanted.pop("cursor")), read_limit(wanted.pop("limit"))
    found = supervised_cases.listed(
        services(), actor(), language(), after=after, limit=limit, market_code=wanted.pop("market"), **wanted
    )
    return Page(found.rows, write_cursor(None if found.next_key is None else [str(found.next_key)]))


@blueprint.get("/cases/<int:case_id>")
@audience(Audience.OFFICER)
@blueprint.response(200, shapes.Case)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION)
def case(case_id: int) -> Any:
    """One finding, its records and what was done about it. The look is recorded."""
    handle_case.look(services(), actor(), case_id)
    return supervised_cases.one(services(), actor(), language(), case_id)


@blueprint.get("/cases/<int:case_id>/bundle")
@audience(Audience.OFFICER)
@blueprint.alt_response(404, schema=Problem)
@blueprint.doc(**_SESSION, responses={"200": {"description": "a ZIP", "content": {"application/zip": {}}}})
def bundle(case_id: int) -> Response:
    """Documents, entries and proofs, from which `python -m invoice_service recompute` finds the same."""
    file = export_finding.export(services(), actor(), case_id)
    return send_file(file, "application/zip", as_attachment=True, download_name=f"case-{case_id}.zip")


@blueprint.post("/cases/<int:case_id>/assignment")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.AssignInput)
@blueprint.response(204)
@blueprint.alt_response(409, schema=Problem)
@blueprint.doc(**_SESSION)
def assign(given: dict[str, Any], case_id: int) -> None:
    """Take a case, or give it to an officer of the region."""
    handle_case.assign(services(), actor(), case_id, given["account_id"])


@blueprint.post("/cases/<int:case_id>/notes")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.WordsInput)
@blueprint.response(204)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def note(given: dict[str, Any], case_id: int) -> None:
    """Add a note."""
    handle_case.add_note(services(), actor(), case_id, given["words"])


@blueprint.post("/cases/<int:case_id>/decision")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.DecisionInput)
@blueprint.response(204)
@blueprint.alt_response(409, schema=Problem)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def decide(given: dict[str, Any], case_id: int) -> None:
    """Close a case, with its outcome and why."""
    handle_case.decide(services(), actor(), case_id, given["outcome"], given["words"])


@blueprint.post("/cases/<int:case_id>/reopening")
@audience(Audience.OFFICER)
@blueprint.arguments(shapes.WordsInput)
@blueprint.response(204)
@blueprint.alt_response(409, schema=Problem)
@blueprint.alt_response(422, schema=Problem)
@blueprint.doc(**_SESSION)
def reopen(given: dict[str, Any], case_id: int) -> None:
    """Reopen a closed case."""
    handle_case.reopen(services(), actor(), case_id, given["words"])
