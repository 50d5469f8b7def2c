"""Shapes of accounts, sessions, invitations and the access record, as the API takes and gives them."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from invoice_service.web.api.schemas import Instant, StrictSchema

ROLES = ["vendor", "operator", "officer", "admin"]
CURSOR = fields.String(load_default=None, metadata={"description": "where the page before ended"})
LIMIT = fields.String(
    load_default=None, metadata={"description": "rows to a page: 1 to 100; 30 if not given"}
)


class SignInInput(StrictSchema):
    login = fields.String(required=True)
    password = fields.String(required=True)
    totp = fields.String(
        required=True, metadata={"description": "the authenticator's six digits, or a recovery code"}
    )


class Who(Schema):
    account_id = fields.Integer()
    role = fields.String(metadata={"enum": ROLES})
    name = fields.String()
    market_id = fields.Integer(allow_none=True)
    vendor_id = fields.Integer(allow_none=True)
    region = fields.String(allow_none=True)
    confirmed_at = Instant(
        allow_none=True,
        metadata={
            "description": "ten minutes from then on, what needs a fresh proof is open; then sign in again"
        },
    )


class Session(Schema):
    token = fields.String(metadata={"description": "for `Authorization: Bearer`; shown once"})
    lasts_s = fields.Integer()
    account = fields.Nested(Who, attribute="actor")


class AccountsQuery(StrictSchema):
    role = fields.String(load_default=None, metadata={"enum": ROLES})
    state = fields.String(load_default="open", metadata={"enum": ["open", "closed", "all"]})
    vendor_id = fields.Integer(load_default=None)
    cursor = CURSOR
    limit = LIMIT


class Account(Schema):
    id = fields.Integer()
    role = fields.String(metadata={"enum": ROLES})
    name = fields.String()
    login = fields.String(allow_none=True)
    market_id = fields.Integer(allow_none=True)
    vendor_id = fields.Integer(allow_none=True)
    region = fields.String(allow_none=True)
    created_at = Instant()
    closed_at = Instant(allow_none=True)
    seen_at = Instant(allow_none=True)
    invited_until = Instant(allow_none=True)
    has_sign_in = fields.Boolean()


class Accounts(Schema):
    items = fields.List(fields.Nested(Account))
    next_cursor = fields.String(allow_none=True)


class InviteInput(StrictSchema):
    role = fields.String(required=True, metadata={"enum": ROLES[1:]})
    name = fields.String(required=True)
    login = fields.String(required=True)
    market_id = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1, 2**63 - 1))
    region = fields.String(load_default=None, allow_none=True)


class PhoneInviteInput(StrictSchema):
    forget_pin = fields.Boolean(
        load_default=False,
        truthy={True},
        falsy={False},
        metadata={"description": "for a vendor who forgot the PIN; needs a fresh proof of who asks"},
    )


class Invited(Schema):
    account_id = fields.Integer()
    name = fields.String()
    link = fields.String(metadata={"description": "works once; shown once"})
    expires_at = Instant()


class LiveSession(Schema):
    id = fields.Integer()
    device = fields.String()
    address = fields.String()
    created_at = Instant()
    seen_at = Instant()
    expires_at = Instant()


class LiveSessions(Schema):
    items = fields.List(fields.Nested(LiveSession))


class AccessQuery(StrictSchema):
    whose = fields.String(load_default="all", metadata={"enum": ["all", "others"]})
    cursor = CURSOR
    limit = LIMIT


class AccessRecord(Schema):
    id = fields.Integer()
    at = Instant()
    role = fields.String(metadata={"enum": [*ROLES, "service"]})
    who = fields.String()
    action = fields.Function(lambda record: record.action.value, metadata={"type": "string"})
    subject = fields.String()
    reason = fields.String(allow_none=True)
    is_own = fields.Boolean()
    is_closed = fields.Boolean(metadata={"description": "whether its day's root stands in the ledger"})


class AccessRecords(Schema):
    items = fields.List(fields.Nested(AccessRecord))
    next_cursor = fields.String(allow_none=True)


class AccessProof(Schema):
    """By sections 4 and 6 of the ledger's specification."""

    record = fields.Dict(keys=fields.String())
    index = fields.Integer()
    size = fields.Integer()
    path = fields.List(fields.String())
    body = fields.Dict(keys=fields.String())
    salt = fields.String()
    log_index = fields.Integer(allow_none=True)
