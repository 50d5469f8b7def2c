"""Allowances on the tax desk: a vendor's ceiling, after a look at the vendor; and what vendors ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.domain.allowance import AlreadyAnswered, BadAllowance, typed_fen
from invoice_service.flow import allow
from invoice_service.queries import allowances, supervision
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.errors import told, told_fields
from invoice_service.web.identity import actor
from invoice_service.web.locale import language
from invoice_service.web.officer.views import blueprint
from invoice_service.web.paging import read_limit, read_number_cursor, write_cursor


@blueprint.app_context_processor
def _waiting() -> dict[str, Any]:
    """For the desk's navigation, which stands on other pages of an officer, too."""
    return {"allowances_waiting": lambda: allowances.waiting(services(), actor())}


# A vendor's ceiling.


@blueprint.get("/vendors/<int:vendor_id>/allowance")
@audience(Audience.OFFICER)
def allowance(vendor_id: int) -> str:
    return _ceiling_page(vendor_id, {}, {})


@blueprint.post("/vendors/<int:vendor_id>/allowance")
@audience(Audience.OFFICER)
def set_allowance(vendor_id: int) -> AnyResponse | tuple[str, int]:
    form = request.form
    reason = form.get("reason", "")
    try:
        if "lift" in form:
            allow.lift(services(), actor(), vendor_id, reason)
        else:
            allow.set_ceiling(services(), actor(), vendor_id, typed_fen(form.get("ceiling_yuan", "")), reason)
    except BadAllowance as error:
        return _ceiling_page(vendor_id, form, _by_field(error)), error.status
    flash(gettext("Recorded. The vendor reads it, with your reason."))
    return redirect(url_for("officer.vendor", vendor_id=vendor_id), 303)


def _ceiling_page(vendor_id: int, form: Mapping[str, str], errors: Mapping[str, str]) -> str:
    found = supervision.allowance_of(services(), actor(), language(), vendor_id)
    return render_template("officer/allowance.html", seen=found, form=form, errors=errors)


# What vendors ask for.


@blueprint.get("/allowances")
@audience(Audience.OFFICER)
def allowance_requests() -> str:
    after, limit = read_number_cursor(request.args.get("cursor")), read_limit(request.args.get("limit"))
    found = allowances.requests(services(), actor(), language(), after=after, limit=limit)
    cursor = write_cursor(None if found.next_key is None else [str(found.next_key)])
    return render_template("officer/allowances.html", rows=found.rows, cursor=cursor)


@blueprint.get("/allowances/<int:request_id>")
@audience(Audience.OFFICER)
def allowance_request(request_id: int) -> str:
    return _request_page(request_id, {}, {})


@blueprint.post("/allowances/<int:request_id>")
@audience(Audience.OFFICER)
def answer_allowance(request_id: int) -> AnyResponse | tuple[str, int]:
    form = request.form
    granted_fen = None if "refuse" in form else typed_fen(form.get("granted_yuan", ""))
    try:
        allow.answer(services(), actor(), request_id, granted_fen, form.get("words", ""))
    except BadAllowance as error:
        return _request_page(request_id, form, _by_field(error)), error.status
    except AlreadyAnswered as error:
        return _request_page(request_id, form, {"": told(error.message, error.parameters)}), error.status
    flash(gettext("Sent. The vendor can read it."))
    return redirect(url_for("officer.allowance_requests"), 303)


def _request_page(request_id: int, form: Mapping[str, str], errors: Mapping[str, str]) -> str:
    found = allowances.request(services(), actor(), language(), request_id)
    return render_template("officer/allowance_request.html", one=found, form=form, errors=errors)


def _by_field(error: BadAllowance) -> dict[str, str]:
    """The pages take yuan as typed where the flow takes fen."""
    return {field.replace("_fen", "_yuan"): text for field, text in told_fields(error).items()}
