"""A small issuer with a log of its own, and evidence of its invoices: the same bytes on every run.

Keys come from a number and signatures are deterministic (RFC 6979), so that the vectors that others
check their verifiers against can be made again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from invoice_service.domain.goods import Goods
from invoice_service.domain.invoice import buyer_document, invoice_body, sale_body, taxed_lines
from invoice_service.domain.lifecycle import OrderStatus
from invoice_service.domain.order import Order, OrderLine, Stall
from invoice_service.domain.party import Buyer, BuyerKind, TaxpayerKind
from invoice_service.domain.standing import Standing
from invoice_service.domain.tax import TaxClass
from invoice_service.flow.issue import make_claim_key
from invoice_service.ledger import canonical, checkpoint, statement, tree
from invoice_service.ledger.entry import NO_ADDRESS, NO_COMMITMENT, Entry, Kind, commit_body, commit_buyer
from invoice_service.ledger.evidence import FREE, Evidence
from invoice_service.ledger.keys import key_id, public_der

ORIGIN = "test.local/log"
PAID_AT = datetime(2026, 11, 23, 3, 26, 51, 123_000, tzinfo=UTC)
ISSUED_AFTER = timedelta(seconds=40)
MADE_MS = 1_795_404_411_123  # PAID_AT
DAY_MS = 24 * 3600 * 1000
BLOCK_TIME = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
BLOCK_MS = int(BLOCK_TIME.timestamp()) * 1000
BUYERS = (
    Buyer(BuyerKind.INDIVIDUAL, "个人", None),
    Buyer(BuyerKind.ORGANIZATION, "普洱茶业有限公司", "92532528MA6L45LX6L"),
    Buyer(BuyerKind.INDIVIDUAL, "张三", None),
)
VEGETABLES = Goods("", "蔬菜", "Vegetables", "份", 1, "1010112060000000000", TaxClass.VEGETABLE)
STALL = Stall(
    id=1,
    market_id=1,
    vendor_id=1,
    code="A01",
    name_zh="李家蔬菜",
    is_open=True,
    market_code="PE01",
    market_name_zh="思茅中心农贸市场",
    region="530802",
    seller_name="李秀英",
    seller_tax_id="92532528MA6L45LX6L",
    taxpayer=TaxpayerKind.SMALL_SCALE,
    self_produced=False,
    default_goods=VEGETABLES,
)


@dataclass(frozen=True)
class Anchored:
    size: int
    block_number: int = 7
    time: datetime = BLOCK_TIME


class ChainThatHolds:
    """A chain endpoint with one contract for each of these epochs, by nonce: which root has which head."""

    def __init__(
        self, epochs: dict[bytes, dict[bytes, Anchored]], standings: dict[bytes, Standing] | None = None
    ) -> None:
        self.epochs = epochs
        self.standings = standings or {}  # by claim address, in every epoch

    def open(self, epoch: statement.Epoch) -> Contract | None:
        return Contract(self.epochs[epoch.nonce], self.standings) if epoch.nonce in self.epochs else None


class Contract:
    def __init__(self, heads: dict[bytes, Anchored], standings: dict[bytes, Standing]) -> None:
        self.heads = heads
        self.standings = standings

    def standing(self, _issuer_id: bytes, claim_address: bytes) -> Standing:
        return self.standings.get(claim_address, Standing(FREE, 0, None))

    def anchored_at(self, root: bytes) -> Anchored | None:
        return self.heads.get(root)


class ChainDown:
    def open(self, _epoch: statement.Epoch) -> None:
        raise ConnectionError("no answer")


class ContractDown:
    """It answers who it is, and then no more."""

    def open(self, _epoch: statement.Epoch) -> ContractDown:
        return self

    def anchored_at(self, _root: bytes) -> None:
        raise ConnectionError("no answer")

    def standing(self, _issuer_id: bytes, _claim_address: bytes) -> Standing:
        raise ConnectionError("no answer")


class NeverToBeAsked:
    def open(self, _epoch: statement.Epoch) -> None:
        raise AssertionError("a contract that only a stranger's file names was asked")


def sign_p256(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def sign_statement(document: dict[str, Any], root: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """Whatever it says: some vectors are statements that a root signed and nobody should believe."""
    message = statement.TAG + canonical.encode(document)
    return {"statement": document, "signature": sign_p256(root, message).hex()}


class Issuer:
    """Keys from a number; a log that holds the sale and the invoice of each of three orders."""

    def __init__(
        self, seed: int = 1, *, entry_revoked_ms: int | None = None, log_revoked_ms: int | None = None
    ) -> None:
        self.scalars = {"root": seed, "entry": seed + 1000, "checkpoint": seed}
        self.root = ec.derive_private_key(seed, ec.SECP256R1())
        self.working = ec.derive_private_key(seed + 1000, ec.SECP256R1())
        self.log_key = ed25519.Ed25519PrivateKey.from_private_bytes(seed.to_bytes(32, "big"))
        self.id = key_id(public_der(self.root))
        self.epoch = statement.Epoch(
            nonce=seed.to_bytes(32, "big"),
            chain_id=20530,
            genesis_hash=bytes([2]) * 32,
            contract=bytes([3]) * 20,
            log_id=hashlib.sha256(b"SLLOGID1" + self.id).digest(),
            operator="the tests",
        )
        self.statement = self._statement(entry_revoked_ms, log_revoked_ms)
        self.sales = [self._sale(n) for n in range(len(BUYERS))]
        self.invoices = [self._invoice(n) for n in range(len(BUYERS))]
        self.buyers = [buyer_document(_number(n), buyer) for n, buyer in enumerate(BUYERS)]
        self.entries = [make(n) for n in range(len(BUYERS)) for make in (self._sale_entry, self._entry)]
        self.size = len(self.entries)
        self.leaves = [tree.leaf_hash(entry.encode()) for entry in self.entries]
        self.tiles = {(t.level, t.index): t.hashes for t in tree.extend(0, self.leaves, self.read)}
        self.head = tree.root(self.size, self.read)

    def read(self, level: int, index: int) -> bytes:
        return self.tiles[level, index]

    @property
    def chain(self) -> ChainThatHolds:
        return self.chain_with(Anchored(self.size))

    def chain_with(self, anchored: Anchored) -> ChainThatHolds:
        return ChainThatHolds({self.epoch.nonce: {self.head: anchored}})

    def note(self) -> str:
        return checkpoint.sign(checkpoint.Checkpoint(ORIGIN, self.size, self.head), self.log_key)

    def evidence(self, n: int = 1) -> Evidence:
        index = 2 * n + 1
        entry = self.entries[index].encode()
        return Evidence(
            body=self.invoices[n],
            body_salt=salt(f"invoice {n}"),
            buyer=self.buyers[n],
            buyer_salt=salt(f"buyer {n}"),
            entry=entry,
            signature=sign_p256(self.working, entry),
            index=index,
            checkpoint=self.note(),
            inclusion=tuple(tree.inclusion_proof(index, self.size, self.read)),
            issuer=self.signed_statement(),
        )

    def signed_statement(self) -> dict[str, Any]:
        return sign_statement(self.statement.to_json(), self.root)

    def _statement(
        self, entry_revoked_ms: int | None, log_revoked_ms: int | None
    ) -> statement.IssuerStatement:
        valid_from_ms = MADE_MS - DAY_MS
        return statement.IssuerStatement(
            issuer_id=self.id,
            name="Test issuer",
            root_key=public_der(self.root),
            origin=ORIGIN,
            keys=(
                statement.make_working_key(
                    self.working, "entry", valid_from_ms=valid_from_ms, revoked_ms=entry_revoked_ms
                ),
                statement.make_working_key(
                    self.log_key, "checkpoint", valid_from_ms=valid_from_ms, revoked_ms=log_revoked_ms
                ),
            ),
            epochs=(self.epoch,),
        )

    def _sale(self, n: int) -> dict[str, Any]:
        return sale_body(vector_order(n), issuer=self.id.hex(), provider="sandbox", paid_at=_paid_at(n))

    def _invoice(self, n: int) -> dict[str, Any]:
        order, issued_at = vector_order(n), _paid_at(n) + ISSUED_AFTER
        return invoice_body(
            STALL,
            taxed_lines(order.lines, STALL, issued_at.date()),
            number=_number(n),
            issuer=self.id.hex(),
            sale=commit_body(salt(f"sale {n}"), self.sales[n])[1].hex(),
            issued_at=issued_at,
        )

    def _sale_entry(self, n: int) -> Entry:
        return Entry(
            kind=Kind.SALE,
            issuer_id=self.id,
            claim_address=NO_ADDRESS,
            body_commitment=commit_body(salt(f"sale {n}"), self.sales[n])[1],
            buyer_commitment=NO_COMMITMENT,
            instant_ms=MADE_MS + 1000 * n,
        )

    def _entry(self, n: int) -> Entry:
        return Entry(
            kind=Kind.INVOICE,
            issuer_id=self.id,
            claim_address=make_claim_key(n.to_bytes(32, "big"))[1],
            body_commitment=commit_body(salt(f"invoice {n}"), self.invoices[n])[1],
            buyer_commitment=commit_buyer(salt(f"buyer {n}"), self.buyers[n])[1],
            instant_ms=MADE_MS + 1000 * n + 40_000,
        )


def salt(name: str) -> bytes:
    """32 bytes that differ for each document, and never between runs."""
    return name.encode().rjust(32, b".")


def _number(n: int) -> str:
    return f"26539{n + 1:015d}"


def _paid_at(n: int) -> datetime:
    return PAID_AT + timedelta(seconds=n)


def vector_order(n: int) -> Order:
    """The first pays a plain amount for vegetables; the second buys tofu too, which is taxed."""
    tofu = OrderLine(
        sku="tofu",
        name_zh="豆腐",
        name_en="Tofu",
        unit="斤",
        quantity=Decimal("2.50"),
        unit_price=Decimal("3.00"),
        amount_fen=750,
        tax_code="1030201030000000000",
        tax_class=TaxClass.PROCESSED_FOOD,
    )
    vegetables = OrderLine(
        sku=None,
        name_zh="蔬菜",
        name_en="Vegetables",
        unit="份",
        quantity=Decimal(1),
        unit_price=Decimal("12.50"),
        amount_fen=1250,
        tax_code=VEGETABLES.tax_code,
        tax_class=TaxClass.VEGETABLE,
    )
    lines = (vegetables, tofu) if n == 1 else (vegetables,)
    return Order(
        id=UUID(int=n + 1),
        stall=STALL,
        out_trade_no=f"T{n + 1}",
        status=OrderStatus.PAID,
        amount_fen=sum(line.amount_fen for line in lines),
        lines=lines,
        created_at=_paid_at(n),
        expires_at=_paid_at(n) + timedelta(minutes=15),
        paid_at=_paid_at(n),
    )
