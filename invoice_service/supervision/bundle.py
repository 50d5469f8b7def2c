"""A finding in one file, from which anybody can make it again: documents, entries, one proof, the rule.

A bundle is a ZIP of two parts. `documents.jsonl` has a line for each SALE, INVOICE and REFUND that the rule
needs: body, salt, entry and place in the log. `bundle.json` has the finding, the rule's thresholds, the
register (the service's word, which no entry proves), the log's signed head, one proof for all places, and the
issuer statement. Like evidence it carries no authority: whoever checks it brings the issuer's root.

What a bundle cannot show is that nothing else was sold: a log proves what is in it. Whoever doubts that reads
the whole log, which is public.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import IO, Any

from invoice_service.domain.invoice import instant_text
from invoice_service.domain.numbering import business_day
from invoice_service.ledger import checkpoint, proof, statement
from invoice_service.ledger.entry import Entry as LogEntry
from invoice_service.ledger.entry import Kind, buyer_commitment
from invoice_service.ledger.evidence import FAILED, OPEN, PASSED, Step
from invoice_service.ledger.tree import leaf_hash
from invoice_service.supervision import audit, rules
from invoice_service.supervision.catalogue import Rule
from invoice_service.supervision.rows import (
    Difference,
    GoodsOf,
    Invoice,
    MarketDay,
    Place,
    Refund,
    Sale,
    Seller,
    history_of,
    invoice_of,
    refund_of,
    sale_of,
)
from invoice_service.supervision.rules import Finding

TYPE = "stall-ledger-finding"
RECOMPUTED, ALTERED, UNDECIDED = "recomputed", "altered", "undecided"
HEAD, DOCUMENTS = "bundle.json", "documents.jsonl"
MAX_HEAD_BYTES, MAX_LINE_BYTES = 64_000_000, 1_000_000


class NotABundle(ValueError):
    """The bytes are no bundle at all."""


@dataclass(frozen=True, slots=True)
class Item:
    """One document as it is stored. `index` is None before its entry is in the log; `entry` without one.

    `rules` (of each line) and `invoice` are of sales; `order`, `buyer` and `buyer_salt` are of invoices;
    `stall` and `counted_fen` of refunds, as the service has them.
    """

    kind: Kind
    fact: str
    vendor: int
    body: bytes
    salt: bytes
    entry: bytes | None
    index: int | None
    recorded_fen: int
    anchored_at: datetime | None
    rules: tuple[str, ...] = ()
    invoice: str | None = None
    order: str | None = None
    buyer: bytes | None = None
    buyer_salt: bytes | None = None
    stall: str | None = None
    counted_fen: int = 0


@dataclass(frozen=True, slots=True)
class Register:
    """What the service says beside the log; `summed_fen`: what each vendor took that day, by its sums."""

    region: str
    as_of: datetime
    sellers: Sequence[Seller]
    places: Sequence[Place]
    goods: Sequence[GoodsOf]
    summed_fen: Mapping[int, int]
    selling_percent: int


@dataclass(frozen=True, slots=True)
class Verdict:
    verdict: str
    steps: tuple[Step, ...]


def write(
    to: IO[bytes],
    finding: Finding,
    rule: Rule,
    register: Register,
    items: Iterable[Item],
    *,
    place: Callable[[Sequence[int]], tuple[str, Sequence[bytes]]],
    issuer: Mapping[str, Any],
) -> None:
    """`place` answers the signed head, and the proof, for the indexes of all items."""
    indexes: list[int] = []
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(DOCUMENTS, "w") as documents:
            for item in items:
                documents.write(json.dumps(_item_json(item)).encode() + b"\n")
                indexes += [item.index] if item.index is not None else []
        note, path = place(sorted(indexes))
        head = {
            "type": TYPE,
            "version": 1,
            "finding": _finding_json(finding),
            "rule": {"id": rule.id, "since": rule.first_day.isoformat(), "thresholds": dict(rule.values)},
            "register": _register_json(register),
            "checkpoint": note,
            "proof": [node.hex() for node in path],
            "issuer": dict(issuer),
        }
        archive.writestr(HEAD, json.dumps(head, ensure_ascii=False, indent=1))


def verify(file: IO[bytes], *, trusted_issuer: bytes | None) -> tuple[Finding, Verdict]:
    """Check every entry and document, and run the rule again. Raises NotABundle."""
    try:
        with zipfile.ZipFile(file) as archive:
            head = _head(archive)
            items = list(_items(archive))
        check = _Recomputation(head, items, trusted_issuer)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise NotABundle(str(error)) from error
    return check.finding, check.verdict()


class _Failed(Exception):
    pass


class _Open(Exception):
    pass


class _Recomputation:
    def __init__(self, head: Mapping[str, Any], items: Sequence[Item], trusted: bytes | None) -> None:
        self.finding = _finding_of(head["finding"])
        self._thresholds: Mapping[str, Any] = head["rule"]["thresholds"]
        self._register = _register_of(head["register"])
        self._note: str = head["checkpoint"]
        self._proof = [bytes.fromhex(node) for node in head["proof"]]
        self._issuer = head["issuer"]
        self._items, self._trusted = items, trusted

    def verdict(self) -> Verdict:
        steps: list[Step] = []
        verdict = RECOMPUTED
        taken: Sequence[tuple[str, Callable[[], str]]] = (
            ("issuer", self._check_issuer),
            ("documents", self._check_documents),
            ("inclusion", self._check_inclusion),
            ("rule", self._check_rule),
        )
        for name, take in taken:
            try:
                steps.append(Step(name, PASSED, take()))
            except _Failed as error:
                return Verdict(ALTERED, (*steps, Step(name, FAILED, str(error))))
            except _Open as error:
                steps.append(Step(name, OPEN, str(error)))
                verdict = UNDECIDED
        return Verdict(verdict, tuple(steps))

    def _check_issuer(self) -> str:
        try:
            self._statement = statement.open_signed(self._issuer)
        except statement.BadStatement as error:
            raise _Failed(f"The issuer statement does not hold: {error}.") from error
        issuer_id = self._statement.issuer_id
        if self._trusted is None:
            raise _Open(f"No root key was given to trust. The file names {issuer_id.hex()}.")
        if issuer_id != self._trusted:
            raise _Failed(f"The file hangs on {issuer_id.hex()}, which is not the trusted root.")
        return "The issuer statement is signed by the trusted root key."

    def _check_documents(self) -> str:
        """Every document is what its entry commits to; or that it is not, is what was found."""
        unfit = [item for item in self._items if not _fits(item, self._statement.issuer_id)]
        if unfit and (
            self.finding.rule != "audit" or any(one.fact not in self.finding.records for one in unfit)
        ):
            raise _Failed(f"{len(unfit)} documents are not what their entries commit to: {unfit[0].fact}.")
        return f"{len(self._items) - len(unfit)} documents are what their entries commit to."

    def _check_inclusion(self) -> str:
        placed = {
            item.index: leaf_hash(item.entry) for item in self._items if item.index is not None and item.entry
        }
        if not placed:
            raise _Open("None of the entries was in the log when this file was made.")
        head = self._open_note()
        if not proof.includes_many(placed, head.size, self._proof, head.root):
            raise _Failed("The entries are not in the log where the file says they are.")
        if len(placed) < sum(item.entry is not None for item in self._items):
            raise _Open("Some entries were not yet in the log when this file was made.")
        return f"{len(placed)} entries stand under the log's signed head of {head.size}."

    def _check_rule(self) -> str:
        rule = Rule(self.finding.rule, "", date.min, date.max, self._thresholds, {})
        try:
            found = list(rules.FIND[rule.id](self._market_day(), rule))
        except (KeyError, ValueError, StopIteration) as error:
            raise _Failed("The rule cannot be run on what is in the file.") from error
        if self.finding not in found:
            raise _Failed("The rule, run again on these records, does not find this.")
        return "The rule, run again on these records, finds the same."

    def _open_note(self) -> checkpoint.Checkpoint:
        try:
            head, key = self._statement.open_note(self._note)
        except checkpoint.BadCheckpoint as error:
            raise _Failed("The log's head in the file is not signed by the issuer's log key.") from error
        if key.revoked_ms is not None:
            raise _Failed("The log's head in the file is signed by a key that was revoked.")
        return head

    def _market_day(self) -> MarketDay:
        finding, register = self.finding, self._register
        bodies = [(item, audit.value(item.body)) for item in self._items]
        read = [(item, body, audit.problem(_document(item), body)) for item, body in bodies]
        sales = [
            _sale(item, body) for item, body, wrong in read if item.kind is Kind.SALE and body and not wrong
        ]
        refunds = [
            _refund(item, body)
            for item, body, wrong in read
            if item.kind is Kind.REFUND and body and not wrong
        ]
        differences = [_difference(item, body, wrong) for item, body, wrong in read if wrong]
        today = [sale for sale in sales if business_day(sale.paid_at) == finding.last_day]
        back = [one for one in refunds if business_day(one.paid_back_at) == finding.last_day]
        return MarketDay(
            market=finding.market,
            region=register.region,
            day=finding.last_day,
            as_of=register.as_of,
            sales=today,
            invoices=[
                _invoice(item, body)
                for item, body, wrong in read
                if item.kind is Kind.INVOICE and body and not wrong
            ],
            refunds=back,
            history=history_of(sales, refunds),
            sellers={one.vendor: one for one in register.sellers},
            places=register.places,
            goods=register.goods,
            differences=differences or list(audit.sum_differences(today, back, register.summed_fen)),
            selling_percent=register.selling_percent,
        )


def _document(item: Item) -> audit.Document:
    return audit.Document(item.kind, item.fact, item.body, item.salt, item.entry, item.recorded_fen)


def _fits(item: Item, issuer_id: bytes) -> bool:
    if item.entry is None or not audit.fits(item.kind, item.body, item.salt, item.entry):
        return False
    entry = LogEntry.decode(item.entry)
    if entry.issuer_id != issuer_id or audit.problem(_document(item), audit.value(item.body)):
        return False
    if item.buyer is None or item.buyer_salt is None:
        return True
    return entry.buyer_commitment == buyer_commitment(item.buyer_salt, item.buyer)


def _sale(item: Item, body: Mapping[str, Any]) -> Sale:
    return sale_of(
        body, vendor=item.vendor, rules=item.rules, invoice=item.invoice, anchored_at=item.anchored_at
    )


def _invoice(item: Item, body: Mapping[str, Any]) -> Invoice:
    buyer = audit.value(item.buyer) if item.buyer is not None else None
    return invoice_of(body, buyer, vendor=item.vendor, order=item.order or "", anchored_at=item.anchored_at)


def _refund(item: Item, body: Mapping[str, Any]) -> Refund:
    return refund_of(body, vendor=item.vendor, stall=item.stall or "", counted_fen=item.counted_fen)


def _difference(item: Item, body: Mapping[str, Any] | None, wrong: tuple[str, int]) -> Difference:
    return audit.difference(_document(item), item.vendor, body, wrong)


# JSON in and out.


def _head(archive: zipfile.ZipFile) -> dict[str, Any]:
    with archive.open(HEAD) as part:
        data = part.read(MAX_HEAD_BYTES + 1)
    if len(data) > MAX_HEAD_BYTES:
        raise NotABundle("its first part is too large")
    head = json.loads(data)
    if head["type"] != TYPE or head["version"] != 1:
        raise NotABundle("another type or version")
    return dict(head)


def _items(archive: zipfile.ZipFile) -> Iterator[Item]:
    with archive.open(DOCUMENTS) as part:
        while line := part.readline(MAX_LINE_BYTES):
            yield _item_of(json.loads(line))


def _item_json(item: Item) -> dict[str, Any]:
    return {
        "kind": int(item.kind),
        "fact": item.fact,
        "vendor": item.vendor,
        "body": _text(item.body),
        "salt": item.salt.hex(),
        "entry": item.entry.hex() if item.entry is not None else None,
        "index": item.index,
        "recorded_fen": item.recorded_fen,
        "anchored_at": instant_text(item.anchored_at) if item.anchored_at else None,
        "rules": list(item.rules),
        "invoice": item.invoice,
        "order": item.order,
        "buyer": _text(item.buyer) if item.buyer is not None else None,
        "buyer_salt": item.buyer_salt.hex() if item.buyer_salt is not None else None,
        "stall": item.stall,
        "counted_fen": item.counted_fen,
    }


def _item_of(read: Mapping[str, Any]) -> Item:
    return Item(
        kind=Kind(read["kind"]),
        fact=read["fact"],
        vendor=read["vendor"],
        body=_bytes(read["body"]),
        salt=bytes.fromhex(read["salt"]),
        entry=bytes.fromhex(read["entry"]) if read["entry"] is not None else None,
        index=read["index"],
        recorded_fen=read["recorded_fen"],
        anchored_at=datetime.fromisoformat(read["anchored_at"]) if read["anchored_at"] else None,
        rules=tuple(read["rules"]),
        invoice=read["invoice"],
        order=read["order"],
        buyer=_bytes(read["buyer"]) if read["buyer"] is not None else None,
        buyer_salt=bytes.fromhex(read["buyer_salt"]) if read["buyer_salt"] is not None else None,
        stall=read.get("stall"),  # files of before there were refunds have neither
        counted_fen=read.get("counted_fen", 0),
    )


def _text(data: bytes) -> str:
    """Whatever bytes, as text that JSON can carry: a document that was bent must come out as it is."""
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "market": finding.market,
        "key": finding.key,
        "vendor": finding.vendor,
        "stall": finding.stall,
        "first_day": finding.first_day.isoformat(),
        "last_day": finding.last_day.isoformat(),
        "figures": dict(finding.figures),
        "records": list(finding.records),
    }


def _finding_of(read: Mapping[str, Any]) -> Finding:
    days = {name: date.fromisoformat(read[name]) for name in ("first_day", "last_day")}
    if read["rule"] not in rules.FIND:
        raise NotABundle("a rule that is not known here")
    return Finding(**{**read, **days, "records": tuple(read["records"])})


def _register_json(register: Register) -> dict[str, Any]:
    return {
        "region": register.region,
        "as_of": register.as_of.astimezone(UTC).isoformat(),
        "sellers": [
            [one.vendor, one.name, one.taxpayer_kind, one.tax_period, sorted(one.licensed)]
            for one in register.sellers
        ],
        "places": [[one.stall, one.vendor, one.is_open, one.has_code] for one in register.places],
        "goods": [[one.vendor, one.name, one.tax_class] for one in register.goods],
        "summed_fen": [[vendor, fen] for vendor, fen in sorted(register.summed_fen.items())],
        "selling_percent": register.selling_percent,
    }


def _register_of(read: Mapping[str, Any]) -> Register:
    return Register(
        region=read["region"],
        as_of=datetime.fromisoformat(read["as_of"]),
        sellers=[
            Seller(vendor, name, kind, period, frozenset(licensed))
            for vendor, name, kind, period, licensed in read["sellers"]
        ],
        places=[Place(*one) for one in read["places"]],
        goods=[GoodsOf(*one) for one in read["goods"]],
        summed_fen={vendor: fen for vendor, fen in read["summed_fen"]},
        selling_percent=read["selling_percent"],
    )
