"""One basket, many stalls: what this phone paid for and has no invoice yet, one header, and one bundle.

The phone's cookie says which orders are its own; the forms name those that are chosen. Tokens travel in
forms and in the cookie, never in an address, which would stay in histories and logs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.domain.numbering import business_day
from invoice_service.errors import Error
from invoice_service.flow import issue_basket as issuing
from invoice_service.queries import bundles, shopper
from invoice_service.queries.views import OrderView
from invoice_service.web import files
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import services
from invoice_service.web.errors import told, told_fields
from invoice_service.web.locale import language
from invoice_service.web.shopper.views import blueprint, buyer_of, remembered


@blueprint.get("/basket")
@audience(Audience.SHOPPER)
def basket() -> str:
    return _page()


@blueprint.post("/basket")
@audience(Audience.SHOPPER)
def invoice_basket() -> AnyResponse | tuple[str, int]:
    """Invoice all that are chosen. Where some had to wait, the page says why beside each."""
    form, tokens = request.form.to_dict(), request.form.getlist("orders")
    try:
        outcomes = issuing.issue_basket(services(), tokens, buyer_of(form))
    except Error as error:
        if not error.fields:
            raise
        return _page(form, told_fields(error), chosen=tokens), error.status
    refusals = {outcome.order_token: outcome.refusal for outcome in outcomes if outcome.refusal}
    if not refusals:
        return redirect(url_for("shopper.basket"), 303)
    refused = {token: told(error.message, error.parameters) for token, error in refusals.items()}
    return _page(form, refused=refused, chosen=list(refused)), 409


@blueprint.get("/basket/invoices")
@audience(Audience.SHOPPER)
def back_to_basket() -> AnyResponse:
    """Where a page that was refused leads in another language."""
    return redirect(url_for("shopper.basket"), 303)


@blueprint.post("/basket/invoices")
@audience(Audience.SHOPPER)
def basket_bundle() -> Response | tuple[str, int]:
    """The chosen invoices in one ZIP, or as one PDF to print."""
    chosen = shopper.orders(services(), request.form.getlist("invoices"), language())
    tokens = [order.invoice_token for order in chosen if order.invoice_token]
    name = f"invoices-{business_day(services().clock())}"
    try:
        if request.form.get("format") == "pdf":
            return files.pdf(f"{name}.pdf", bundles.merged(services(), tokens))
        return files.zipped(f"{name}.zip", bundles.zipped(services(), tokens))
    except Error as error:
        if not error.fields:
            raise
        return _page(errors=told_fields(error), chosen=()), error.status


def _page(
    form: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    refused: Mapping[str, str] | None = None,
    chosen: Sequence[str] | None = None,
) -> str:
    """`refused` are reasons by order; with `chosen` None, nothing was chosen yet: today's are offered."""
    orders = shopper.orders(services(), remembered(), language())
    waiting = [order for order in orders if order.status == "paid" and not order.invoice_token]
    invoiced = [order for order in orders if order.invoice_token]
    return render_template(
        "basket.html",
        waiting=waiting,
        invoiced=invoiced,
        chosen=_of_today(orders) if chosen is None else set(chosen),
        chosen_invoices=_of_today(invoiced),
        form=form or {},
        errors=errors or {},
        refused=refused or {},
    )


def _of_today(orders: Sequence[OrderView]) -> set[str]:
    today = business_day(services().clock())
    return {order.token for order in orders if today == business_day(order.invoiced_at or order.created_at)}
