"""Take a market's sales out as CSV: at once where they are few, in the background where they are many.

What was paid back has rows of its own, with a minus, so that the rows add up to the market's figures.

An export is written piece by piece by the settling process, each piece with how far it came in one
transaction: a process that dies loses nothing and doubles nothing, and going on is how it always goes. A file
is its owner's alone, for a day; whoever's region no longer covers the market gets none of it.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping

from invoice_service.documents.csv_rows import BOM, harmless, lines
from invoice_service.domain.access import Action
from invoice_service.domain.invoice import instant_text
from invoice_service.domain.money import yuan
from invoice_service.domain.policy import Actor, OutOfScope, check_fresh
from invoice_service.domain.sales_asked import (
    AT_ONCE_MAX,
    EXPORT_KEPT,
    SalesAsked,
    TooManyAtOnce,
    TooManyExports,
)
from invoice_service.flow.access import note
from invoice_service.flow.order import time_ordered_id
from invoice_service.services import Services
from invoice_service.store import exports, market_sales, supervised

PIECE = 5_000  # rows a transaction
PIECES_A_ROUND = 4  # a round: sealing runs in the same process and waits for nobody
UNFINISHED_MAX = 3
TITLES = {
    "zh-CN": ("支付时间", "摊位", "经营户编号", "经营户", "纳税人类型", "金额（元）", "免税（元）",
              "不含税（元）", "税额（元）", "发票号码", "订单", "存证承诺", "销售或退款"),
    "en": ("Paid at", "Stall", "Vendor no.", "Vendor", "Taxpayer", "Amount (¥)", "Exempt (¥)", "Net (¥)",
           "Tax (¥)", "Invoice", "Order", "Entry's commitment", "Sale or refund"),
}  # fmt: skip
KINDS = {"zh-CN": ("销售", "退款"), "en": ("sale", "refund")}


class PieceFailed(Exception):
    """Nothing of the piece was kept; the cause says why."""

    def __init__(self, export_id: UUID) -> None:
        super().__init__(f"export {export_id}")
        self.export_id = export_id


def at_once(services: Services, actor: Actor, lang: str, code: str, asked: SalesAsked) -> Iterator[str]:
    """The whole CSV in pieces; recorded before the first. Raises OutOfScope, SayWhy, ConfirmFirst,
    TooManyAtOnce."""
    market_id = _record(services, actor, code, asked)
    return _pieces(services, market_id, asked, lang)


def begin(services: Services, actor: Actor, lang: str, code: str, asked: SalesAsked) -> UUID:
    """In the background. Raises OutOfScope, SayWhy, ConfirmFirst, TooManyExports."""
    now = services.clock()
    export_id = time_ordered_id(now, services.random(10))
    with services.database.unit_of_work() as uow:
        market = supervised.market_looked_at(uow.connection, actor, code, now)
        check_fresh(actor, now)
        if exports.unfinished(uow.connection, actor.account_id) >= UNFINISHED_MAX:
            raise TooManyExports
        values = {
            "id": export_id,
            "account_id": actor.account_id,
            "market_id": market["id"],
            "wanted": asked.to_json(),
            "lang": lang,
            "reason": market["reason"],
            "state": "waiting",
            "rows_done": 0,
            "rows_total": market_sales.at_most(uow.connection, market["id"], asked),
            "chunks": 0,
            "created_at": now,
        }
        exports.add(uow.connection, values)
        _note(uow.connection, actor, Action.EXPORTED, market["id"], asked, market["reason"], now)
        uow.commit()
    return export_id


def step(services: Services, passed_over: Sequence[UUID] = ()) -> bool:
    """Write the next piece of whichever export is least far. False where none does. Raises PieceFailed."""
    with services.database.unit_of_work() as uow:
        row = exports.lock_next(uow.connection, passed_over)
        if row is None:
            uow.nothing_to_do()
            return False
        try:
            _write_piece(services, uow.connection, row)
        except Exception as error:
            raise PieceFailed(row["id"]) from error
        uow.commit()
    return True


def work(services: Services) -> int:
    """A round of the settling process. Answers how many pieces were written. Raises PieceFailed, last."""
    with services.database.unit_of_work() as uow:
        exports.expire(uow.connection, services.clock() - EXPORT_KEPT)
        uow.commit()
    written = 0
    failures: list[PieceFailed] = []
    for _ in range(PIECES_A_ROUND):
        try:
            if not step(services, [failure.export_id for failure in failures]):
                break
            written += 1
        except PieceFailed as failure:  # the others go on
            failures.append(failure)
    if failures:
        raise failures[0]
    return written


def take_out(services: Services, actor: Actor, export_id: UUID) -> tuple[str, int, Iterator[bytes]]:
    """(file name, its size, its pieces). Recorded. Raises OutOfScope, ConfirmFirst."""
    now = services.clock()
    with services.database.unit_of_work() as uow:
        row = supervised.own_export(uow.connection, actor, export_id)
        check_fresh(actor, now)
        if row["state"] != "done" or row["done_at"] <= now - EXPORT_KEPT:
            raise OutOfScope
        asked = SalesAsked.of_json(row["wanted"])
        size = exports.size(uow.connection, export_id)
        _note(uow.connection, actor, Action.EXPORTED, row["market_id"], asked, row["reason"], now)
        uow.commit()
    name = f"sales-{row['market_code']}-{asked.first_day}-{asked.last_day}.csv.gz"
    return name, size, _chunks(services, export_id, row["chunks"])


def throw_away(services: Services, actor: Actor, export_id: UUID) -> None:
    """Recorded. Raises OutOfScope."""
    with services.database.unit_of_work() as uow:
        row = supervised.own_export(uow.connection, actor, export_id)
        exports.remove(uow.connection, export_id)
        asked, now = SalesAsked.of_json(row["wanted"]), services.clock()
        _note(uow.connection, actor, Action.EXPORT_DELETED, row["market_id"], asked, row["reason"], now)
        uow.commit()


def _write_piece(services: Services, connection: Connection, row: RowMapping) -> None:
    asked = SalesAsked.of_json(row["wanted"])
    found = market_sales.page(connection, row["market_id"], asked, row["cursor"], PIECE)
    text = _head(row["lang"]) if row["chunks"] == 0 else ""
    text += lines(_row(one, row["lang"]) for one in found)
    data = gzip.compress(text.encode(), mtime=0)
    exports.add_chunk(connection, row["id"], row["chunks"], data, _then(services, row, found))


def _record(services: Services, actor: Actor, code: str, asked: SalesAsked) -> int:
    now = services.clock()
    with services.database.unit_of_work() as uow:
        market = supervised.market_looked_at(uow.connection, actor, code, now)
        check_fresh(actor, now)
        expected = market_sales.at_most(uow.connection, market["id"], asked)
        if expected > AT_ONCE_MAX:
            raise TooManyAtOnce(orders=f"{expected:,}", most=f"{AT_ONCE_MAX:,}")
        _note(uow.connection, actor, Action.EXPORTED, market["id"], asked, market["reason"], now)
        uow.commit()
    market_id: int = market["id"]
    return market_id


def _note(
    connection: Connection,
    actor: Actor,
    action: Action,
    market_id: int,
    asked: SalesAsked,
    reason: str,
    now: datetime,
) -> None:
    """Of one vendor alone only where the vendor is one of that market's: nobody else reads of it."""
    sellers = {row["id"] for row in supervised.vendors(connection, market_id)}
    vendor_id = asked.vendor_id if asked.vendor_id in sellers else None
    whom = {"market_id": market_id, "vendor_id": vendor_id}
    note(connection, actor, action, now=now, subject=f"sales {asked.words}", reason=reason, **whom)


def _pieces(services: Services, market_id: int, asked: SalesAsked, lang: str) -> Iterator[str]:
    """Each piece is read for itself: nothing is held open while whoever asked is slow."""
    yield _head(lang)
    after: UUID | None = None
    while True:
        with services.database.read() as connection:
            found = market_sales.page(connection, market_id, asked, after, PIECE)
        yield lines(_row(one, lang) for one in found)
        if len(found) < PIECE:
            return
        after = found[-1]["id"]


def _chunks(services: Services, export_id: UUID, count: int) -> Iterator[bytes]:
    for n in range(count):
        with services.database.read() as connection:
            data = exports.chunk(connection, export_id, n)
        if data is None:  # thrown away meanwhile: each piece unpacks by itself, so the file must break off
            raise OutOfScope
        yield data


def _then(
    services: Services, row: Mapping[str, Any] | RowMapping, found: Sequence[RowMapping]
) -> dict[str, Any]:
    is_last = len(found) < PIECE
    return {
        "state": "done" if is_last else "running",
        "done_at": services.clock() if is_last else None,
        "rows_done": row["rows_done"] + len(found),
        "cursor": found[-1]["id"] if found else row["cursor"],
    }


def _head(lang: str) -> str:
    return BOM + lines([TITLES[lang]])


def _row(one: RowMapping, lang: str) -> tuple[object, ...]:
    return (
        instant_text(one["paid_at"]),
        harmless(one["stall"]),
        one["vendor_id"],
        harmless(one["name_zh" if lang == "zh-CN" else "name_en"]),
        one["taxpayer_kind"],
        yuan(one["amount_fen"]),
        yuan(one["exempt_fen"]),
        yuan(one["taxable_net_fen"]),
        yuan(one["tax_fen"]),
        one["number"] or "",
        one["order_id"],
        one["commitment"].hex(),
        KINDS[lang][one["is_back"]],
    )
