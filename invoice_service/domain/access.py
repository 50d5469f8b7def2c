"""The access record 查阅记录: what people with accounts may do, or look at, that is written down.

A closed list, so that each has words that everybody can read, and none is written under two names. The value
is what the database and the log keep; it never changes. The English text is shown, translated.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from invoice_service.domain.invoice import Document, instant_text
from invoice_service.errors import N_, Error

LOOK_LASTS = timedelta(minutes=30)  # how long a reason that was given opens what it was given for


class SayWhy(Error):
    """Of a market's vendors, or of one vendor. Parameters name it, so that a page can ask for the reason."""

    code = "look.say_why"
    message = N_("Please say first why you look. Those concerned will read it.")
    status = 403


class Action(enum.StrEnum):
    """`subject` of a record is what the action was done to: a stall's code, an account's name, a number."""

    text: str

    def __new__(cls, value: str, text: str = "") -> Action:
        member = str.__new__(cls, value)
        member._value_ = value
        member.text = text
        return member

    SIGNED_IN = "session.begin", N_("Signed in")
    SESSION_ENDED = "session.end", N_("Ended a session")
    SIGN_IN_SET_UP = "account.set_up", N_("Set up a sign-in")
    SIGN_IN_CHANGED = "account.change", N_("Changed how an account signs in")
    INVITED = "account.invite", N_("Made an invitation")
    INVITATION_REVOKED = "account.revoke_invitation", N_("Took an invitation back")
    PHONE_BOUND = "account.bind_phone", N_("Connected a phone")
    ACCOUNT_DISABLED = "account.disable", N_("Closed an account")
    VENDOR_LOOKED_AT = "vendor.look", N_("Looked at a vendor's records")
    MARKET_LOOKED_AT = "market.look", N_("Looked at the sums of every vendor in a market")
    STALL_CHECKED = "stall.check", N_("Checked a stall on the spot")
    SALE_LOOKED_AT = "sale.look", N_("Looked at a sale and its invoice")
    VENDOR_CHANGED = "vendor.change", N_("Changed a vendor's details")
    GOODS_CHANGED = "goods.change", N_("Changed goods or prices")
    REFUND_ASKED = "refund.ask", N_("Paid a sale back, or a part of it")
    SALE_KEYED = "order.key", N_("Keyed a sale")
    DAY_CLOSED = "day.close", N_("Closed a day")
    EXPORTED = "export", N_("Exported records")
    EXPORT_DELETED = "export.delete", N_("Deleted an export")
    MARKET_CHANGED = "market.change", N_("Changed a market's details")
    STALL_LOOKED_AT = "stall.look", N_("Looked at a stall's figures")
    STALL_CHANGED = "stall.change", N_("Changed a stall")
    CODE_REISSUED = "stall.reissue_code", N_("Replaced a stall's code")
    SELLER_AUTHORISED = "seller.authorise", N_("Authorised a vendor to sell at a stall")
    AUTHORISATION_ENDED = "seller.end", N_("Ended an authorisation to sell")
    PILE_CHECKED = "pile.check", N_("Had a pile of invoices checked")
    INVOICE_CHECKED = "invoice.check", N_("Checked an invoice that was shown")
    COMPLAINT_ANSWERED = "complaint.answer", N_("Answered a shopper's report about a stall")
    CASE_LOOKED_AT = "case.look", N_("Looked at a finding")
    CASE_HANDLED = "case.handle", N_("Worked on a finding")
    ALLOWANCE_SET = "allowance.set", N_("Set how much a vendor may invoice in a month")
    ALLOWANCE_ANSWERED = "allowance.answer", N_("Answered a vendor who asked to invoice more")
    LISTS_IMPORTED = "lists.import", N_("Imported a list")
    BUYER_ERASED = "invoice.erase_buyer", N_("Erased the buyer of an invoice")


def record_document(row: Mapping[str, Any]) -> Document:
    """What stands in the log of one record, as a leaf under its day's root.

    `blind` is random and known to those only who see the record: without it, whoever is shown one record
    could guess at its neighbours by their hashes.
    """
    return {
        "type": "access",
        "version": 1,
        "id": row["id"],
        "at": instant_text(row["at"]),
        "account": row["account_id"],
        "role": row["role"],
        "who": row["who"],
        "action": row["action"],
        "market": row["market_id"],
        "vendor": row["vendor_id"],
        "subject": row["subject"],
        "reason": row["reason"],
        "blind": row["blind"].hex,
    }


def access_day_body(*, issuer: str, day: date, size: int, root: bytes) -> Document:
    """What a day's ACCESS_DAY entry commits to."""
    return {
        "type": "access_day",
        "version": 1,
        "issuer": issuer,
        "day": day.isoformat(),
        "size": size,
        "root": root.hex(),
    }
