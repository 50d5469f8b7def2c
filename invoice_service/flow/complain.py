"""A shopper complains about a stall; the market's office or the tax office answers.

Whoever complains says nothing about themselves and gets a token, as for an order. The complaint keeps who was
authorised at the stall at that minute, since the stall may be another's tomorrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from invoice_service.domain.access import Action
from invoice_service.domain.complaint import UnknownComplaint, check_answer, checked_words, read_complaint
from invoice_service.domain.order import UnknownStall
from invoice_service.domain.policy import Actor, Role, Scope
from invoice_service.domain.token import COMPLAINT, fingerprint
from invoice_service.flow.access import note
from invoice_service.flow.once import once
from invoice_service.flow.order import time_ordered_id
from invoice_service.services import Services
from invoice_service.store import catalogue, complaints


def complain(services: Services, stall: str, given: Mapping[str, str], *, idempotency_key: str) -> str:
    """Answers the token. `stall` is the code as it stands over the stall: the QR itself may be forged.

    Raises UnknownStall, BadComplaint, BadIdempotencyKey, KeyReused.
    """
    now = services.clock()
    complaint = read_complaint(given)
    complaint_id = time_ordered_id(now, services.random(10))
    with services.database.unit_of_work() as uow:
        row = catalogue.stall_row(uow.connection, stall, now) if stall.isprintable() else None
        if row is None:
            raise UnknownStall
        request = [stall, complaint.kind.value, complaint.words]
        kept = once(uow.connection, "complain", idempotency_key, request, str(complaint_id), now)
        if kept is not None:
            return services.keyring.tokens.derive(COMPLAINT, kept)
        token = services.keyring.tokens.derive(COMPLAINT, str(complaint_id))
        complaints.add(
            uow.connection,
            {
                "id": complaint_id,
                "market_id": row["market_id"],
                "stall_id": row["id"],
                "vendor_id": row["vendor_id"],
                "kind": complaint.kind.value,
                "words": complaint.words,
                "token_hash": fingerprint(token),
                "created_at": now,
            },
        )
        uow.commit()
    return token


def answer(services: Services, actor: Actor, complaint_id: UUID, words: str) -> None:
    """The shopper reads it, and from which office. Raises UnknownComplaint, OutOfScope, BadComplaint."""
    now = services.clock()
    with services.database.unit_of_work() as uow:
        row = complaints.by_id(uow.connection, complaint_id)
        if row is None:
            raise UnknownComplaint
        check_answer(actor, Scope(row["market_id"], row["region"]))
        values = {
            "account_id": actor.account_id,
            "office": "tax" if actor.role is Role.OFFICER else "market",
            "who": actor.name,
            "words": checked_words(words),
            "at": now,
        }
        complaints.answer(uow.connection, complaint_id, values)
        of_whom = {"market_id": row["market_id"], "vendor_id": row["vendor_id"]}
        note(uow.connection, actor, Action.COMPLAINT_ANSWERED, now=now, subject=row["stall_code"], **of_whom)
        uow.commit()
