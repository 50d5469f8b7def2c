"""A market's month with ten frauds planted in it, and as many innocent things that look like them.

October 2026: thirty stalls, about eight sales each a day, a third of them invoiced, every entry on the chain
within minutes. What is planted stands in `plant`, each beside its look-alike.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from sqlalchemy import Connection, text

from invoice_service.domain.numbering import SHANGHAI
from invoice_service.domain.order import Basket, PlainAmount
from invoice_service.domain.party import Buyer, make_buyer
from invoice_service.ledger.entry import Entry
from invoice_service.services import Services
from scripts.benchmarks import history
from scripts.lib.market_day import Visit, company_code
from tests import make

FIRST, LAST = date(2026, 10, 1), date(2026, 10, 31)
CHAIN_DOWN = (datetime(2026, 10, 20, 2, tzinfo=UTC), datetime(2026, 10, 20, 6, tzinfo=UTC))
NOBODY = make_buyer("individual", "", None)
GREENGROCERS = tuple(f"A{n:02d}" for n in range(1, 13))
BUTCHERS = tuple(f"B{n:02d}" for n in range(1, 7))
OTHERS = ("U1", "U2", "S1", "S2", "H1", "H2", "N1", "N2", "P1", "P2", "L1", "L2", "Q1", "Q2")
PORK_FEN = {"P1": 200, "P2": 6_000}
Planned = tuple[datetime, str, Visit]


@dataclass(frozen=True)
class Month:
    """`vendors` by the code of their only stall."""

    market_id: int
    vendors: Mapping[str, int]


def seed(services: Services, follow: Callable[[datetime], None]) -> Month:
    """Written a day at a time, through the code that issues."""
    luck = random.Random(2026)  # noqa: S311
    with services.database.unit_of_work() as uow:
        month = _market(uow.connection)
        shops = {shop.stall.code: shop for shop in history.shops(uow.connection)}
        for n in range((LAST - FIRST).days + 1):
            day = FIRST + timedelta(days=n)
            planned = sorted([*_usual(day, luck), *plant(day)], key=lambda one: one[0])
            visits = [(at, shops[code], visit) for at, code, visit in planned]
            history.write(services, uow.connection, visits, luck, follow)
        _anchor(uow.connection)
        _tamper(uow.connection)
        uow.commit()
    return month


def at(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute, second), SHANGHAI).astimezone(UTC)


def company(n: int) -> Buyer:
    return make_buyer("organization", f"普洱示例餐饮{n}号有限公司", company_code(n))


def _paid(amount_fen: int, buyer: Buyer | None = None) -> Visit:
    return Visit(PlainAmount(amount_fen), True, buyer)


def _market(connection: Connection) -> Month:
    market_id = make.market(connection)
    vendors = {code: _vendor(connection, market_id, code) for code in (*GREENGROCERS, *BUTCHERS, *OTHERS)}
    closed = "UPDATE stalls SET is_open = FALSE WHERE code = 'Q2'"
    connection.execute(text(closed))
    return Month(market_id, vendors)


def _vendor(connection: Connection, market_id: int, code: str) -> int:
    is_butcher = code in BUTCHERS or code in PORK_FEN
    changes = {
        "name_zh": f"{code}摊主",
        "name_en": f"Vendor {code}",
        "tax_period": "month",
        "taxpayer_kind": "natural_person" if code == "S1" else "small_scale",
        "tax_id": None if code == "S1" else "92532528MA6L45LX6L",
        "licensed_classes": [] if code == "L2" else ["fresh_meat" if is_butcher else "vegetable"],
    }
    if is_butcher:
        meat = {"default_tax_class": "fresh_meat", "default_tax_code": "1030107010100000000"}
        changes |= {**meat, "default_name_zh": "鲜肉", "default_name_en": "Fresh meat"}
    vendor_id = make.vendor(connection, market_id, **changes)
    make.stall(connection, market_id, vendor_id, code=code, name_zh=f"{code}摊")
    make.goods(connection, market_id, vendor_id, [_staple(code, is_butcher), _oil()])
    return vendor_id


def _staple(code: str, is_butcher: bool) -> dict[str, object]:
    if not is_butcher:
        return {"sku": "staple", "name_zh": "青菜", "name_en": "Greens", "price_fen": 320}
    meat = {"tax_class": "fresh_meat", "tax_code": "1030107010100000000"}
    price_fen = PORK_FEN.get(code, 1_500)
    return {"sku": "staple", "name_zh": "猪肉", "name_en": "Pork", "price_fen": price_fen, **meat}


def _oil() -> dict[str, object]:
    oil = {"tax_class": "processed_food", "tax_code": "1030105010100000000"}
    return {"sku": "oil", "name_zh": "大豆油", "name_en": "Soya oil", "unit": "桶", "price_fen": 4_000, **oil}


def _usual(day: date, luck: random.Random) -> Iterator[Planned]:
    for code in (*GREENGROCERS, *BUTCHERS, *OTHERS):
        if day > _stops(code):
            continue
        for n in range(8):
            wanted = Basket((("staple", Decimal(luck.randrange(5, 40)) / 10),))
            buyer = NOBODY if luck.random() < 0.35 else None
            moment = at(day, 6 + n, luck.randrange(60), luck.randrange(60))
            yield moment, code, Visit(wanted, True, buyer)


def _stops(code: str) -> date:
    """H1 hugs its threshold, H2 is ill, Q1 takes cash, Q2 was closed by the operator."""
    return {"H1": date(2026, 10, 24), "H2": date(2026, 10, 20), "Q1": date(2026, 10, 14),
            "Q2": date(2026, 10, 14)}.get(code, LAST)  # fmt: skip


def plant(day: date) -> Iterator[Planned]:
    if day == date(2026, 10, 12):
        yield from _few_invoices(day)
    if day == date(2026, 10, 9):
        yield from _split(day)
    if day <= _stops("H1"):  # ¥96,000 with the usual sales, of ¥100,000; H2 comes to half of it
        yield from ((at(day, 9, n), "H1", _paid(39_300)) for n in range(10))
        yield from ((at(day, 9, n), "H2", _paid(20_000)) for n in range(10) if day <= _stops("H2"))
    if day == date(2026, 10, 18):  # a burst; and a company that asked for ten at once
        yield from ((at(day, 15, 0, 2 * n), "N1", _paid(5_000, NOBODY)) for n in range(20))
        yield from ((at(day, 15, 0, 2 * n), "N2", _paid(5_000, company(9))) for n in range(10))
    if day == date(2026, 10, 15):  # fed by many stalls
        yield from ((at(day, 11, n), code, _paid(50_000, company(1))) for n, code in enumerate(_stalls(14)))
    if day == date(2026, 10, 16):  # a school's kitchen, and a small one
        yield from ((at(day, 11, n), code, _paid(45_000, company(2))) for n, code in enumerate(_stalls(13)))
        yield from ((at(day, 12, n), code, _paid(90_000, company(3))) for n, code in enumerate(_stalls(8)))
    if day == date(2026, 10, 10):  # oil sold on a greengrocer's licence; L2's scope is not on record
        for code in ("L1", "L2"):
            oil = Visit(Basket((("oil", Decimal(1)),)), True, None)
            yield from ((at(day, 10, n), code, oil) for n in range(5))


def _few_invoices(day: date) -> Iterator[Planned]:
    """U1 refuses them; U2 sells breakfast tofu to a few more than usual, who do not ask."""
    for code, count in (("U1", 70), ("U2", 20)):
        yield from ((at(day, 8, n % 60, n // 60), code, _paid(2_000)) for n in range(count))


def _split(day: date) -> Iterator[Planned]:
    """S1 has no registration; S2 has, and restaurants that buy alike."""
    for code in ("S1", "S2"):
        yield from ((at(day, 14, 3 * n), code, _paid(95_000 + 1_000 * n)) for n in range(4))


def _stalls(count: int) -> tuple[str, ...]:
    return (*GREENGROCERS, *BUTCHERS)[:count]


def _anchor(connection: Connection) -> None:
    """A head on the chain two minutes after each entry, and none while the chain is down.

    The epoch is an ended one: its heads are none of ours, so bundles go by the log's newest.
    """
    epoch = text("""
        INSERT INTO epochs (nonce, chain_id, genesis_hash, contract, log_id, operator, opened_size,
                            opened_root, read_block, created_at, opened_at, ended_at)
        VALUES (sha256('n'), 1, sha256('g'), substr(sha256('c'), 1, 20), sha256('l'), 'tests', 0,
                sha256(''), 0, now(), now(), now())
        RETURNING id
    """)
    epoch_id = connection.execute(epoch).scalar_one()
    entries = connection.execute(text("SELECT index, entry FROM log_entries ORDER BY index")).all()
    heads = []
    for index, entry in entries:
        moment = datetime.fromtimestamp(Entry.decode(entry).instant_ms / 1000, UTC)
        down, up = CHAIN_DOWN
        moment = up if down <= moment < up else moment
        heads.append({"epoch": epoch_id, "size": index + 1, "time": moment + timedelta(minutes=2)})
    submission = text("""
        INSERT INTO submissions (epoch_id, nonce, old_size, new_size, new_root, raw, tx_hash, gas_price,
                                 status, created_at, block_number, block_hash, block_time)
        VALUES (:epoch, :size, :size - 1, :size, sha256('r'), '',
                sha256(convert_to(CAST(:size AS text), 'UTF8')), 0, 'final', :time, :size, sha256('b'), :time)
    """)
    connection.execute(submission, heads)


def _tamper(connection: Connection) -> None:
    """One sale's document is bent after the fact; and one buyer has their data erased, as they may."""
    forged = """
        UPDATE sales SET body = convert_to(replace(convert_from(body, 'UTF8'), :was, :became), 'UTF8')
        WHERE order_id = (SELECT id FROM orders WHERE vendor_id = :vendor AND paid_at >= :since
                          ORDER BY paid_at LIMIT 1)
    """
    vendor = connection.execute(
        text("SELECT vendor_id FROM authorisations ORDER BY stall_id LIMIT 1")
    ).scalar()
    connection.execute(
        text(forged),
        {
            "vendor": vendor,
            "since": at(date(2026, 10, 22), 0),
            "was": '"total_fen":',
            "became": '"total_fen":1',
        },
    )
    erased = """
        UPDATE buyer_documents SET document = NULL, salt = NULL, erased_at = now()
        WHERE number = (SELECT number FROM invoices WHERE issued_at >= :since ORDER BY issued_at LIMIT 1)
    """
    connection.execute(text(erased), {"since": at(date(2026, 10, 23), 0)})
