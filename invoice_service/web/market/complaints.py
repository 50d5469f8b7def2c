"""Complaints on the market's desk: what shoppers report about its stalls, and the office's answers."""

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
from invoice_service.web.market.place import chosen
from invoice_service.web.market.views import blueprint


@blueprint.get("/complaints")
@audience(Audience.MARKET)
def complaints() -> str:
    return render_template("market/complaints.html", **list_context(chosen()))


@blueprint.get("/complaints/<uuid:complaint_id>")
@audience(Audience.MARKET)
def complaint(complaint_id: UUID) -> str:
    return render_template("market/complaint.html", **context(complaint_id, {}, {}))


@blueprint.post("/complaints/<uuid:complaint_id>")
@audience(Audience.MARKET)
def answer_complaint(complaint_id: UUID) -> AnyResponse | tuple[str, int]:
    form = request.form
    try:
        complain.answer(services(), actor(), complaint_id, form.get("words", ""))
    except BadComplaint as error:
        page = render_template("market/complaint.html", **context(complaint_id, form, told_fields(error)))
        return page, error.status
    flash(gettext("Sent. The shopper can read it."))
    return redirect(url_for("market.complaint", complaint_id=complaint_id), 303)
