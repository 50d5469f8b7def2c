"""Shopper pages. Each view makes one flow call or one query; the phone's last orders are in its cookie."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from flask import Blueprint, Response, redirect, render_template, request, session, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.documents import qr
from invoice_service.documents.pdf import Paper
from invoice_service.domain import header_code
from invoice_service.domain.allowance import AllowanceUsed
from invoice_service.domain.basket import MOST
from invoice_service.domain.goods import parse_quantity
from invoice_service.domain.invoice import UnknownInvoice
from invoice_service.domain.money import parse_yuan
from invoice_service.domain.order import Basket, NothingOrdered, PlainAmount, UnknownOrder
from invoice_service.domain.party import Buyer, BuyerDiffers, make_buyer
from invoice_service.errors import Error
from invoice_service.flow import issue as issuing
from invoice_service.flow import order as ordering
from invoice_service.flow import pay as paying
from invoice_service.queries import documents, shopper
from invoice_service.queries import live as live_marks
from invoice_service.queries.views import OrderView
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import live, services
from invoice_service.web.errors import told, told_fields
from invoice_service.web.locale import language

blueprint = Blueprint("shopper", __name__)
blueprint.context_processor(lambda: {"header_words": header_code})
REMEMBERED = MOST  # orders kept in this phone's cookie: a basket
RECENT = 5  # of them on the start page and at stalls


@blueprint.get("/")
@audience(Audience.PUBLIC)
def home() -> str:
    stalls = shopper.stalls(services(), language())
    markets = [(name, list(group)) for name, group in groupby(stalls, key=lambda stall: stall.market_name)]
    return render_template("home.html", markets=markets, recent=_recent())


@blueprint.get("/s/<code>")
@audience(Audience.SHOPPER)
def stall(code: str) -> str:
    return _stall_page(code, {}, {})


@blueprint.post("/s/<code>")
@audience(Audience.SHOPPER)
def place_order(code: str) -> AnyResponse | tuple[str, int]:
    form = request.form.to_dict()
    try:
        placed = ordering.place(services(), code, _wanted(form))
    except Error as error:
        if error.status == 404:
            raise
        return _stall_page(code, form, _stall_errors(error, form)), error.status
    _remember(placed.token)
    return redirect(url_for("shopper.order", token=placed.token), 303)


@blueprint.get("/o/<token>")
@audience(Audience.HOLDER)
def order(token: str) -> str:
    found = shopper.order(services(), token, language())
    _remember(token)  # one that a vendor keyed comes to the shopper's phone only here
    return render_template("order.html", order=found)


@blueprint.get("/o/<token>/part")
@audience(Audience.HOLDER)
def order_fragment(token: str) -> str:
    return render_template("_order_live.html", order=shopper.order(services(), token, language()))


@blueprint.get("/o/<token>/live")
@audience(Audience.HOLDER)
def order_live(token: str) -> Response:
    mark = live_marks.order_marks(services(), [token]).get(token)
    if mark is None:
        raise UnknownOrder
    return live().stream("order", token, mark)


@blueprint.get("/o/<token>/pay")
@audience(Audience.HOLDER)
def pay(token: str) -> AnyResponse:
    """Leave for the cashier. A link, since `form-action 'self'` blocks redirected posts."""
    return redirect(paying.start(services(), token, _provider_of_phone()), 303)


@blueprint.post("/o/<token>/check")
@audience(Audience.HOLDER)
def check_payment(token: str) -> AnyResponse:
    """ "I have paid": ask the provider now instead of waiting for its notice."""
    paying.check(services(), token)
    return redirect(url_for("shopper.order", token=token), 303)


@blueprint.get("/o/<token>/invoice")
@audience(Audience.HOLDER)
def invoice_form(token: str) -> AnyResponse | str:
    found = shopper.order(services(), token, language())
    if found.invoice_token:
        return redirect(url_for("shopper.invoice", token=found.invoice_token), 303)
    return _invoice_form_page(found, {}, {})


@blueprint.post("/o/<token>/invoice")
@audience(Audience.HOLDER)
def request_invoice(token: str) -> AnyResponse | tuple[str, int]:
    form = request.form.to_dict()
    try:
        issued = issuing.issue(services(), token, buyer_of(form))
    except (BuyerDiffers, issuing.NotPaid):
        raise
    except AllowanceUsed as error:
        found = shopper.order(services(), token, language())
        words = told(error.message, error.parameters)
        page = render_template("invoice_waits.html", order=found, form=form, title=error.title, words=words)
        return page, error.status
    except Error as error:
        if not error.fields:
            raise
        found = shopper.order(services(), token, language())
        return _invoice_form_page(found, form, told_fields(error)), error.status
    return redirect(url_for("shopper.invoice", token=issued.token), 303)


@blueprint.get("/i/<token>")
@audience(Audience.HOLDER)
def invoice(token: str) -> str:
    return render_template("invoice.html", invoice=shopper.invoice(services(), token))


@blueprint.get("/i/<token>/part")
@audience(Audience.HOLDER)
def invoice_fragment(token: str) -> str:
    return render_template("_invoice_live.html", invoice=shopper.invoice(services(), token))


@blueprint.get("/i/<token>/live")
@audience(Audience.HOLDER)
def invoice_live(token: str) -> Response:
    mark = live_marks.invoice_marks(services(), [token]).get(token)
    if mark is None:
        raise UnknownInvoice
    return live().stream("invoice", token, mark)


@blueprint.get("/i/<token>/pdf")
@audience(Audience.HOLDER)
def invoice_pdf(token: str) -> Response:
    return _pdf(token, None)


@blueprint.get("/i/<token>/xml")
@audience(Audience.HOLDER)
def invoice_xml(token: str) -> Response:
    return _xml(token, None)


@blueprint.get("/i/<token>/evidence")
@audience(Audience.HOLDER)
def invoice_evidence(token: str) -> Response:
    number, evidence = documents.evidence(services(), token)
    return _download(evidence.to_bytes(), f"{number}.json", "application/json")


@blueprint.get("/i/<token>/notes/<number>/pdf")
@audience(Audience.HOLDER)
def note_pdf(token: str, number: str) -> Response:
    return _pdf(token, number)


@blueprint.get("/i/<token>/notes/<number>/xml")
@audience(Audience.HOLDER)
def note_xml(token: str, number: str) -> Response:
    return _xml(token, number)


@blueprint.get("/i/<token>/notes/<number>/evidence")
@audience(Audience.HOLDER)
def note_evidence(token: str, number: str) -> Response:
    found, evidence = documents.evidence(services(), token, note=number)
    return _download(evidence.to_bytes(), f"{found}.json", "application/json")


@blueprint.get("/i/<token>/code.svg")
@audience(Audience.HOLDER)
def invoice_code(token: str) -> Response:
    """The code that stands on the invoice; an image of its own, drawn only for who unfolds it."""
    drawn = qr.svg(documents.signed_link(services(), token), title=gettext("QR code"))
    return Response(drawn, mimetype="image/svg+xml")


def buyer_of(form: Mapping[str, str]) -> Buyer:
    """A header's code goes before what is typed. Raises BadBuyer."""
    if code := form.get(header_code.FIELD, "").strip():
        return header_code.read(code)
    tax_id = form.get("tax_id") if form.get("kind") == "organization" else None
    return make_buyer(form.get("kind", ""), form.get("name", ""), tax_id)


def _pdf(token: str, note: str | None) -> Response:
    paper = request.args.get("format", Paper.A5)
    number, data = documents.pdf(services(), token, paper, note)
    name = f"{number}.pdf" if paper == Paper.A5 else f"{number}.{paper}.pdf"
    return _download(data, name, "application/pdf")


def _xml(token: str, note: str | None) -> Response:
    """Named as in a bundle: a phone keeps both formats in one folder."""
    form = request.args.get("format", "ubl")
    number, data = documents.xml(services(), token, form, note)
    return _download(data, f"{number}.{form}.xml", "application/xml")


def _download(data: bytes, name: str, mimetype: str) -> Response:
    response = Response(data, mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _wanted(form: dict[str, str]) -> PlainAmount | Basket:
    """What the stall page's form asks for. Raises BadAmount, BadQuantity, NothingOrdered."""
    if form.get("way") != "goods":
        return PlainAmount(parse_yuan(form.get("amount_yuan", "")))
    quantities = {
        name.removeprefix("quantity-"): text.strip()
        for name, text in form.items()
        if name.startswith("quantity-") and text.strip() not in ("", "0")
    }
    if not quantities:
        raise NothingOrdered({"lines": NothingOrdered.message})
    return Basket(
        tuple((sku, parse_quantity(text, field=f"quantity-{sku}")) for sku, text in quantities.items())
    )


def _stall_errors(error: Error, form: dict[str, str]) -> dict[str, str]:
    """By field of the page: the API's `amount_fen` is the page's `amount_yuan`."""
    fields = told_fields(error) or {"way": told(error.message, error.parameters)}
    if "amount_fen" in fields:
        fields["lines" if form.get("way") == "goods" else "amount_yuan"] = fields.pop("amount_fen")
    return fields


def _stall_page(code: str, form: dict[str, str], errors: dict[str, str]) -> str:
    found = shopper.stall(services(), code, language())
    return render_template("stall.html", stall=found, form=form, errors=errors, recent=_recent())


def _invoice_form_page(found: OrderView, form: dict[str, str], errors: dict[str, str]) -> str:
    return render_template("invoice_form.html", order=found, form=form, errors=errors)


def _remember(token: str) -> None:
    known: list[str] = session.get("orders", [])
    if token not in known:
        session.permanent = True
        session["orders"] = [token, *known][:REMEMBERED]


def remembered() -> list[str]:
    """The tokens of this phone's orders, the newest first."""
    return list(session.get("orders", []))


def _recent() -> tuple[OrderView, ...]:
    return shopper.orders(services(), remembered()[:RECENT], language())


def _provider_of_phone() -> str:
    """By the app that scanned the code; until real providers are configured, the sandbox serves all."""
    return next(iter(services().providers), "none")
