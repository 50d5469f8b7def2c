"""A shopper tells the market and the tax office about a stall, and reads the answer under an own link."""

from __future__ import annotations

from collections.abc import Mapping

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.domain.complaint import ComplaintKind
from invoice_service.domain.order import UnknownStall
from invoice_service.errors import Error
from invoice_service.flow import complain as complaining
from invoice_service.queries import complaints
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import limiter, services
from invoice_service.web.errors import told, told_fields
from invoice_service.web.locale import language
from invoice_service.web.shopper.views import blueprint


@blueprint.get("/complain")
@audience(Audience.SHOPPER)
def complain() -> str:
    form = {"stall": request.args.get("stall", "")[:20], "kind": request.args.get("kind", "")}
    return _page(form, {})


@blueprint.post("/complain")
@audience(Audience.SHOPPER)
def send_complaint() -> AnyResponse | tuple[str, int]:
    form = request.form.to_dict()
    stall = form.get("stall", "").strip().upper()
    try:
        with limiter.shared_limit(services().config.complaint_limit, scope="complaints"):
            token = complaining.complain(services(), stall, form, idempotency_key=form.get("key", ""))
    except UnknownStall as error:
        return _page(form, {"stall": told(error.message, error.parameters)}), error.status
    except Error as error:
        if not error.fields:
            raise
        return _page(form, told_fields(error)), error.status
    return redirect(url_for("shopper.complaint", token=token), 303)


@blueprint.get("/c/<token>")
@audience(Audience.HOLDER)
def complaint(token: str) -> str:
    return render_template("complaint.html", complaint=complaints.of_holder(services(), token, language()))


def _page(form: Mapping[str, str], errors: Mapping[str, str]) -> str:
    key = form.get("key") or services().random(16).hex()
    return render_template("complain.html", form=form, errors=errors, kinds=list(ComplaintKind), key=key)
