"""Take a finding out as a bundle: everything from which `supervision.bundle` makes it again.

Documents are as they are stored now; whether they were invoiced, and on the chain, is told as of the instant
at which the finding was made, since that is what the rule saw.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from sqlalchemy import Connection, RowMapping

from invoice_service.domain.access import Action
from invoice_service.domain.policy import Actor, check_fresh
from invoice_service.flow import attested_day
from invoice_service.flow.access import note
from invoice_service.ledger import tree
from invoice_service.ledger.entry import Kind
from invoice_service.services import Services
from invoice_service.store import attested, chain, deployment, log, supervised
from invoice_service.supervision import audit, bundle, rules
from invoice_service.supervision.bundle import Item
from invoice_service.supervision.catalogue import Rule
from invoice_service.supervision.rules import Basis, Finding

IN_MEMORY = 8_000_000  # bytes; a larger bundle is written to a temporary file


def export(services: Services, actor: Actor, finding_id: int) -> IO[bytes]:
    """The bundle, to be read from its beginning. Raises UnknownCase, OutOfScope, ConfirmFirst."""
    now = services.clock()
    with services.database.unit_of_work() as uow:
        row = supervised.supervised_case(uow.connection, actor, finding_id)
        check_fresh(actor, now)
        of_whom = {"market_id": row["market_id"], "vendor_id": row["vendor_id"]}
        note(uow.connection, actor, Action.EXPORTED, now=now, subject=f"case {finding_id}", **of_whom)
        uow.commit()
    with services.database.unit_of_work() as uow:
        return _bundle(uow.connection, row)


def finding_of(row: RowMapping) -> Finding:
    return Finding(
        rule=row["rule"],
        market=row["market_code"],
        key=row["key"],
        vendor=row["vendor_id"],
        stall=row["stall"],
        first_day=row["first_day"],
        last_day=row["last_day"],
        figures=row["figures"],
        records=tuple(row["records"]),
    )


def _bundle(connection: Connection, row: RowMapping) -> IO[bytes]:
    finding = finding_of(row)
    known = _register(connection, row)
    rule = Rule(row["rule"], row["region"], row["rule_since"], row["rule_since"], row["thresholds"], {})
    with ExitStack() as stack:
        to: IO[bytes] = stack.enter_context(SpooledTemporaryFile(max_size=IN_MEMORY))
        bundle.write(
            to,
            finding,
            rule,
            known,
            _items(connection, finding, _whose(connection, row), row["found_at"]),
            place=lambda indexes: _place(connection, indexes),
            issuer=deployment.statement(connection) or {},
        )
        to.seek(0)
        stack.pop_all()  # whoever asked closes it
    return to


def _register(connection: Connection, row: RowMapping) -> bundle.Register:
    day = row["last_day"]
    known = attested_day.register(connection, row["market_id"], day, day)
    history = attested.history(connection, row["market_id"], day - attested_day.USUAL, day)
    return bundle.Register(
        region=row["region"],
        as_of=row["found_at"],
        sellers=[one for one in known.sellers.values() if row["vendor_id"] in (None, one.vendor)],
        places=[one for one in known.places if row["stall"] in (None, one.stall)],
        goods=[one for one in known.goods if row["vendor_id"] in (None, one.vendor)],
        summed_fen=attested_day.summed_fen(history, day),
        selling_percent=attested_day.selling_percent(history, day),
    )


def _whose(connection: Connection, row: RowMapping) -> list[int]:
    """The vendors among whose documents are those that the rule needs."""
    if rules.BASIS[row["rule"]] is Basis.VENDOR and row["vendor_id"]:
        return [row["vendor_id"]]
    return [one["id"] for one in attested.sellers(connection, row["market_id"])]


def _items(
    connection: Connection, finding: Finding, vendor_ids: Sequence[int], as_of: datetime
) -> Iterator[Item]:
    """Sales that the rule needs, the refunds of its days and the invoices of the last that go with them."""
    records = frozenset(finding.records)
    for row in attested.sales(connection, vendor_ids, finding.first_day, finding.last_day):
        if _is_needed(finding, records, row):
            yield _sale(row, as_of)
    is_summed = rules.BASIS[finding.rule] in (Basis.MARKET, Basis.VENDOR)
    for row in attested.invoices(connection, vendor_ids, finding.last_day, finding.last_day):
        if is_summed or row["fact"] in records:
            yield _invoice(row, as_of)
    if is_summed:
        for row in attested.refunds(connection, vendor_ids, finding.first_day, finding.last_day):
            yield _refund(row, as_of)


def _is_needed(finding: Finding, records: frozenset[str], row: RowMapping) -> bool:
    if row["fact"] in records or row["number"] in records:
        return True
    if rules.BASIS[finding.rule] is Basis.RECORDS:  # a day's other documents need not be read
        return False
    body = audit.value(bytes(row["body"]))
    return body is not None and rules.needs(finding, attested_day.sale(row, body))


def _sale(row: RowMapping, as_of: datetime) -> Item:
    is_invoiced = row["issued_at"] is not None and row["issued_at"] <= as_of
    return Item(
        **_common(Kind.SALE, row, as_of),
        rules=tuple(row["line_rules"]),
        invoice=row["number"] if is_invoiced else None,
    )


def _invoice(row: RowMapping, as_of: datetime) -> Item:
    return Item(
        **_common(Kind.INVOICE, row, as_of),
        order=row["order_id"],
        buyer=row["buyer"],
        buyer_salt=row["buyer_salt"],
    )


def _refund(row: RowMapping, as_of: datetime) -> Item:
    return Item(
        **_common(Kind.REFUND, row, as_of),
        order=row["order_id"],
        stall=row["stall"],
        counted_fen=row["counted_fen"],
    )


def _common(kind: Kind, row: RowMapping, as_of: datetime) -> dict[str, Any]:
    anchored_at = row["anchored_at"]
    return {
        "kind": kind,
        "fact": row["fact"],
        "vendor": row["vendor_id"],
        "body": bytes(row["body"]),
        "salt": bytes(row["salt"]),
        "entry": row["entry"],
        "index": row["index"],
        "recorded_fen": row["amount_fen"],
        "anchored_at": anchored_at if anchored_at and anchored_at <= as_of else None,
    }


def _place(connection: Connection, indexes: Sequence[int]) -> tuple[str, Sequence[bytes]]:
    """The signed head that covers them all (the first one on chain, else the newest), and the proof."""
    if not indexes:
        return "", ()
    epoch = chain.live_epoch(connection)
    covering = chain.covering_size(connection, epoch, indexes[-1]) if epoch else None
    size = covering or log.head(connection).size
    path = tree.inclusion_of_many(indexes, size, log.tile_reader(connection))
    return log.checkpoint_at(connection, size), path
