"""Every door of the service, and what it answers to whom: the ONE table. A missing route fails a test.

To add a route, add a line under its method and rule:

    "GET /market/stalls/<code>": Door("market", 200, about=MARKET, path={"code": "A01"}),

`who` is its audience. `status` is the answer to whoever may, asking about the things of market 1, or of its
vendor "vendor" (see `tests/people.py`); give `json`, `form` or `query` so that it can succeed. Everybody
else's answer follows: nobody 401 (a browser is then led to where one signs in), another audience 403, and 404
where `about` is outside a person's scope: MARKET for what belongs to market 1, VENDOR for what belongs to one
vendor in it, ALL where nobody is out of scope (a list of one's own, a form). Where a door differs, say so by
name: `but={"next_door": 200}`. In `path`, `json` and `form`, `{vendor}` is the vendor's id, `{account}` that
vendor's account, `{market}` market 1, and so on: see `places`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask

from invoice_service.domain.numbering import business_day
from invoice_service.domain.period import PeriodKind, period_of
from tests.people import EVERYBODY, NOBODY, Town

MARKET, VENDOR, ALL = "market", "vendor", "all"

VENDORS = ("vendor", "next_door", "vendor_2")
# For whom an audience's doors are open at all.
OPEN_TO = {
    "vendor": set(VENDORS),
    "market": {"operator", "operator_2", "admin"},
    "officer": {"officer", "officer_2"},
    "office": {"operator", "operator_2", "officer", "officer_2", "admin"},
    "admin": {"admin"},
    "signed_in": {name for name in EVERYBODY if name != NOBODY},
}
# Within whose scope the things of market 1, and of its vendor, are.
SEEN_BY = {
    MARKET: {"operator", "officer", "admin"},
    VENDOR: {"vendor", "operator", "officer", "admin"},
    ALL: set(EVERYBODY),
}
# These doors are the same for everybody, signed in or not.
OPEN = {"public", "holder", "shopper", "provider", "operations", "sign_in"}
# These are served over plain HTTP from another machine, too.
OVER_PLAIN_HTTP = {"public", "holder", "shopper", "provider"}


@dataclass(frozen=True)
class Door:
    who: str
    status: int
    about: str = ALL
    path: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    but: Mapping[str, int] = field(default_factory=dict)

    def answer_to(self, name: str) -> int:
        if name in self.but:
            return self.but[name]
        if self.who in OPEN:
            return self.status
        if name == NOBODY:
            return 401
        if name not in OPEN_TO[self.who]:
            return 403
        return self.status if name in SEEN_BY[self.about] else 404


UNKNOWN = {"token": "AAAAAAAAAAAAAAAAAAAAAA"}  # a token that opens nothing, whoever brings it
REFUND = {"refund_id": "019ac000-0000-7000-8000-000000000000"}
ADDRESS = {"address": "name@example.com"}
INVOICE = {"number": "26539000000000000001"}
ACCOUNT, VENDOR_ID = {"account_id": "{account}"}, {"vendor_id": "{vendor}"}
LEEK = {"sku": "leek"}  # which the vendor "vendor" alone has

A01, PE01 = {"code": "A01"}, {"market": "PE01"}
DAYS = {"first_day": "{today}", "last_day": "{today}"}
PLACE = {"name_zh": "市场", "name_en": "Market", "region": "530802", "address": "茶城大道"}
STALL = {"name_zh": "摊", "kind_zh": "菜", "place_zh": "A厅"}
PERSON = {
    "name_zh": "张三",
    "taxpayer_kind": "natural_person",
    "tax_period": "month",
    "default_tax_class": "vegetable",
}
CHECK = {"check_id": "{check}"}
EXPORT = {"export_id": "{export}"}
CASE = {"case_id": "{case}"}
COMPLAINT, ANSWER = {"complaint_id": "{complaint}"}, {"words": "已经处理"}
WHY = {"reason": "抽查 2026-11"}
ASKED, REFUSED = {"request_id": "{request}"}, {"words": "暂不提高"}
QUARTER, LINE_12 = {"first_day": "{quarter}"}, {"line": "12"}
SIGNATURE = {"r": "11" * 32, "vs": "11" * 32}
HANDOVER = {"claimant": "0x" + "11" * 20, "nonce": 0, "deadline": "{soon}"}
HOURS = {"last_day": "", "weekdays": "0", "begins": "06:00", "ends": "12:00"}

DOORS: dict[str, Door] = {
    # for anybody
    "GET /": Door("public", 200),
    "GET /verify": Door("public", 200),
    "POST /verify": Door("public", 422),
    "GET /verify/offline": Door("public", 200),
    "GET /v/<code>": Door("public", 422, path={"code": "none"}),
    "POST /rpc": Door("public", 200, json={"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}),
    "GET /healthz": Door("public", 200),
    "GET /readyz": Door("public", 200),
    "GET /ca": Door("public", 200),
    "GET /ca.crt": Door("public", 404),
    "GET /issuer.crt": Door("public", 200),
    "GET /api/docs": Door("public", 200),
    "GET /api/v1/openapi.json": Door("public", 200),
    "GET /api/v1/schemas/<name>": Door("public", 200, path={"name": "invoice"}),
    "POST /api/v1/verify": Door("public", 422),
    "GET /log/checkpoint": Door("public", 200),
    "GET /log/issuer.json": Door("public", 200),
    "GET /log/tile/<level>/<path:place>": Door("public", 404, path={"level": "0", "place": "000"}),
    "GET /log/tile/entries/<path:place>": Door("public", 404, path={"place": "000"}),
    "GET /metrics": Door("operations", 200),
    "GET /mail": Door("operations", 200),
    "GET /mail/<name>": Door("operations", 404, path={"name": "1.eml"}),
    "POST /payments/<provider>/notify": Door("provider", 404, path={"provider": "none"}),
    # for shoppers
    "GET /s/<code>": Door("shopper", 200, path={"code": "A01"}),
    "POST /s/<code>": Door("shopper", 422, path={"code": "A01"}, form={"amount_yuan": ""}),
    "GET /api/v1/stalls/<code>": Door("shopper", 200, path={"code": "A01"}),
    "POST /api/v1/stalls/<code>/orders": Door("shopper", 422, path={"code": "A01"}, json={"amount_fen": 0}),
    "GET /basket": Door("shopper", 200),
    "POST /basket": Door("shopper", 422, form={"kind": "individual"}),
    "GET /basket/invoices": Door("shopper", 303),
    "POST /basket/invoices": Door("shopper", 422, form={}),
    "GET /complain": Door("shopper", 200),
    "POST /complain": Door("shopper", 422, form={"stall": "A01"}),
    "POST /api/v1/stalls/<code>/complaints": Door("shopper", 422, path={"code": "A01"}, json={"kind": "x"}),
    # for who holds a complaint's token
    "GET /c/<token>": Door("holder", 404, path=UNKNOWN),
    # for the offices that a complaint of market 1 concerns
    "GET /api/v1/complaints": Door("office", 200, about=MARKET, query={"market": "PE01"}),
    "GET /api/v1/complaints/<uuid:complaint_id>": Door("office", 200, about=MARKET, path=COMPLAINT),
    "POST /api/v1/complaints/<uuid:complaint_id>/answers": Door(
        "office", 204, about=MARKET, path=COMPLAINT, json=ANSWER
    ),
    "GET /market/complaints": Door("market", 200),
    "GET /market/complaints/<uuid:complaint_id>": Door("market", 200, about=MARKET, path=COMPLAINT),
    "POST /market/complaints/<uuid:complaint_id>": Door(
        "market", 303, about=MARKET, path=COMPLAINT, form=ANSWER
    ),
    "GET /officer/complaints": Door("officer", 200),
    "GET /officer/complaints/<uuid:complaint_id>": Door("officer", 200, about=MARKET, path=COMPLAINT),
    "POST /officer/complaints/<uuid:complaint_id>": Door(
        "officer", 303, about=MARKET, path=COMPLAINT, form=ANSWER
    ),
    # for who holds an order's or invoice's token
    "GET /o/<token>": Door("holder", 404, path=UNKNOWN),
    "GET /o/<token>/part": Door("holder", 404, path=UNKNOWN),
    "GET /o/<token>/live": Door("holder", 404, path=UNKNOWN),
    "GET /o/<token>/pay": Door("holder", 404, path=UNKNOWN),
    "POST /o/<token>/check": Door("holder", 404, path=UNKNOWN),
    "GET /o/<token>/invoice": Door("holder", 404, path=UNKNOWN),
    "POST /o/<token>/invoice": Door("holder", 404, path=UNKNOWN, form={"kind": "individual"}),
    "GET /i/<token>": Door("holder", 404, path=UNKNOWN),
    "GET /i/<token>/part": Door("holder", 404, path=UNKNOWN),
    "GET /i/<token>/live": Door("holder", 404, path=UNKNOWN),
    "GET /i/<token>/mail": Door("holder", 303, path=UNKNOWN),
    "POST /i/<token>/mail": Door("holder", 404, path=UNKNOWN, form=ADDRESS),
    "GET /i/<token>/pdf": Door("holder", 404, path=UNKNOWN),
    "GET /i/<token>/xml": Door("holder", 404, path=UNKNOWN),
    "GET /i/<token>/evidence": Door("holder", 404, path=UNKNOWN),
    "GET /i/<token>/notes/<number>/pdf": Door("holder", 404, path=UNKNOWN | INVOICE),
    "GET /i/<token>/notes/<number>/xml": Door("holder", 404, path=UNKNOWN | INVOICE),
    "GET /i/<token>/notes/<number>/evidence": Door("holder", 404, path=UNKNOWN | INVOICE),
    "GET /i/<token>/code.svg": Door("holder", 404, path=UNKNOWN),
    "POST /sandbox/orders/<token>/pay": Door("holder", 404, path=UNKNOWN),
    "GET /api/v1/orders/<order_id>": Door("holder", 404, path={"order_id": UNKNOWN["token"]}),
    "POST /api/v1/orders/<order_id>/invoice": Door(
        "holder", 404, path={"order_id": UNKNOWN["token"]}, json={"buyer": {"kind": "individual"}}
    ),
    # An order that nobody knows is one result among others.
    "POST /api/v1/baskets": Door(
        "holder", 200, json={"orders": [UNKNOWN["token"]], "buyer": {"kind": "individual"}}
    ),
    "POST /api/v1/bundles": Door("holder", 404, json={"invoices": [UNKNOWN["token"]]}),
    # An invoice's own token, and no session's, opens these.
    "GET /api/v1/invoices/<number>": Door("holder", 404, path=INVOICE, but={NOBODY: 401}),
    "GET /api/v1/invoices/<number>/evidence": Door("holder", 404, path=INVOICE, but={NOBODY: 401}),
    "GET /api/v1/invoices/<number>/pdf": Door("holder", 404, path=INVOICE, but={NOBODY: 401}),
    "GET /api/v1/credit-notes/<number>/evidence": Door("holder", 404, path=INVOICE, but={NOBODY: 401}),
    "GET /api/v1/credit-notes/<number>/pdf": Door("holder", 404, path=INVOICE, but={NOBODY: 401}),
    "GET /api/v1/credit-notes/<number>/xml": Door("holder", 404, path=INVOICE, but={NOBODY: 401}),
    "GET /api/v1/invoices/<number>/xml": Door("holder", 404, path=INVOICE, but={NOBODY: 401}),
    "POST /api/v1/invoices/<number>/mails": Door(
        "holder", 404, path=INVOICE, json=ADDRESS, but={NOBODY: 401}
    ),
    "POST /api/v1/invoices/<number>/handover": Door(
        "holder", 404, path=INVOICE, json=HANDOVER, but={NOBODY: 401}
    ),
    # What a company signed opens these.
    "POST /api/v1/claims": Door("holder", 422, json=HANDOVER | {"signature": SIGNATURE, "invoices": []}),
    "POST /api/v1/releases": Door("holder", 422, json=HANDOVER | {"signature": SIGNATURE, "invoices": []}),
    "GET /api/v1/refunds/<uuid:refund_id>": Door("holder", 404, path=REFUND),
    "POST /api/v1/refunds/<uuid:refund_id>/consent": Door(
        "holder", 404, path=REFUND, json={"deadline": "{tomorrow}", "signature": SIGNATURE}
    ),
    "GET /api/v1/claims/<claim_id>": Door("holder", 404, path={"claim_id": "00" * 16}),
    # for who wants to sign in
    "GET /account/bind/<token>": Door("sign_in", 404, path=UNKNOWN),
    "POST /account/bind/<token>": Door("sign_in", 404, path=UNKNOWN),
    "GET /account/set-up/<token>": Door("sign_in", 404, path=UNKNOWN),
    "POST /account/set-up/<token>": Door("sign_in", 404, path=UNKNOWN),
    "GET /account/set-up/<token>/passkey": Door("sign_in", 404, path=UNKNOWN),
    "POST /account/set-up/<token>/passkey": Door("sign_in", 404, path=UNKNOWN),
    "GET /account/login": Door("sign_in", 303, but={NOBODY: 200}),
    "POST /account/login": Door("sign_in", 422, form={"login": "{who}", "password": "wrong"}),
    "GET /account/login/passkey": Door("sign_in", 200),
    "POST /account/login/passkey": Door("sign_in", 422),
    # for everyone who is signed in: their own account, and no other
    "GET /account": Door("signed_in", 200),
    "POST /account/sign-out": Door("signed_in", 303),
    "GET /account/confirm": Door("signed_in", 200),
    "POST /account/confirm/pin": Door("signed_in", 422),
    "POST /account/confirm/password": Door("signed_in", 422),
    "GET /account/confirm/passkey": Door("signed_in", 200),
    "POST /account/confirm/passkey": Door("signed_in", 422),
    "POST /account/sessions/<int:session_id>/end": Door(
        "signed_in", 404, path={"session_id": "{session}"}, but={NOBODY: 401, "vendor": 303}
    ),
    "POST /account/sessions/end-others": Door("signed_in", 303),
    "GET /account/passkeys/options": Door("signed_in", 200),
    "POST /account/passkeys": Door("signed_in", 422),
    "POST /account/passkeys/remove": Door("signed_in", 404),
    "GET /account/password": Door("signed_in", 200),
    "POST /account/password": Door("signed_in", 422, but=dict.fromkeys(VENDORS, 403)),
    "GET /account/records": Door("signed_in", 200),
    "POST /account/recovery-codes": Door("signed_in", 403),  # nobody here has a password for them to replace
    # the API of people
    "POST /api/v1/session": Door(
        "sign_in", 422, json={"login": "{who}", "password": "wrong", "totp": "000000"}
    ),
    "GET /api/v1/session": Door("signed_in", 200),
    "DELETE /api/v1/session": Door("signed_in", 204),
    "GET /api/v1/accounts": Door("market", 200),
    "POST /api/v1/accounts": Door(
        "market",
        201,
        about=MARKET,
        json={"role": "operator", "name": "新人", "login": "new.one", "market_id": "{market}"},
    ),
    "DELETE /api/v1/accounts/<int:account_id>": Door("market", 204, about=VENDOR, path=ACCOUNT),
    "POST /api/v1/accounts/<int:account_id>/invitations": Door("market", 201, about=VENDOR, path=ACCOUNT),
    "DELETE /api/v1/accounts/<int:account_id>/invitations": Door("market", 204, about=VENDOR, path=ACCOUNT),
    "GET /api/v1/accounts/<int:account_id>/sessions": Door("market", 200, about=VENDOR, path=ACCOUNT),
    "DELETE /api/v1/accounts/<int:account_id>/sessions": Door("market", 204, about=VENDOR, path=ACCOUNT),
    "DELETE /api/v1/accounts/<int:account_id>/sessions/<int:session_id>": Door(
        "market", 204, about=VENDOR, path=ACCOUNT | {"session_id": "{session}"}
    ),
    "POST /api/v1/vendors/<int:vendor_id>/invitations": Door("market", 201, about=VENDOR, path=VENDOR_ID),
    "GET /api/v1/access-records": Door("signed_in", 200),
    "GET /api/v1/access-records/<int:record_id>/proof": Door(
        "signed_in", 409, about=VENDOR, path={"record_id": "{record}"}, but={"officer": 404}
    ),
    # for tax officers; the one of market 1 has looked at it, at the vendor and at A01
    "GET /officer": Door("officer", 200),
    "GET /officer/markets/<code>": Door("officer", 200, about=MARKET, path={"code": "PE01"}),
    "GET /officer/stalls/<code>/sources": Door("officer", 200, about=MARKET, path=A01),
    "GET /api/v1/supervision/stalls/<code>/sources": Door("officer", 200, about=MARKET, path=A01, query=DAYS),
    "GET /officer/vendors/<int:vendor_id>": Door("officer", 200, about=VENDOR, path=VENDOR_ID),
    "GET /officer/vendors/<int:vendor_id>/allowance": Door("officer", 200, about=VENDOR, path=VENDOR_ID),
    "GET /officer/vendors/<int:vendor_id>/returns": Door("officer", 200, about=VENDOR, path=VENDOR_ID),
    "GET /officer/vendors/<int:vendor_id>/returns/<first_day>": Door(
        "officer", 200, about=VENDOR, path=VENDOR_ID | QUARTER
    ),
    "GET /officer/vendors/<int:vendor_id>/returns/<first_day>/cells/<int:line>": Door(
        "officer", 200, about=VENDOR, path=VENDOR_ID | QUARTER | LINE_12
    ),
    "GET /api/v1/supervision/vendors/<int:vendor_id>/returns": Door(
        "officer", 200, about=VENDOR, path=VENDOR_ID
    ),
    "GET /api/v1/supervision/vendors/<int:vendor_id>/returns/<first_day>": Door(
        "officer", 200, about=VENDOR, path=VENDOR_ID | QUARTER
    ),
    "GET /api/v1/supervision/vendors/<int:vendor_id>/returns/<first_day>/cells/<int:line>": Door(
        "officer", 200, about=VENDOR, path=VENDOR_ID | QUARTER | LINE_12
    ),
    "POST /officer/vendors/<int:vendor_id>/allowance": Door(
        "officer", 303, about=VENDOR, path=VENDOR_ID, form={"ceiling_yuan": "9000"} | WHY
    ),
    "GET /officer/allowances": Door("officer", 200),
    "GET /officer/allowances/<int:request_id>": Door("officer", 200, about=VENDOR, path=ASKED),
    "POST /officer/allowances/<int:request_id>": Door(
        "officer", 303, about=VENDOR, path=ASKED, form=REFUSED | {"refuse": "yes"}
    ),
    "GET /api/v1/supervision/allowance-requests": Door("officer", 200),
    "POST /api/v1/supervision/allowance-requests/<int:request_id>/answer": Door(
        "officer", 204, about=VENDOR, path=ASKED, json=REFUSED | {"granted_fen": 900_000}
    ),
    "GET /api/v1/supervision/vendors/<int:vendor_id>/allowance": Door(
        "officer", 200, about=VENDOR, path=VENDOR_ID
    ),
    "PUT /api/v1/supervision/vendors/<int:vendor_id>/allowance": Door(
        "officer", 204, about=VENDOR, path=VENDOR_ID, json={"ceiling_fen": 900_000} | WHY
    ),
    "DELETE /api/v1/supervision/vendors/<int:vendor_id>/allowance": Door(
        "officer", 204, about=VENDOR, path=VENDOR_ID, query=WHY
    ),
    "POST /officer/markets/<code>/exports": Door(
        "officer", 303, about=MARKET, path={"code": "PE01"}, form=DAYS
    ),
    "GET /officer/exports": Door("officer", 200),
    "GET /officer/exports/part": Door("officer", 200),
    "GET /officer/exports/<uuid:export_id>.csv.gz": Door("officer", 200, path=EXPORT, but={"officer_2": 404}),
    "POST /officer/exports/<uuid:export_id>/delete": Door(
        "officer", 303, path=EXPORT, but={"officer_2": 404}
    ),
    "GET /api/v1/supervision/markets/<code>/sales": Door(
        "officer", 200, about=MARKET, path={"code": "PE01"}, query=DAYS
    ),
    "GET /api/v1/supervision/markets/<code>/sales.csv": Door(
        "officer", 200, about=MARKET, path={"code": "PE01"}, query=DAYS
    ),
    "POST /api/v1/supervision/markets/<code>/exports": Door(
        "officer", 202, about=MARKET, path={"code": "PE01"}, json=DAYS
    ),
    "GET /api/v1/supervision/exports": Door("officer", 200),
    "GET /api/v1/supervision/exports/<uuid:export_id>": Door(
        "officer", 200, path=EXPORT, but={"officer_2": 404}
    ),
    "GET /api/v1/supervision/exports/<uuid:export_id>/file": Door(
        "officer", 200, path=EXPORT, but={"officer_2": 404}
    ),
    "DELETE /api/v1/supervision/exports/<uuid:export_id>": Door(
        "officer", 204, path=EXPORT, but={"officer_2": 404}
    ),
    "GET /officer/cases": Door("officer", 200),
    "GET /officer/rules": Door("officer", 200),
    "GET /officer/cases/<int:case_id>": Door("officer", 200, about=VENDOR, path=CASE),
    "GET /officer/cases/<int:case_id>.zip": Door("officer", 200, about=VENDOR, path=CASE),
    "POST /officer/cases/<int:case_id>/assign": Door("officer", 303, about=VENDOR, path=CASE, form={}),
    "POST /officer/cases/<int:case_id>/notes": Door("officer", 303, about=VENDOR, path=CASE, form=ANSWER),
    "POST /officer/cases/<int:case_id>/decision": Door(
        "officer", 303, about=VENDOR, path=CASE, form=ANSWER | {"outcome": "innocent"}
    ),
    "POST /officer/cases/<int:case_id>/reopening": Door(
        "officer", 303, about=VENDOR, path={"case_id": "{closed_case}"}, form=ANSWER
    ),
    "GET /api/v1/supervision/rules": Door("officer", 200),
    "GET /api/v1/supervision/cases": Door("officer", 200, about=MARKET, query=PE01),
    "GET /api/v1/supervision/cases/<int:case_id>": Door("officer", 200, about=VENDOR, path=CASE),
    "GET /api/v1/supervision/cases/<int:case_id>/bundle": Door("officer", 200, about=VENDOR, path=CASE),
    "POST /api/v1/supervision/cases/<int:case_id>/assignment": Door(
        "officer", 204, about=VENDOR, path=CASE, json={}
    ),
    "POST /api/v1/supervision/cases/<int:case_id>/notes": Door(
        "officer", 204, about=VENDOR, path=CASE, json=ANSWER
    ),
    "POST /api/v1/supervision/cases/<int:case_id>/decision": Door(
        "officer", 204, about=VENDOR, path=CASE, json=ANSWER | {"outcome": "innocent"}
    ),
    "POST /api/v1/supervision/cases/<int:case_id>/reopening": Door(
        "officer", 204, about=VENDOR, path={"case_id": "{closed_case}"}, json=ANSWER
    ),
    "GET /officer/sales/<uuid:order_id>": Door("officer", 404, path={"order_id": "{order}"}),
    "GET /officer/sales/<uuid:order_id>/evidence": Door("officer", 404, path={"order_id": "{order}"}),
    "GET /officer/invoices/<number>": Door("officer", 404, path=INVOICE),
    "GET /officer/check": Door("officer", 200),
    "GET /officer/verify": Door("officer", 200),
    "POST /officer/verify": Door("officer", 303, form={"numbers": INVOICE["number"]} | WHY),
    "GET /officer/checks/<int:check_id>": Door("officer", 200, path=CHECK, but={"officer_2": 404}),
    "POST /officer/checks/<int:check_id>/step": Door("officer", 303, path=CHECK, but={"officer_2": 404}),
    "GET /officer/checks/<int:check_id>.xlsx": Door("officer", 200, path=CHECK, but={"officer_2": 404}),
    "GET /officer/checks/<int:check_id>.pdf": Door("officer", 200, path=CHECK, but={"officer_2": 404}),
    "POST /api/v1/supervision/checks": Door("officer", 201, form={"numbers": INVOICE["number"]} | WHY),
    "POST /api/v1/supervision/checks/<int:check_id>/steps": Door(
        "officer", 200, path=CHECK, but={"officer_2": 404}
    ),
    "GET /api/v1/supervision/checks/<int:check_id>": Door("officer", 200, path=CHECK, but={"officer_2": 404}),
    "POST /officer/check": Door("officer", 303, about=MARKET, form={"code": "A01"} | WHY),
    "GET /officer/stalls/<code>": Door("officer", 200, about=MARKET, path=A01),
    "POST /officer/looks": Door("officer", 303, about=VENDOR, form={"vendor_id": "{vendor}"} | WHY),
    "GET /api/v1/supervision/sources": Door("officer", 200, query=DAYS),
    "POST /api/v1/supervision/markets/<code>/looks": Door(
        "officer", 201, about=MARKET, path={"code": "PE01"}, json=WHY
    ),
    "GET /api/v1/supervision/markets/<code>": Door(
        "officer", 200, about=MARKET, path={"code": "PE01"}, query=DAYS
    ),
    "POST /api/v1/supervision/vendors/<int:vendor_id>/looks": Door(
        "officer", 201, about=VENDOR, path=VENDOR_ID, json=WHY
    ),
    "GET /api/v1/supervision/vendors/<int:vendor_id>": Door(
        "officer", 200, about=VENDOR, path=VENDOR_ID, query=DAYS
    ),
    "GET /api/v1/supervision/vendors/<int:vendor_id>/sales": Door(
        "officer", 200, about=VENDOR, path=VENDOR_ID, query=DAYS
    ),
    "GET /api/v1/supervision/sales/<uuid:order_id>": Door("officer", 404, path={"order_id": "{order}"}),
    "POST /api/v1/supervision/spot-checks": Door("officer", 201, about=MARKET, json={"code": "A01"} | WHY),
    "GET /api/v1/supervision/stalls/<code>": Door("officer", 200, about=MARKET, path=A01),
    # for vendors: their own business
    "GET /account/pin": Door("vendor", 200),
    "POST /account/pin": Door("vendor", 422),
    "GET /vendor": Door("vendor", 200),
    "GET /vendor/part": Door("vendor", 200),
    "GET /vendor/live": Door("vendor", 200),
    "GET /vendor/sales": Door("vendor", 200),
    "GET /vendor/orders": Door("vendor", 200),
    "GET /vendor/orders/<uuid:order_id>": Door("vendor", 200, about=VENDOR, path={"order_id": "{order}"}),
    "GET /vendor/orders/<uuid:order_id>/refund": Door(
        "vendor", 409, about=VENDOR, path={"order_id": "{order}"}
    ),
    "POST /vendor/orders/<uuid:order_id>/refund": Door(
        "vendor",
        409,
        about=VENDOR,
        path={"order_id": "{order}"},
        form={"reason": "02", "once": "roles-and-routes"},
    ),
    "GET /vendor/invoices": Door("vendor", 200),
    "GET /vendor/goods": Door("vendor", 200),
    "GET /vendor/goods/<sku>": Door("vendor", 200, about=VENDOR, path=LEEK),
    "POST /vendor/goods/<sku>": Door(
        "vendor", 422, about=VENDOR, path=LEEK, form={"expected_price_fen": "500"}
    ),
    "POST /vendor/goods/<sku>/price": Door(
        "vendor", 303, about=VENDOR, path=LEEK, form={"price_yuan": "6", "expected_price_fen": "500"}
    ),
    "POST /vendor/goods/<sku>/available": Door(
        "vendor", 303, about=VENDOR, path=LEEK, form={"available": "no"}
    ),
    "POST /vendor/goods/<sku>/remove": Door("vendor", 303, about=VENDOR, path=LEEK),
    "GET /vendor/key": Door("vendor", 200),
    "POST /vendor/key": Door("vendor", 303, form={"amount_yuan": "3"}),
    "GET /vendor/key/<token>": Door("vendor", 404, path=UNKNOWN),
    "GET /vendor/key/<token>/part": Door("vendor", 404, path=UNKNOWN),
    "GET /vendor/key/<token>/live": Door("vendor", 404, path=UNKNOWN),
    "GET /vendor/threshold": Door("vendor", 200),
    "GET /vendor/threshold/part": Door("vendor", 200),
    "GET /api/v1/vendor/returns": Door("vendor", 200),
    "GET /api/v1/vendor/returns/<first_day>": Door("vendor", 200, path=QUARTER),
    "GET /api/v1/vendor/returns/<first_day>/cells/<int:line>": Door("vendor", 200, path=QUARTER | LINE_12),
    "GET /vendor/returns": Door("vendor", 200),
    "GET /vendor/returns/<first_day>": Door("vendor", 200, path=QUARTER),
    "GET /vendor/returns/<first_day>/cells/<int:line>": Door("vendor", 200, path=QUARTER | LINE_12),
    # of market 1's vendor alone: the one who has a ceiling, and has asked for more already
    "GET /vendor/allowance": Door("vendor", 200, about=VENDOR),
    "POST /vendor/allowance": Door(
        "vendor", 409, about=VENDOR, form={"asked_yuan": "9000", "words": "旺季要多开"}
    ),
    "GET /api/v1/vendor/allowance": Door("vendor", 200, about=VENDOR),
    "POST /api/v1/vendor/allowance/requests": Door(
        "vendor", 409, about=VENDOR, json={"asked_fen": 900_000, "words": "旺季要多开"}
    ),
    "GET /vendor/close": Door("vendor", 200),
    "POST /vendor/close": Door("vendor", 303, form={"cash_yuan": "10"}),
    "GET /vendor/closed/<day>": Door("vendor", 200, path={"day": "{today}"}),
    "GET /vendor/months": Door("vendor", 200),
    "GET /vendor/months/<day>.xlsx": Door("vendor", 200, path={"day": "{today}"}),
    "GET /vendor/more": Door("vendor", 200),
    "GET /api/v1/vendor/today": Door("vendor", 200),
    "GET /api/v1/vendor/sales": Door("vendor", 200),
    "GET /api/v1/vendor/orders": Door("vendor", 200),
    "GET /api/v1/vendor/orders/<uuid:order_id>": Door(
        "vendor", 200, about=VENDOR, path={"order_id": "{order}"}
    ),
    "POST /api/v1/vendor/orders/<uuid:order_id>/refunds": Door(
        "vendor",
        409,
        about=VENDOR,
        path={"order_id": "{order}"},
        json={"reason": "02"},
        headers={"Idempotency-Key": "roles-and-routes"},
    ),
    "GET /api/v1/vendor/refunds/<uuid:refund_id>": Door("vendor", 404, path={"refund_id": "{order}"}),
    "GET /api/v1/vendor/invoices": Door("vendor", 200),
    "GET /api/v1/vendor/goods": Door("vendor", 200),
    "POST /api/v1/vendor/goods": Door(
        "vendor", 201, json={"name_zh": "菜", "unit": "斤", "price_yuan": "4.50", "kind": "leaves"}
    ),
    "PUT /api/v1/vendor/goods/<sku>": Door(
        "vendor",
        204,
        about=VENDOR,
        path=LEEK,
        json={"name_zh": "韭菜", "unit": "斤", "price_yuan": "6", "expected_price_fen": 500},
    ),
    "DELETE /api/v1/vendor/goods/<sku>": Door("vendor", 204, about=VENDOR, path=LEEK),
    "PUT /api/v1/vendor/goods/<sku>/price": Door(
        "vendor", 204, about=VENDOR, path=LEEK, json={"price_fen": 600, "expected_price_fen": 500}
    ),
    "PUT /api/v1/vendor/goods/<sku>/available": Door(
        "vendor", 204, about=VENDOR, path=LEEK, json={"available": False}
    ),
    "GET /api/v1/vendor/keyed-sales": Door("vendor", 200),
    "POST /api/v1/vendor/keyed-sales": Door(
        "vendor", 201, json={"lines": [{"amount_fen": 300}]}, headers={"Idempotency-Key": "roles-and-routes"}
    ),
    "GET /api/v1/vendor/threshold": Door("vendor", 200),
    "GET /api/v1/vendor/days/<day>": Door("vendor", 200, path={"day": "{today}"}),
    "POST /api/v1/vendor/days/<day>/closes": Door(
        "vendor", 201, path={"day": "{today}"}, json={"stated_fen": {}, "cash_fen": 100}
    ),
    "GET /api/v1/vendor/summary/<month>": Door("vendor", 200, path={"month": "{month}"}),
    "GET /api/v1/vendor/summary/<month>.xlsx": Door("vendor", 200, path={"month": "{month}"}),
    # the API of the market's desk: an administrator names the market, an operator has one
    "GET /api/v1/markets": Door("market", 200),
    "POST /api/v1/markets": Door("admin", 201, json={"code": "NEW01"} | PLACE),
    "GET /api/v1/market": Door("market", 200, about=MARKET, query=PE01),
    "PUT /api/v1/market": Door("market", 204, about=MARKET, query=PE01, json=PLACE),
    "GET /api/v1/market/overview": Door("market", 200, about=MARKET, query=PE01),
    "GET /api/v1/market/wall": Door("market", 200, about=MARKET, query=PE01),
    "GET /api/v1/market/turnover": Door("market", 200, about=MARKET, query=PE01 | DAYS),
    "GET /api/v1/market/turnover.xlsx": Door("market", 200, about=MARKET, query=PE01 | DAYS),
    "GET /api/v1/market/posters.pdf": Door("market", 200, about=MARKET, query=PE01 | {"size": "A6"}),
    "GET /api/v1/market/stalls": Door("market", 200, about=MARKET, query=PE01),
    "POST /api/v1/market/stalls": Door("market", 201, about=MARKET, query=PE01, json={"code": "N01"} | STALL),
    "GET /api/v1/market/stalls/<code>": Door("market", 200, about=MARKET, path=A01),
    "PUT /api/v1/market/stalls/<code>": Door("market", 204, about=MARKET, path=A01, json=STALL),
    "PUT /api/v1/market/stalls/<code>/open": Door(
        "market", 204, about=MARKET, path=A01, json={"is_open": False}
    ),
    "POST /api/v1/market/stalls/<code>/codes": Door(
        "market", 201, about=MARKET, path=A01, json={"reason": "雨"}
    ),
    "POST /api/v1/market/stalls/<code>/authorisations": Door(
        "market",
        409,
        about=MARKET,
        path=A01,
        json=HOURS | {"vendor_id": "{vendor}", "first_day": "{today}", "weekdays": [0]},
    ),
    "POST /api/v1/market/authorisations/<int:authorisation_id>/end": Door(
        "market",
        204,
        about=MARKET,
        path={"authorisation_id": "{authorisation}"},
        json={"last_day": "{today}"},
    ),
    "GET /api/v1/market/vendors": Door("market", 200, about=MARKET, query=PE01),
    "POST /api/v1/market/vendors": Door("market", 201, about=MARKET, query=PE01, json=PERSON),
    "GET /api/v1/market/vendors/<int:vendor_id>": Door("market", 200, about=VENDOR, path=VENDOR_ID),
    "PUT /api/v1/market/vendors/<int:vendor_id>": Door(
        "market", 204, about=VENDOR, path=VENDOR_ID, json=PERSON
    ),
    "POST /api/v1/market/imports/<kind>": Door("market", 422, path={"kind": "vendors"}, query=PE01),
    "GET /api/v1/market/imports/<kind>.xlsx": Door("market", 200, path={"kind": "goods"}),
    # for the market's desk; an administrator who has chosen no market is shown the choice
    "GET /market": Door("market", 200),
    "GET /market/part": Door("market", 200),
    "GET /market/live": Door("market", 200),
    "GET /market/wall": Door("market", 200),
    "GET /market/wall/part": Door("market", 200),
    "GET /market/turnover": Door("market", 200),
    "GET /market/turnover.xlsx": Door("market", 200),
    "GET /market/posters": Door("market", 200),
    "GET /market/posters.pdf": Door("market", 200, query={"size": "A6"}),
    "GET /market/details": Door("market", 200),
    "POST /market/details": Door("market", 303, form=PLACE, but={"admin": 200, "operator_2": 422}),
    "POST /market/choose": Door("market", 303, about=MARKET, form={"code": "PE01"}),
    "GET /market/new": Door("admin", 200),
    "POST /market/new": Door("admin", 303, form={"code": "NEW01"} | PLACE),
    "GET /market/stalls": Door("market", 200),
    "GET /market/stalls/new": Door("market", 200),
    "POST /market/stalls/new": Door("market", 303, form={"code": "N01"} | STALL, but={"admin": 200}),
    "GET /market/stalls/<code>": Door("market", 200, about=MARKET, path=A01),
    "POST /market/stalls/<code>": Door("market", 303, about=MARKET, path=A01, form=STALL),
    "POST /market/stalls/<code>/open": Door("market", 303, about=MARKET, path=A01, form={"is_open": "0"}),
    "POST /market/stalls/<code>/authorise": Door(
        "market", 409, about=MARKET, path=A01, form=HOURS | {"vendor_id": "{vendor}", "first_day": "{today}"}
    ),
    "POST /market/stalls/<code>/authorisations/<int:authorisation_id>/end": Door(
        "market",
        303,
        about=MARKET,
        path=A01 | {"authorisation_id": "{authorisation}"},
        form={"ends_on": "{today}"},
    ),
    "POST /market/stalls/<code>/reissue": Door("market", 303, about=MARKET, path=A01, form={"reason": "雨"}),
    "GET /market/vendors": Door("market", 200),
    "GET /market/vendors/new": Door("market", 200),
    "POST /market/vendors/new": Door("market", 303, form=PERSON, but={"admin": 200}),
    "GET /market/vendors/<int:vendor_id>": Door("market", 200, about=VENDOR, path=VENDOR_ID),
    "POST /market/vendors/<int:vendor_id>": Door("market", 303, about=VENDOR, path=VENDOR_ID, form=PERSON),
    "POST /market/vendors/<int:vendor_id>/phone": Door("market", 200, about=VENDOR, path=VENDOR_ID),
    "GET /market/phones/<int:invitation_id>/part": Door(
        "market", 200, about=VENDOR, path={"invitation_id": "{invitation}"}
    ),
    "POST /market/vendors/<int:vendor_id>/sessions/<int:session_id>/end": Door(
        "market",
        303,
        about=VENDOR,
        path=VENDOR_ID | {"session_id": "{session}"},
        form={"account_id": "{account}"},
    ),
    "GET /market/import": Door("market", 200),
    "POST /market/import": Door("market", 422, form={"kind": "vendors"}),
    "POST /market/import/run": Door(
        "market", 422, form={"kind": "vendors", "file": "eA=="}, but={"admin": 200}
    ),
    "GET /market/import/<kind>.xlsx": Door("market", 200, path={"kind": "goods"}),
    "GET /market/people": Door("market", 200),
    "POST /market/people": Door("market", 200, form={"name": "新人", "login": "new.one"}),
    "POST /market/people/<int:account_id>/invite": Door(
        "market", 200, about=MARKET, path={"account_id": "{operator}"}
    ),
    "POST /market/people/<int:account_id>/close": Door("market", 303, about=VENDOR, path=ACCOUNT),
}


def doors_of(app: Flask) -> dict[str, str]:
    """Every route that the application has, with its audience."""
    return {
        f"{method} {rule.rule}": app.view_functions[rule.endpoint].audience.value  # type: ignore[attr-defined]
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def places(town: Town, name: str) -> dict[str, object]:
    """What `{…}` in a door's path, json and form stands for when `name` knocks."""
    today = business_day(town.services.clock())
    return {
        "who": name,
        "vendor": town.vendors["vendor"],
        "next_door": town.vendors["next_door"],
        "market": town.markets[1],
        "account": town.accounts["vendor"],
        "operator": town.accounts["operator"],
        "order": town.ask("SELECT id FROM orders WHERE vendor_id = :v", v=town.vendors["vendor"]),
        "check": town.ask("SELECT min(id) FROM checks"),
        "complaint": town.ask("SELECT id FROM complaints"),
        "export": town.ask("SELECT id FROM exports ORDER BY id LIMIT 1"),
        "case": town.ask("SELECT id FROM findings WHERE state <> 'closed'"),
        "closed_case": town.ask("SELECT id FROM findings WHERE state = 'closed'"),
        "request": town.ask("SELECT id FROM allowance_requests"),
        "today": today.isoformat(),
        "tomorrow": int(town.services.clock().timestamp()) + 86_400,
        "soon": int(town.services.clock().timestamp()) + 3600,
        "month": f"{today:%Y-%m}",
        "quarter": period_of(PeriodKind.QUARTER, today).first_day.isoformat(),
        "authorisation": town.ask(
            "SELECT id FROM authorisations WHERE vendor_id = :v", v=town.vendors["vendor"]
        ),
        "invitation": town.ask("SELECT id FROM invitations WHERE account_id = :a", a=town.accounts["vendor"]),
        "record": town.ask("SELECT min(id) FROM access_records"),
        "session": town.ask("SELECT id FROM sessions WHERE account_id = :a", a=town.accounts["vendor"]),
    }


def filled(value: Any, known: Mapping[str, object]) -> Any:
    """`value` with every `{…}` in it filled in; a text that is nothing but one becomes what it stands for."""
    if isinstance(value, str):
        alone = value.removeprefix("{").removesuffix("}")
        return known[alone] if f"{{{alone}}}" == value else value.format_map(known) if "{" in value else value
    if isinstance(value, Mapping):
        return {key: filled(inner, known) for key, inner in value.items()}
    return [filled(inner, known) for inner in value] if isinstance(value, list) else value
