"""The page behind a vendor's one-time code. Opening it changes nothing; the PIN connects the phone."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.domain.invitation import (
    InvitationLate,
    InvitationRevoked,
    InvitationUnknown,
    InvitationUsed,
)
from invoice_service.errors import Error
from invoice_service.flow import bind_phone
from invoice_service.queries import people
from invoice_service.web import identity
from invoice_service.web.account import asking
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.errors import told, told_fields
from invoice_service.web.locale import language

blueprint = Blueprint("binding", __name__, url_prefix="/account")
VENDOR_HOME = "/vendor"
_REFUSED = (InvitationUnknown, InvitationUsed, InvitationLate, InvitationRevoked, bind_phone.AnotherAccount)


@blueprint.get("/bind/<token>")
@audience(Audience.SIGN_IN)
def bind(token: str) -> str | tuple[str, int]:
    return _page(token, {})


@blueprint.post("/bind/<token>")
@audience(Audience.SIGN_IN)
def bind_with_pin(token: str) -> AnyResponse | str | tuple[str, int]:
    try:
        bound = bind_phone.bind(
            services(),
            token,
            request.form.get("pin", ""),
            request.form.get("pin_again", ""),
            asking.visit(),
            signed_in=identity.maybe_actor(),
        )
    except _REFUSED as error:
        return _refused(error)
    except Error as error:
        if not (error.fields or error.status == 429):
            raise
        fields = told_fields(error) or {"pin": told(error.message, error.parameters)}
        return _page(token, fields, error.status)
    asking.start_anew()
    return asking.let_in(bound, redirect(VENDOR_HOME, 303))


def _page(token: str, errors: dict[str, str], status: int = 200) -> str | tuple[str, int]:
    try:
        found = people.phone_invitation(services(), token, language())
    except _REFUSED as error:
        return _refused(error)
    return render_template("account/bind.html", token=token, invitation=found, errors=errors), status


def _refused(error: Error) -> tuple[str, int]:
    """In the words of a market: what is the matter with this code, and whom to ask."""
    message = told(error.message, error.parameters)
    signed_in = isinstance(error, bind_phone.AnotherAccount)
    page = render_template("account/bind_refused.html", message=message, signed_in=signed_in, code=error.code)
    return page, error.status
