"""Shapes of findings and cases, as the API takes and gives them."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from invoice_service.domain.case import Outcome
from invoice_service.queries.supervised_cases import RULES, STATES
from invoice_service.web.api.people_schemas import CURSOR, LIMIT
from invoice_service.web.api.schemas import Instant, StrictSchema

WORDS = {"description": "4 to 1000 characters"}


class CasesQuery(StrictSchema):
    state = fields.String(load_default="open", metadata={"enum": list(STATES)})
    rule = fields.String(load_default="all", metadata={"enum": list(RULES)})
    market = fields.String(load_default=None, metadata={"description": "a market's code"})
    cursor = CURSOR
    limit = LIMIT


class CaseLine(Schema):
    id = fields.Integer()
    rule = fields.String()
    rule_name = fields.String()
    says = fields.String(metadata={"description": "the figures in a sentence"})
    market_code = fields.String()
    market_name = fields.String()
    stall = fields.String(allow_none=True)
    day = fields.Date()
    last_seen = fields.Date()
    times = fields.Integer(metadata={"description": "on how many days the same was found"})
    found_at = Instant()
    state = fields.String()
    outcome = fields.String(allow_none=True)
    assigned_name = fields.String(allow_none=True)


class CasePage(Schema):
    items = fields.List(fields.Nested(CaseLine))
    next_cursor = fields.String(allow_none=True)


class CaseStep(Schema):
    who = fields.String()
    step = fields.String()
    words = fields.String()
    outcome = fields.String(allow_none=True)
    at = Instant()


class CaseRecord(Schema):
    sale = fields.UUID(allow_none=True)
    invoice = fields.String(allow_none=True)
    refund = fields.UUID(allow_none=True, metadata={"description": "of that sale"})


class Case(Schema):
    line = fields.Nested(CaseLine)
    first_day = fields.Date()
    looks = fields.String(metadata={"description": "what the rule looks for, with its thresholds then"})
    innocent = fields.String(metadata={"description": "why it may be nothing"})
    vendor_id = fields.Integer(allow_none=True)
    vendor_name = fields.String(allow_none=True)
    figures = fields.Dict()
    thresholds = fields.Dict()
    rule_since = fields.Date()
    records = fields.List(fields.Nested(CaseRecord), metadata={"description": "the first fifty"})
    records_in_all = fields.Integer()
    steps = fields.List(fields.Nested(CaseStep))
    may = fields.List(fields.String())


class Rule(Schema):
    id = fields.String()
    name = fields.String()
    looks = fields.String()
    why_innocent = fields.String()
    since = fields.Date()
    thresholds = fields.Dict()
    found = fields.Integer()
    closed = fields.Integer()
    innocent = fields.Integer()
    innocent_percent = fields.Integer(allow_none=True)


class AssignInput(StrictSchema):
    account_id = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(1, 2**63 - 1),
        metadata={"description": "an officer of the region; null: oneself"},
    )


class WordsInput(StrictSchema):
    words = fields.String(required=True, metadata=WORDS)


class DecisionInput(WordsInput):
    outcome = fields.String(required=True, metadata={"enum": list(Outcome)})
