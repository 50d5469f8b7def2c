"""Complaints on the tax desk: what shoppers report in the officer's region, and the tax office's answers."""

from __future__ import annotations

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.domain.complaint import BadComplaint
from invoice_service.flow import complain
from invoice_service.web.audience import Audience, audience
from invoice_service.web.complaining import context, list_context
from invoice_service.web.context import services
from invoice_service.web.errors import told_fields
from invoice_service.web.identity import actor
from invoice_service.web.officer.views import blueprint


@blueprint.get("/complaints")
@audience(Audience.OFFICER)
def complaints() -> str:
    return render_template("officer/complaints.html", **list_context())


@blueprint.get("/complaints/<uuid:complaint_id>")
@audience(Audience.OFFICER)
def complaint(complaint_id: UUID) -> str:
    return render_template("officer/complaint.html", **context(complaint_id, {}, {}))


@blueprint.post("/complaints/<uuid:complaint_id>")
@audience(Audience.OFFICER)
def answer_complaint(complaint_id: UUID) -> AnyResponse | tuple[str, int]:
    form = request.form
    try:
        complain.answer(services(), actor(), complaint_id, form.get("words", ""))
    except BadComplaint as error:
        page = render_template("officer/complaint.html", **context(complaint_id, form, told_fields(error)))
        return page, error.status
    flash(gettext("Sent. The shopper can read it."))
    return redirect(url_for("officer.complaint", complaint_id=complaint_id), 303)
