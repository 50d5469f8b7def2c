"""The shopper has an invoice mailed: an address is typed, and kept only until the mail is sent."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.domain.mail import BadAddress, TooManyMails
from invoice_service.flow import mail_invoice
from invoice_service.queries import shopper
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.errors import told, told_fields
from invoice_service.web.shopper.views import blueprint


@blueprint.get("/i/<token>/mail")
@audience(Audience.HOLDER)
def back_from_mail(token: str) -> AnyResponse:
    """Where a page that was refused leads in another language."""
    return redirect(url_for("shopper.invoice", token=token), 303)


@blueprint.post("/i/<token>/mail")
@audience(Audience.HOLDER)
def mail_invoice_to(token: str) -> AnyResponse | tuple[str, int]:
    address = request.form.get("address", "")
    try:
        mail_invoice.ask(services(), token, address)
    except (BadAddress, TooManyMails) as error:
        errors = told_fields(error) or {"address": told(error.message, error.parameters)}
        found = shopper.invoice(services(), token)
        page = render_template("invoice.html", invoice=found, errors=errors, address=address)
        return page, error.status
    return redirect(url_for("shopper.invoice", token=token, mailed="1", _anchor="mail"), 303)
