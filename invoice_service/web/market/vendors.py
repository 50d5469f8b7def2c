"""Vendors on the desk: the list, one vendor, the phone that signs in for them, and where it is signed in."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.documents import qr
from invoice_service.domain.details import GOODS_CLASSES
from invoice_service.domain.invitation import Progress
from invoice_service.errors import Error
from invoice_service.flow import invite, manage_people, manage_vendor
from invoice_service.queries import market, people
from invoice_service.queries.market_views import VendorDetail
from invoice_service.web import charts
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.identity import actor
from invoice_service.web.locale import language
from invoice_service.web.market.place import chosen, number, page_errors
from invoice_service.web.market.views import blueprint


@blueprint.context_processor
def _classes() -> dict[str, Any]:
    chinese = language() == "zh-CN"
    names = [(key.value, one.name_zh if chinese else one.name_en) for key, one in GOODS_CLASSES.items()]
    return {"goods_classes": names}


@blueprint.get("/vendors")
@audience(Audience.MARKET)
def vendors() -> str:
    listing = {
        "sort": request.args.get("sort", "name"),
        "descending": request.args.get("order") == "desc",
        "licence": request.args.get("licence", "all"),
        "search": request.args.get("q", ""),
    }
    found = market.vendors(services(), actor(), language(), chosen(), **listing)  # type: ignore[arg-type]
    return render_template(
        "market/vendors.html", vendors=found, listing=listing, licences=market.VENDOR_LICENCES
    )


@blueprint.get("/vendors/new")
@audience(Audience.MARKET)
def vendor_new() -> str:
    return render_template("market/vendor_new.html", form={}, errors={})


@blueprint.post("/vendors/new")
@audience(Audience.MARKET)
def vendor_add() -> AnyResponse | tuple[str, int]:
    form = _typed()
    try:
        vendor_id = manage_vendor.add(services(), actor(), form, chosen())
    except Error as error:
        if not error.fields:
            raise
        return render_template("market/vendor_new.html", form=form, errors=page_errors(error)), error.status
    flash(gettext("Added."))
    return redirect(url_for("market.vendor", vendor_id=vendor_id), 303)


@blueprint.get("/vendors/<int:vendor_id>")
@audience(Audience.MARKET)
def vendor(vendor_id: int) -> str:
    return _vendor_page(vendor_id, None, {})


@blueprint.post("/vendors/<int:vendor_id>")
@audience(Audience.MARKET)
def vendor_edit(vendor_id: int) -> AnyResponse | tuple[str, int]:
    form = _typed()
    try:
        manage_vendor.edit(services(), actor(), vendor_id, form)
    except Error as error:
        if not error.fields:
            raise
        return _vendor_page(vendor_id, form, dict(page_errors(error))), error.status
    flash(gettext("Saved."))
    return redirect(url_for("market.vendor", vendor_id=vendor_id), 303)


@blueprint.post("/vendors/<int:vendor_id>/phone")
@audience(Audience.MARKET)
def vendor_phone(vendor_id: int) -> str:
    """The one-time code, shown once; the page tells when a phone has used it."""
    forget_pin = request.form.get("forget_pin") == "1"
    invited = invite.invite_phone(services(), actor(), vendor_id, forget_pin=forget_pin)
    found = market.vendor(services(), actor(), language(), vendor_id)
    drawn = Markup(qr.svg(invited.link, title=gettext("One-time code")))  # noqa: S704 - our own drawing
    return render_template("market/phone.html", vendor=found, invited=invited, qr=drawn)


@blueprint.get("/phones/<int:invitation_id>/part")
@audience(Audience.MARKET)
def phone_part(invitation_id: int) -> AnyResponse | str:
    """What takes the code's place once it was used, or is over; nothing until then."""
    progress, vendor_id = people.phone_progress(services(), actor(), invitation_id)
    if progress is Progress.OPEN:
        return AnyResponse(status=204)
    return render_template("market/_phone.html", progress=progress, vendor_id=vendor_id)


@blueprint.post("/vendors/<int:vendor_id>/sessions/<int:session_id>/end")
@audience(Audience.MARKET)
def vendor_session_end(vendor_id: int, session_id: int) -> AnyResponse:
    account_id = number(request.form.get("account_id"))
    manage_people.end_session(services(), actor(), account_id, session_id)
    flash(gettext("Signed out there."))
    return redirect(url_for("market.vendor", vendor_id=vendor_id), 303)


def _vendor_page(vendor_id: int, form: dict[str, str] | None, errors: dict[str, str]) -> str:
    manage_vendor.look(services(), actor(), vendor_id)  # a form that comes back shows the figures, too
    found = market.vendor(services(), actor(), language(), vendor_id)
    open_at = people.sessions(services(), actor(), found.account_id) if found.account_id else ()
    return render_template(
        "market/vendor.html",
        vendor=found,
        sessions=open_at,
        chart=charts.days(found.week),
        form=_as_typed(found) if form is None else form,
        errors=errors,
    )


def _typed() -> dict[str, str]:
    return request.form.to_dict() | {"licensed_classes": " ".join(request.form.getlist("licensed_classes"))}


def _as_typed(found: VendorDetail) -> dict[str, str]:
    line = found.line
    return {
        "name_zh": found.name_zh,
        "name_en": found.name_en,
        "taxpayer_kind": line.taxpayer_kind,
        "tax_id": line.tax_id or "",
        "self_produced": "1" if found.self_produced else "",
        "tax_period": found.tax_period,
        "licence_no": line.licence_no or "",
        "licence_until": line.licence_until.isoformat() if line.licence_until else "",
        "licensed_classes": " ".join(found.licensed_classes),
        "default_tax_class": found.default_tax_class,
        "default_name_zh": found.default_name_zh,
        "default_name_en": found.default_name_en,
        "default_tax_code": found.default_tax_code,
    }
