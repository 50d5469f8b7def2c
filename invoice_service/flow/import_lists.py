"""Lists of vendors and goods from XLSX or CSV: first a dry run that says what is wrong, then all or nothing.

A row is known by what people know it by: a vendor by the credit code, or by the name where there is none;
goods by vendor and number. What is known is changed, what is not is added, nothing is ever taken away. The
dry run and the real one are the same plan; only the real one, with the market locked, carries it out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from invoice_service.documents.sheets import Row, Sheet, read_sheet
from invoice_service.documents.workbook import Column, WorkSheet, workbook
from invoice_service.domain.access import Action
from invoice_service.domain.details import GOODS_CLASSES, BadVendor, VendorDetails, read_vendor
from invoice_service.domain.goods_kinds import kinds_on
from invoice_service.domain.listing import chosen
from invoice_service.domain.money import yuan
from invoice_service.domain.numbering import business_day
from invoice_service.domain.party import name_problem
from invoice_service.domain.policy import Actor
from invoice_service.errors import N_, InvalidInput
from invoice_service.flow.access import note
from invoice_service.flow.edit_goods import BadGoods, TooManyGoods, read_goods
from invoice_service.services import Services
from invoice_service.store import catalogue, market
from invoice_service.store import goods as goods_of_vendors

LISTS = VENDORS, GOODS = "vendors", "goods"
MOST_ROWS = 5_000
TWICE = N_("This is in the list twice: row {row} has it, too.")
NO_SUCH_VENDOR = N_("There is no vendor with this credit code or name; name one of this market.")
TWO_VENDORS = N_("More than one vendor has this name; give the credit code.")
UNKNOWN_WORD = N_("This word is not known here: {word}.")

# (Chinese title, English title) of each column, by the name that it is read under.
COLUMNS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    VENDORS: {
        "name_zh": ("名称", "Name (Chinese)"),
        "name_en": ("英文名称", "Name (English)"),
        "taxpayer_kind": ("纳税人类型", "Taxpayer"),
        "tax_id": ("统一社会信用代码", "Credit code"),
        "self_produced": ("自产", "Own produce"),
        "tax_period": ("纳税期", "Files tax"),
        "licence_no": ("许可证号", "Licence no."),
        "licence_until": ("许可证有效期", "Licence until"),
        "default_tax_class": ("经营类别", "Sells"),
    },
    GOODS: {
        "vendor": ("经营户", "Vendor"),
        "sku": ("编号", "Number"),
        "name_zh": ("品名", "Name (Chinese)"),
        "name_en": ("英文品名", "Name (English)"),
        "unit": ("单位", "Unit"),
        "price_yuan": ("单价", "Price"),
        "kind": ("类别", "Kind"),
        "available": ("有货", "Available"),
    },
}
NEEDED = {
    VENDORS: ("name_zh", "taxpayer_kind", "tax_period", "default_tax_class"),
    GOODS: ("vendor", "name_zh", "unit", "price_yuan", "kind"),
}
_YES = {word: "1" for word in ("是", "有", "yes", "true", "1")} | dict.fromkeys(
    ("", "否", "无", "no", "false", "0"), ""
)
WORDS: Mapping[str, Mapping[str, str]] = {
    "taxpayer_kind": {
        "小规模": "small_scale", "小规模纳税人": "small_scale", "small-scale": "small_scale",
        "一般": "general", "一般纳税人": "general", "general": "general",
        "自然人": "natural_person", "natural person": "natural_person",
    },
    "tax_period": {
        "月": "month", "按月": "month", "month": "month",
        "季": "quarter", "按季": "quarter", "quarter": "quarter",
    },
    "default_tax_class": {
        word.casefold(): tax_class.value
        for tax_class, one in GOODS_CLASSES.items()
        for word in (one.name_zh, one.name_en)
    },
    "self_produced": _YES,
    "available": _YES,
}  # fmt: skip
EXAMPLES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    VENDORS: (
        (
            "李秀英",
            "Li Xiuying",
            "小规模",
            "92532528MA6L45LX6L",
            "否",
            "季",
            "SP5308020001",
            "2027-06-30",
            "蔬菜",
        ),
        ("张老三", "Zhang Laosan", "自然人", "", "是", "月", "", "", "蔬菜"),
    ),
    GOODS: (
        ("92532528MA6L45LX6L", "veg-01", "小白菜", "Pak choi", "斤", "3.20", "白菜、芥菜", "是"),
        ("92532528MA6L45LX6L", "veg-02", "番茄", "Tomatoes", "斤", "4.50", "茄果", "是"),
    ),
}


class MissingColumn(InvalidInput):
    code = "import.missing_column"
    message = N_("The column {name} is missing. Please start from the template.")


class UnknownColumn(InvalidInput):
    code = "import.unknown_column"
    message = N_("There is a column {name} that this list does not have.")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a row; `row` counts as the spreadsheet does. `message` is translated where shown."""

    row: int
    column: str  # its title in the file, or empty where the whole row is meant
    message: str
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImportLine:
    """What a row does. `outcome`: added · changed · unchanged; `changes` are (column, before, after)."""

    row: int
    label: str
    outcome: str
    changes: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of a dry run or a real one. Where there are problems nothing is brought in."""

    kind: str  # vendors · goods
    rows: int
    lines: tuple[ImportLine, ...]
    problems: tuple[Problem, ...]

    def count(self, outcome: str) -> int:
        return sum(line.outcome == outcome for line in self.lines)


@dataclass(slots=True)
class _Plan:
    """What the rows come to. `put` writes one row that is new (no id) or changed."""

    lines: list[ImportLine]
    problems: list[Problem]
    added: list[dict[str, Any]]
    changed: list[tuple[int, dict[str, Any]]]


def try_out(
    services: Services, actor: Actor, kind: str, data: bytes, market_code: str | None = None
) -> Outcome:
    """What bringing a file in would do, without doing it. Raises OutOfScope, and what the reader refuses."""
    chosen(kind, LISTS, "kind")
    with services.database.unit_of_work() as uow:
        row = market.managed_market(uow.connection, actor, market_code)
        sheet, columns = _read(kind, data)
        plan = _planned(services, uow.connection, row["id"], kind, sheet, columns)
    return _outcome(kind, sheet, plan)


def bring_in(
    services: Services, actor: Actor, kind: str, data: bytes, market_code: str | None = None
) -> Outcome:
    """Everything in the file, or nothing where the outcome has problems."""
    chosen(kind, LISTS, "kind")
    with services.database.unit_of_work() as uow:
        row = market.managed_market(uow.connection, actor, market_code, lock=True)
        sheet, columns = _read(kind, data)
        plan = _planned(services, uow.connection, row["id"], kind, sheet, columns)
        if not plan.problems:
            _carry_out(uow.connection, row["id"], kind, plan)
            note(
                uow.connection,
                actor,
                Action.LISTS_IMPORTED,
                now=services.clock(),
                market_id=row["id"],
                subject=f"{kind}: +{len(plan.added)} ~{len(plan.changed)}",
            )
            uow.commit()
    return _outcome(kind, sheet, plan)


def template(kind: str, lang: str) -> bytes:
    """A workbook with the columns of a list and two example rows. Raises BadListing."""
    chosen(kind, LISTS, "kind")
    which = 0 if lang == "zh-CN" else 1
    columns = tuple(Column(titles[which], "text", 20) for titles in COLUMNS[kind].values())
    sheet = WorkSheet(kind, columns, EXAMPLES[kind])
    return workbook([sheet], created=datetime(2026, 1, 1, tzinfo=UTC))


def _read(kind: str, data: bytes) -> tuple[Sheet, dict[str, str]]:
    """The rows, and under which title each of our names stands. Raises MissingColumn, UnknownColumn."""
    sheet = read_sheet(data, max_rows=MOST_ROWS)
    names = {title.casefold(): name for name, titles in COLUMNS[kind].items() for title in titles}
    columns: dict[str, str] = {}
    for title in sheet.columns:
        name = names.get(title.casefold())
        if name is None or name in columns:
            raise UnknownColumn(name=title)
        columns[name] = title
    for name in NEEDED[kind]:
        if name not in columns:
            raise MissingColumn(name=" / ".join(COLUMNS[kind][name]))
    return sheet, columns


def _planned(
    services: Services,
    connection: Connection,
    market_id: int,
    kind: str,
    sheet: Sheet,
    columns: Mapping[str, str],
) -> _Plan:
    plan = _Plan([], [], [], [])
    read: Callable[[dict[str, str]], _Item]
    if kind == VENDORS:
        read = _vendor_reader(connection, market_id)
    else:
        read = _goods_reader(services, connection, market_id)
    seen: dict[Any, int] = {}
    for row in sheet.rows:
        _plan_row(plan, row, columns, read, seen)
    return plan


@dataclass(frozen=True, slots=True)
class _Item:
    """One row as it is to be stored; `key` is what it is known by, `known` what is stored now."""

    key: Any
    label: str
    values: dict[str, Any]
    known: Mapping[str, Any] | None


_Wrong = tuple[str, str, dict[str, object]]  # (the column's name, message, parameters)


class _Refused(Exception):
    """What is wrong in a row."""

    def __init__(self, *problems: _Wrong) -> None:
        super().__init__()
        self.problems = problems


def _plan_row(
    plan: _Plan,
    row: Row,
    columns: Mapping[str, str],
    read: Callable[[dict[str, str]], _Item],
    seen: dict[Any, int],
) -> None:
    try:
        item = read(_in_our_words({name: row.cells[title] for name, title in columns.items()}))
        if (first := seen.setdefault(item.key, row.number)) != row.number:
            raise _Refused(("", TWICE, {"row": first}))
    except _Refused as refused:
        plan.problems += [
            Problem(row.number, columns.get(name, ""), message, parameters)
            for name, message, parameters in refused.problems
        ]
        return
    changes = _changes(item)
    if item.known is None:
        plan.added.append(item.values)
        plan.lines.append(ImportLine(row.number, item.label, "added"))
    elif changes:
        plan.changed.append((item.known["id"], item.values))
        told = tuple((columns.get(name, name), before, after) for name, before, after in changes)
        plan.lines.append(ImportLine(row.number, item.label, "changed", told))
    else:
        plan.lines.append(ImportLine(row.number, item.label, "unchanged"))


def _in_our_words(cells: dict[str, str]) -> dict[str, str]:
    """Words that mean one of a few things become that thing. Raises _Refused."""
    unknown: list[_Wrong] = []
    for name, words in WORDS.items():
        if name not in cells:
            continue
        meant = words.get(cells[name].casefold())
        if meant is None:
            unknown.append((name, UNKNOWN_WORD, {"word": cells[name]}))
        else:
            cells[name] = meant
    if unknown:
        raise _Refused(*unknown)
    return cells


def _changes(item: _Item) -> list[tuple[str, str, str]]:
    if item.known is None:
        return []
    return [
        (name, _said(name, item.known[name]), _said(name, value))
        for name, value in item.values.items()
        if item.known[name] != value
    ]


def _said(name: str, value: Any) -> str:
    if name == "price_fen":
        return yuan(value)
    return "" if value is None else str(value)


def _vendor_reader(connection: Connection, market_id: int) -> Callable[[dict[str, str]], _Item]:
    by_code, by_name = _known_vendors(connection, market_id)

    def read(cells: dict[str, str]) -> _Item:
        try:
            details = read_vendor(cells)
        except BadVendor as error:
            raise _Refused(*((name, text, {}) for name, text in error.fields.items())) from None
        key = details.tax_id or details.name_zh
        known = by_code.get(key) if details.tax_id else _unregistered(by_name.get(key, []))
        values = asdict(details)
        if known is not None:  # a column that the list does not have changes nothing
            same_class = known["default_tax_class"] == details.default_tax_class
            kept = [n for n in values if n not in cells and (same_class or not n.startswith("default_"))]
            values |= {name: known[name] for name in kept}
        return _Item(key, details.name_zh, values, known)

    return read


def _unregistered(found: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return next((vendor for vendor in found if vendor["tax_id"] is None), None)


def _known_vendors(
    connection: Connection, market_id: int
) -> tuple[dict[str, Mapping[str, Any]], dict[str, list[Mapping[str, Any]]]]:
    by_code: dict[str, Mapping[str, Any]] = {}
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for row in market.vendors_of(connection, market_id):
        vendor = dict(row)
        if vendor["tax_id"] is not None:
            by_code.setdefault(vendor["tax_id"], vendor)
        by_name.setdefault(vendor["name_zh"], []).append(vendor)
    return by_code, by_name


def _goods_reader(
    services: Services, connection: Connection, market_id: int
) -> Callable[[dict[str, str]], _Item]:
    by_code, by_name = _known_vendors(connection, market_id)
    stock = {(row["vendor_id"], row["sku"]): dict(row) for row in market.goods_of(connection, market_id)}
    kinds = {
        word.casefold(): kind.key
        for kind in kinds_on(business_day(services.clock()))
        for word in (kind.key, kind.name_zh, kind.name_en)
    }

    listed = Counter(vendor_id for vendor_id, _ in stock)

    def read(cells: dict[str, str]) -> _Item:
        vendor = _vendor_named(cells["vendor"], by_code, by_name)
        values = _goods_values(services, cells, kinds)
        sku = cells.get("sku") or values["name_zh"]
        key = (vendor["id"], sku)
        listed[vendor["id"]] += key not in stock
        if listed[vendor["id"]] > services.config.max_goods and key not in stock:
            raise _Refused(("", TooManyGoods.message, {"most": services.config.max_goods}))
        label = f"{vendor['name_zh']} · {values['name_zh']}"
        return _Item(key, label, {"vendor_id": vendor["id"], "sku": sku} | values, stock.get(key))

    return read


def _vendor_named(
    text: str, by_code: Mapping[str, Mapping[str, Any]], by_name: Mapping[str, list[Mapping[str, Any]]]
) -> Mapping[str, Any]:
    found = by_code.get(text.upper()) or by_name.get(text, [])
    if isinstance(found, Mapping):
        return found
    if len(found) != 1:
        raise _Refused(("vendor", TWO_VENDORS if found else NO_SUCH_VENDOR, {}))
    return found[0]


def _goods_values(services: Services, cells: Mapping[str, str], kinds: Mapping[str, str]) -> dict[str, Any]:
    """Raises _Refused for all that is wrong."""
    try:
        values = read_goods(services, {**cells, "kind": kinds.get(cells["kind"].casefold(), "")}, {})
    except BadGoods as error:
        raise _Refused(*((name, text, {}) for name, text in error.fields.items())) from None
    if problem := name_problem(cells.get("sku") or values["name_zh"]):
        raise _Refused(("sku", problem, {}))
    return values | {"available": cells.get("available", "1") == "1"}


def _carry_out(connection: Connection, market_id: int, kind: str, plan: _Plan) -> None:
    added = [{"market_id": market_id} | values for values in plan.added]
    if kind == VENDORS:
        if added:
            market.insert_vendors(connection, added)
        for vendor_id, values in plan.changed:
            market.change_vendor(connection, vendor_id, VendorDetails(**values))
        return
    if added:
        catalogue.insert_goods(connection, added)
    for goods_id, values in plan.changed:
        goods_of_vendors.change(connection, goods_id, values)


def _outcome(kind: str, sheet: Sheet, plan: _Plan) -> Outcome:
    return Outcome(kind, len(sheet.rows), tuple(plan.lines), tuple(plan.problems))
