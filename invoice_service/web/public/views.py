"""The public pages and the operators' probes."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify, render_template, request
from prometheus_client import CONTENT_TYPE_LATEST
from werkzeug.datastructures import FileStorage

from invoice_service.errors import N_, Error, InvalidInput
from invoice_service.queries import operations, verify
from invoice_service.queries.views import VerdictView
from invoice_service.web import metrics
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import limiter, services
from invoice_service.web.errors import told_fields
from invoice_service.web.verifying import check_facts, check_link, told_verdict

blueprint = Blueprint("public", __name__)


@blueprint.get("/verify", endpoint="verify")
@audience(Audience.PUBLIC)
def verify_page() -> str:
    return _page(None, {}, {})


@blueprint.post("/verify")
@audience(Audience.PUBLIC)
@limiter.limit(lambda: services().config.verify_limit)
def verify_file() -> tuple[str, int]:
    """One form for both ways: a file wins over number, date and total."""
    form = {name: request.form.get(name, "") for name in ("number", "date", "total_yuan")}
    try:
        return _page(_check(request.files.get("file"), form), form, {}), 200
    except InvalidInput as error:
        return _page(None, form, told_fields(error)), error.status


@blueprint.get("/v/<code>")
@audience(Audience.PUBLIC)
@limiter.limit(lambda: services().config.verify_limit)
def verify_link(code: str) -> tuple[str, int]:
    """What the code printed on an invoice opens: checked at once, with what it says filled in."""
    try:
        verdict, form = check_link(code)
    except InvalidInput as error:
        return _page(None, {}, told_fields(error)), error.status
    return _page(verdict, form, {}), 200


def _check(file: FileStorage | None, form: dict[str, str]) -> VerdictView:
    """Raises UnreadableFile, NothingToVerify, or InvalidInput by field."""
    if file is not None and file.filename:
        return verify.verify_file(services(), file.read())
    if not any(form.values()):
        raise verify.NothingToVerify({"file": verify.NothingToVerify.message})
    return check_facts(form)


def _page(verdict: VerdictView | None, form: dict[str, str], errors: dict[str, str]) -> str:
    shown = verdict and told_verdict(verdict)
    return render_template("verify.html", verdict=shown, form=form, errors=errors)


@blueprint.get("/api/docs")
@audience(Audience.PUBLIC)
def docs() -> str:
    return render_template("docs.html", spec=current_app.extensions["openapi"]())


@blueprint.get("/ca")
@audience(Audience.PUBLIC)
def ca() -> str:
    return render_template("ca.html")


@blueprint.get("/ca.crt")
@audience(Audience.PUBLIC)
def ca_certificate() -> Response:
    """The local CA of `./scripts/run --https`, for the phones that are to trust it."""
    path = services().config.local_ca
    if not path.exists():
        raise NoLocalCa
    return Response(path.read_bytes(), mimetype="application/x-x509-ca-cert")


@blueprint.get("/issuer.crt")
@audience(Audience.PUBLIC)
def issuer_certificate() -> Response:
    """The issuer's root, for the readers of PDFs that are to trust its signatures."""
    return Response(services().keyring.root_certificate, mimetype="application/x-x509-ca-cert")


class NoLocalCa(Error):
    code = "ca.none"
    message = N_("This service runs without a local certificate authority.")
    status = 404


@blueprint.get("/healthz")
@audience(Audience.PUBLIC)
def healthz() -> Response:
    return jsonify({"status": "ok"})


@blueprint.get("/readyz")
@audience(Audience.PUBLIC)
def readyz() -> Response:
    """200 while invoices can be issued, "degraded" where the chain or the clock is not as it should be.

    Without a database it is 503, by way of DatabaseUnavailable.
    """
    found = operations.readiness(services())
    return jsonify(
        {
            "status": "degraded" if found.degraded else "ok",
            "database": "ok",
            "chain": {
                "status": found.chain,
                "detail": found.chain_detail,
                "block_number": found.block_number,
                "entries_waiting": found.sealed_size - found.mined_size,
            },
            "outbox": {"depth": found.outbox_depth},
            "epoch": {"count": found.epochs, "open": found.is_open, "blocks_unread": found.blocks_unread},
            "submission": {"pending_s": found.head_pending_s},
            "relays": {"waiting": found.relays_waiting, "waiting_s": found.relays_waiting_s},
            "refunds": {"waiting": found.refunds_waiting, "waiting_s": found.refunds_waiting_s},
            "log": {"sealed": found.sealed_size, "mined": found.mined_size, "final": found.final_size},
            "clock": {"skew_ms": found.clock_skew_ms},
        }
    )


@blueprint.get("/metrics")
@audience(Audience.OPERATIONS)
def metrics_page() -> Response:
    return Response(metrics.exposition(operations.readiness(services())), mimetype=CONTENT_TYPE_LATEST)
