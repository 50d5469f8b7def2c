"""The shapes of claims: what a company signs and sends, and what it is told."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from invoice_service.domain.refund import RefundStatus
from invoice_service.errors import N_
from invoice_service.queries.claims import OUTCOMES
from invoice_service.web.api.schemas import ClaimEpoch, HandoverInput, HexBytes, Instant, StrictSchema

NUMBER = N_("An invoice's number has 20 digits.")
TOKEN = N_("A token has 22 letters, digits, - and _.")
HEX_32 = N_("Give 32 bytes as 64 lower-case hex digits.")


class HexInput(fields.Field[bytes]):
    """32 bytes as lower-case hex without prefix, as everywhere in SPEC.md."""

    def _deserialize(self, value: Any, *_arguments: Any, **_options: Any) -> bytes:
        if isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef"):
            return bytes.fromhex(value)
        raise ValidationError(HEX_32)


class SignatureInput(StrictSchema):
    r = HexInput(required=True, metadata={"type": "string", "description": "32 bytes, hex"})
    vs = HexInput(required=True, metadata={"type": "string", "description": "32 bytes, hex (ERC-2098)"})


def _number() -> fields.String:
    return fields.String(required=True, validate=validate.Regexp(r"^[0-9]{20}$", error=NUMBER))


class WantedInput(StrictSchema):
    number = _number()
    token = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(r"^[A-Za-z0-9_-]{22}$", error=TOKEN),
        metadata={"description": "not needed for what is made out to a company whose account is on record"},
    )


class ClaimInput(HandoverInput):
    signature = fields.Nested(SignatureInput, required=True, metadata={"description": "of the Claim"})
    invoices = fields.List(
        fields.Nested(WantedInput), required=True, metadata={"description": "1 to 100, as they were signed"}
    )


class ReleaseInput(HandoverInput):
    signature = fields.Nested(SignatureInput, required=True, metadata={"description": "of the Release"})
    invoices = fields.List(_number(), required=True, metadata={"description": "1 to 100 numbers"})


class ConsentInput(StrictSchema):
    deadline = fields.Integer(
        required=True,
        strict=True,
        metadata={"description": "Unix seconds, two hours to seven days from now; part of what was signed"},
    )
    signature = fields.Nested(SignatureInput, required=True, metadata={"description": "of the Consent"})


class Proposal(Schema):
    """What the `Consent` of SPEC.md section 7 says; `note` is the commitment to `body` under `body_salt`."""

    refund_id = fields.UUID()
    status = fields.String(metadata={"enum": [status.value for status in RefundStatus]})
    is_wanted = fields.Boolean(metadata={"description": "whether a claimant's consent is waited for"})
    invoice_number = fields.String()
    consent_until = Instant(allow_none=True)
    note = HexBytes(metadata={"type": "string"})
    whole = fields.Boolean()
    notes = fields.Integer()
    body = fields.Dict(metadata={"description": "the credit note"})
    body_salt = HexBytes(metadata={"type": "string"})
    epoch = fields.Nested(ClaimEpoch, allow_none=True)


class Outcome(Schema):
    number = fields.String()
    outcome = fields.String(metadata={"enum": list(OUTCOMES)})
    since = Instant(allow_none=True)
    refund_id = fields.UUID(
        allow_none=True, metadata={"description": "of the refund that waits for the company's consent"}
    )


class Claim(Schema):
    claim_id = fields.String()
    kind = fields.String(metadata={"enum": ["claim", "release"]})
    status = fields.String(metadata={"enum": ["queued", "sent", "done", "refused"]})
    reason = fields.String(
        allow_none=True,
        metadata={
            "enum": [
                "expired",
                "nonce_used",
                "not_signed",
                "wrong_state",
                "claims_not_open",
                "refused_by_contract",
                "epoch_over",
                None,
            ]
        },
    )
    invoices = fields.List(fields.Nested(Outcome))
