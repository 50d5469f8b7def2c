"""Claims that the service sends for a company: accepted at once, decided by the chain, told once final."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import request
from flask_smorest import Blueprint

from invoice_service.flow import claim as claiming
from invoice_service.flow import consent as consenting
from invoice_service.flow.claim import Terms, Wanted
from invoice_service.queries import claims, refunds
from invoice_service.web.api import claim_schemas, schemas
from invoice_service.web.api.reading import IDEMPOTENCY, JsonParser
from invoice_service.web.audience import Audience, audience
from invoice_service.web.context import limiter, services

blueprint = Blueprint("claims", __name__, url_prefix="/api/v1", description="Claims for reimbursement")
blueprint.ARGUMENTS_PARSER = JsonParser()


@blueprint.post("/claims")
@audience(Audience.HOLDER)
@limiter.limit(lambda: services().config.claim_limit)
@blueprint.arguments(claim_schemas.ClaimInput())
@blueprint.response(202, claim_schemas.Claim)
@blueprint.alt_response(404, schema=schemas.Problem)
@blueprint.alt_response(409, schema=schemas.Problem)
@blueprint.alt_response(422, schema=schemas.Problem)
@blueprint.doc(parameters=[IDEMPOTENCY])
def claim(wanted: dict[str, Any]) -> Any:
    """Claim up to 100 invoices for a company, which signed the list (SPEC.md section 7).

    The service sends it. Each invoice needs its token, or a buyer whose account is on record and signed. The
    chain decides who is first: ask again under `claim_id` until `status` is done or refused.
    """
    listed = [Wanted(**one) for one in wanted["invoices"]]
    claim_id = claiming.claim(
        services(), listed, _terms(wanted), _signature(wanted), idempotency_key=_idempotency_key()
    )
    return claims.claim(services(), claim_id.hex())


@blueprint.post("/releases")
@audience(Audience.HOLDER)
@limiter.limit(lambda: services().config.claim_limit)
@blueprint.arguments(claim_schemas.ReleaseInput())
@blueprint.response(202, claim_schemas.Claim)
@blueprint.alt_response(409, schema=schemas.Problem)
@blueprint.alt_response(422, schema=schemas.Problem)
@blueprint.doc(parameters=[IDEMPOTENCY])
def release(wanted: dict[str, Any]) -> Any:
    """Give claims up: the company's signature is all that is needed."""
    claim_id = claiming.release(
        services(),
        wanted["invoices"],
        _terms(wanted),
        _signature(wanted),
        idempotency_key=_idempotency_key(),
    )
    return claims.claim(services(), claim_id.hex())


@blueprint.get("/claims/<claim_id>")
@audience(Audience.HOLDER)
@blueprint.response(200, claim_schemas.Claim)
@blueprint.alt_response(404, schema=schemas.Problem)
def get_claim(claim_id: str) -> Any:
    """What became of a claim or a release. Who else claimed an invoice is never told, only since when."""
    return claims.claim(services(), claim_id)


@blueprint.get("/refunds/<uuid:refund_id>")
@audience(Audience.HOLDER)
@blueprint.response(200, claim_schemas.Proposal)
@blueprint.alt_response(404, schema=schemas.Problem)
def get_proposal(refund_id: UUID) -> Any:
    """The credit note of a refund under way, as the company that claimed its invoice is to agree to it."""
    return refunds.proposal(services(), refund_id)


@blueprint.post("/refunds/<uuid:refund_id>/consent")
@audience(Audience.HOLDER)
@limiter.limit(lambda: services().config.claim_limit)
@blueprint.arguments(claim_schemas.ConsentInput())
@blueprint.response(202, claim_schemas.Proposal)
@blueprint.alt_response(404, schema=schemas.Problem)
@blueprint.alt_response(409, schema=schemas.Problem)
@blueprint.alt_response(422, schema=schemas.Problem)
def consent(given: dict[str, Any], refund_id: UUID) -> Any:
    """Agree to a credit note, by the signature of the account that claimed the invoice."""
    consenting.consent(services(), refund_id, given["deadline"], _signature(given))
    return refunds.proposal(services(), refund_id)


def _terms(wanted: dict[str, Any]) -> Terms:
    return Terms(wanted["claimant"], wanted["nonce"], wanted["deadline"])


def _signature(wanted: dict[str, Any]) -> tuple[bytes, bytes]:
    return wanted["signature"]["r"], wanted["signature"]["vs"]


def _idempotency_key() -> str | None:
    return request.headers.get("Idempotency-Key")
