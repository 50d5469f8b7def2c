"""A credit note's evidence: in a log of one entry more, without a buyer, and with nothing to be claimed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from invoice_service.domain.credit_note import credit_note_body, refund_body
from invoice_service.domain.refund import Back, Reason, SoldLine, back_lines
from invoice_service.domain.tax import rule_by_id
from invoice_service.ledger import tree
from invoice_service.ledger.entry import NO_ADDRESS, NO_COMMITMENT, Entry, Kind, commit_body
from invoice_service.ledger.evidence import Evidence
from tests.unit.ledger.evidence_files import BLOCK_MS, Issuer, salt, sign_p256, vector_order
from tests.vectors.cases import N, Vectors, case, put, told

NUMBER = "26539000000000000007"
REFUND = UUID("019ac000-0000-7000-8000-000000000000")
DRAWN_AT = datetime.fromtimestamp(BLOCK_MS / 1000, UTC) + timedelta(minutes=5)


def credit_note(issuer: Issuer) -> Vectors:
    """One of the two and a half 斤 of the invoice's second line."""
    line = vector_order(N).lines[1]
    sold = SoldLine(1, line, rule_by_id("small-scale-1"), 0, Decimal(0))
    return credit_note_body(
        issuer.invoices[N],
        back_lines([Back(1, quantity=Decimal(1))], {1: sold}),
        number=NUMBER,
        original=issuer.entries[2 * N + 1].body_commitment.hex(),
        refund=str(REFUND),
        reason=Reason.RETURNED,
        notes=0,
        whole=False,
        issued_at=DRAWN_AT,
    )


def refund(issuer: Issuer) -> Vectors:
    """What was paid back for it."""
    return refund_body(
        issuer=issuer.id.hex(),
        refund=str(REFUND),
        order=issuer.sales[N]["order"],
        sale=issuer.entries[2 * N].body_commitment.hex(),
        credit_note=commit_body(salt("credit note"), credit_note(issuer))[1].hex(),
        reason=Reason.RETURNED,
        provider="wechat",
        paid_back_at=DRAWN_AT + timedelta(seconds=2),
        parts=[(1, "1", 300)],
    )


class WithNote(Issuer):
    """The same issuer, whose log has grown by the credit note's entry."""

    def __init__(self) -> None:
        super().__init__()
        entry = Entry(
            kind=Kind.CREDIT_NOTE,
            issuer_id=self.id,
            claim_address=NO_ADDRESS,
            body_commitment=commit_body(salt("credit note"), credit_note(self))[1],
            buyer_commitment=NO_COMMITMENT,
            instant_ms=int(DRAWN_AT.timestamp() * 1000),
        )
        self.entries.append(entry)
        self.leaves.append(tree.leaf_hash(entry.encode()))
        self.size = len(self.entries)
        self.tiles = {(t.level, t.index): t.hashes for t in tree.extend(0, self.leaves, self.read)}
        self.head = tree.root(self.size, self.read)

    def note_evidence(self) -> Evidence:
        index = self.size - 1
        entry = self.entries[index].encode()
        return Evidence(
            body=credit_note(self),
            body_salt=salt("credit note"),
            buyer=None,
            buyer_salt=None,
            entry=entry,
            signature=sign_p256(self.working, entry),
            index=index,
            checkpoint=self.note(),
            inclusion=tuple(tree.inclusion_proof(index, self.size, self.read)),
            issuer=self.signed_statement(),
        )


def credit_note_cases(issuer: Issuer) -> list[Vectors]:
    """What becomes of a credit note is not asked: it has no claim address."""
    invoice = issuer.evidence(N).to_json()
    others_buyer = (put(invoice["buyer"], "buyer"), put(invoice["buyer_salt"], "buyer_salt"))
    made_an_invoice = put("invoice", "body", "type")
    no_standing = told() | {"standing": None}
    made = {
        "a credit note": ("genuine", None, ()),
        "a credit note, with its invoice's buyer": ("altered", "buyer", others_buyer),
        "a credit note of more": ("altered", "body", (put(301, "body", "total_fen"),)),
        "a credit note on another invoice": (
            "altered", "body", (put("26539000000000000003", "body", "invoice", "number"),)
        ),
        "a credit note as an invoice": ("altered", "body", (made_an_invoice,)),
        "a credit note under an invoice's entry": ("altered", "body", (put(invoice["entry"], "entry"),)),
    }  # fmt: skip
    return [
        *(case(name, *verdict, *edits, file="credit note") for name, (*verdict, edits) in made.items()),
        case("a credit note, the chain asked", "genuine", None, file="credit note", chain="noted",
             told=no_standing),
        case("an invoice as a credit note", "altered", "body", put("credit-note", "body", "type")),
    ]  # fmt: skip
