"""The shapes of claims: what a company signs and sends, and what it is told."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from invoice_service.errors import N_
from invoice_service.queries.claims import OUTCOMES
from invoice_service.web.api.schemas import HandoverInput, Instant, StrictSchema

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


class Outcome(Schema):
    number = fields.String()
    outcome = fields.String(metadata={"enum": list(OUTCOMES)})
    since = Instant(allow_none=True)


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
