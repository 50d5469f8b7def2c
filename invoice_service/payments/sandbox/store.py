"""What the sandbox remembers: payments, refunds, and the notices it still owes.

It keeps to a PostgreSQL schema of its own, made on start. A payment and the notices due for it are
written by one statement, so that a crash between the two cannot lose a notice. A due notice leaves
the table only when our side has answered it; `next_at` always says when to send it again if nothing
more is heard of it, so that a restart needs no recovery of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

_SCHEMA = "sandbox"
_metadata = sa.MetaData(schema=_SCHEMA)
_Instant = sa.DateTime(timezone=True)

transactions = sa.Table(
    "transactions",
    _metadata,
    sa.Column("out_trade_no", sa.Text, primary_key=True),
    sa.Column("prepay_id", sa.Text, nullable=False, unique=True),
    sa.Column("mchid", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    sa.Column("return_url", sa.Text, nullable=False),
    sa.Column("created_at", _Instant, nullable=False),
    sa.Column("expires_at", _Instant, nullable=False),
    sa.Column("transaction_id", sa.Text, unique=True),
    sa.Column("paid_fen", sa.BigInteger),
    sa.Column("paid_at", _Instant),
    sa.Column("refunded_fen", sa.BigInteger, nullable=False, server_default="0"),
    sa.CheckConstraint("amount_fen > 0 AND paid_fen > 0", name="amounts_are_positive"),
    sa.CheckConstraint("num_nulls(transaction_id, paid_fen, paid_at) IN (0, 3)", name="paid_as_a_whole"),
    sa.CheckConstraint("refunded_fen BETWEEN 0 AND coalesce(paid_fen, 0)", name="refunds_what_was_paid"),
)

refunds = sa.Table(
    "refunds",
    _metadata,
    sa.Column("out_refund_no", sa.Text, primary_key=True),
    sa.Column("out_trade_no", sa.Text, sa.ForeignKey(transactions.c.out_trade_no), nullable=False),
    sa.Column("refund_id", sa.Text, nullable=False, unique=True),
    sa.Column("amount_fen", sa.BigInteger, sa.CheckConstraint("amount_fen > 0"), nullable=False),
    sa.Column("created_at", _Instant, nullable=False),
)

notices_due = sa.Table(
    "notices_due",
    _metadata,
    sa.Column("out_trade_no", sa.Text, sa.ForeignKey(transactions.c.out_trade_no), primary_key=True),
    sa.Column("copy", sa.SmallInteger, primary_key=True),
    sa.Column("attempts", sa.SmallInteger, nullable=False),
    sa.Column("next_at", _Instant, nullable=False, index=True),
)


@dataclass(frozen=True, slots=True)
class Order:
    """What a merchant asks a shopper to pay."""

    out_trade_no: str
    prepay_id: str
    mchid: str
    description: str
    amount_fen: int
    return_url: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Transaction(Order):
    """An order and what became of it."""

    transaction_id: str | None
    paid_fen: int | None
    paid_at: datetime | None
    refunded_fen: int

    def trade_state(self, now: datetime) -> str:
        if self.refunded_fen:
            return "REFUND"
        if self.transaction_id is not None:
            return "SUCCESS"
        return "CLOSED" if self.expires_at <= now else "NOTPAY"


@dataclass(frozen=True, slots=True)
class Refund:
    out_refund_no: str
    out_trade_no: str
    refund_id: str
    amount_fen: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DueNotice:
    """One copy of the notice of one payment, and how often it has been sent."""

    transaction: Transaction
    copy: int
    attempts: int


@dataclass(frozen=True, slots=True)
class FirstSending:
    """When to send one copy of a notice, as `notices_due` keeps it."""

    copy: int
    attempts: int
    next_at: datetime


_ORDER_COLUMNS = [transactions.c[name] for name in Order.__dataclass_fields__]
_COLUMNS = [transactions.c[name] for name in Transaction.__dataclass_fields__]

_REGISTER = (
    insert(transactions)
    .values({column: sa.bindparam(column.name) for column in _ORDER_COLUMNS})
    .on_conflict_do_nothing(index_elements=[transactions.c.out_trade_no])
    .returning(*_COLUMNS)
)
_BY_OUT_TRADE_NO = sa.select(*_COLUMNS).where(transactions.c.out_trade_no == sa.bindparam("out_trade_no"))
_BY_PREPAY_ID = sa.select(*_COLUMNS).where(transactions.c.prepay_id == sa.bindparam("prepay_id"))


def _pay_statement() -> sa.Select[tuple[object, ...]]:
    """Payment and notices in one statement: one round trip, and both or neither."""
    paid = (
        transactions.update()
        .where(
            transactions.c.out_trade_no == sa.bindparam("no"),
            transactions.c.transaction_id.is_(None),
            transactions.c.expires_at > sa.bindparam("not_expired_at", type_=_Instant),
        )
        .values(
            transaction_id=sa.bindparam("new_transaction_id", type_=sa.Text),
            paid_fen=sa.func.coalesce(
                sa.bindparam("wrong_amount_fen", type_=sa.BigInteger), transactions.c.amount_fen
            ),
            paid_at=sa.bindparam("now", type_=_Instant),
        )
        .returning(*_COLUMNS)
        .cte("paid")
    )
    due = (
        insert(notices_due)
        .from_select(
            ["out_trade_no", "copy", "attempts", "next_at"],
            sa.select(
                paid.c.out_trade_no,
                sa.func.unnest(sa.bindparam("copies", type_=ARRAY(sa.SmallInteger))),
                sa.func.unnest(sa.bindparam("attempts", type_=ARRAY(sa.SmallInteger))),
                sa.func.unnest(sa.bindparam("next_ats", type_=ARRAY(_Instant))),
            ),
        )
        .cte("due")
    )
    return sa.select(*paid.c).add_cte(due)


_PAY = _pay_statement()
_DUE = (
    sa.select(*_COLUMNS, notices_due.c.copy, notices_due.c.attempts)
    .join(transactions, transactions.c.out_trade_no == notices_due.c.out_trade_no)
    .where(notices_due.c.next_at <= sa.bindparam("now", type_=_Instant))
    .order_by(notices_due.c.next_at)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_RESCHEDULE = (
    notices_due.update()
    .where(
        notices_due.c.out_trade_no == sa.bindparam("no"), notices_due.c.copy == sa.bindparam("copy_number")
    )
    .values(attempts=sa.bindparam("tried"), next_at=sa.bindparam("again_at"))
)
_SETTLE = notices_due.delete().where(
    sa.tuple_(notices_due.c.out_trade_no, notices_due.c.copy).in_(sa.bindparam("keys", expanding=True))
)


class Store:
    """Every statement is its own transaction, but for a refund."""

    def __init__(self, database_url: str, *, connections: int) -> None:
        self._engine = sa.create_engine(
            database_url, isolation_level="AUTOCOMMIT", pool_size=connections, max_overflow=0
        )
        self._transactional = self._engine.execution_options(isolation_level="READ COMMITTED")

    def create_schema(self) -> None:
        with self._engine.connect() as connection:
            connection.execute(sa.schema.CreateSchema(_SCHEMA, if_not_exists=True))
            _metadata.create_all(connection)

    def close(self) -> None:
        self._engine.dispose()

    def check(self) -> None:
        """Raises SQLAlchemyError when the database does not answer."""
        with self._engine.connect() as connection:
            connection.execute(sa.select(1))

    def register(self, order: Order) -> Transaction:
        """The transaction of that `out_trade_no`: this order, or the one that came first."""
        values = {name: getattr(order, name) for name in Order.__dataclass_fields__}
        with self._engine.connect() as connection:
            row = connection.execute(_REGISTER, values).one_or_none()
            if row is None:
                row = connection.execute(_BY_OUT_TRADE_NO, {"out_trade_no": order.out_trade_no}).one()
        return Transaction(*row)

    def find(self, out_trade_no: str) -> Transaction | None:
        return self._one(_BY_OUT_TRADE_NO, out_trade_no=out_trade_no)

    def find_prepaid(self, prepay_id: str) -> Transaction | None:
        return self._one(_BY_PREPAY_ID, prepay_id=prepay_id)

    def pay(
        self,
        out_trade_no: str,
        *,
        transaction_id: str,
        now: datetime,
        not_expired_at: datetime,
        wrong_amount_fen: int | None,
        notices: Sequence[FirstSending],
    ) -> Transaction | None:
        """The payment just made; None where there is no such order, it is paid, or it expired."""
        return self._one(
            _PAY,
            no=out_trade_no,
            new_transaction_id=transaction_id,
            now=now,
            not_expired_at=not_expired_at,
            wrong_amount_fen=wrong_amount_fen,
            copies=[notice.copy for notice in notices],
            attempts=[notice.attempts for notice in notices],
            next_ats=[notice.next_at for notice in notices],
        )

    def refund(self, refund: Refund) -> Refund | None:
        """The refund of that `out_refund_no`: this one, or the one that came first.

        None when no more than was paid would be left to pay it from.
        """
        values = {name: getattr(refund, name) for name in Refund.__dataclass_fields__}
        added = insert(refunds).values(values).on_conflict_do_nothing(index_elements=["out_refund_no"])
        with self._transactional.connect() as connection:
            if connection.execute(added.returning(refunds.c.out_refund_no)).one_or_none() is None:
                known = sa.select(refunds).where(refunds.c.out_refund_no == refund.out_refund_no)
                row = connection.execute(known).one()
                return Refund(**row._mapping)
            if connection.execute(_refunded(refund)).one_or_none() is None:
                connection.rollback()
                return None
            connection.commit()
        return refund

    def due(self, now: datetime, *, most: int) -> list[DueNotice]:
        with self._engine.connect() as connection:
            rows = connection.execute(_DUE, {"now": now, "most": most}).all()
        return [DueNotice(Transaction(*row[:-2]), row[-2], row[-1]) for row in rows]

    def reschedule(self, notice: DueNotice, *, attempts: int, next_at: datetime) -> None:
        key = {"no": notice.transaction.out_trade_no, "copy_number": notice.copy}
        with self._engine.connect() as connection:
            connection.execute(_RESCHEDULE, {**key, "tried": attempts, "again_at": next_at})

    def settle(self, notices: Iterable[DueNotice]) -> None:
        """Forget notices that were answered, or given up."""
        keys = [(notice.transaction.out_trade_no, notice.copy) for notice in notices]
        with self._engine.connect() as connection:
            connection.execute(_SETTLE, {"keys": keys})

    def _one(self, statement: sa.Executable, **parameters: object) -> Transaction | None:
        with self._engine.connect() as connection:
            row = connection.execute(statement, parameters).one_or_none()
        return None if row is None else Transaction(*row)


def _refunded(refund: Refund) -> sa.Executable:
    """Adds to what was refunded, unless that would be more than was paid."""
    return (
        transactions.update()
        .where(
            transactions.c.out_trade_no == refund.out_trade_no,
            transactions.c.refunded_fen + refund.amount_fen <= transactions.c.paid_fen,
        )
        .values(refunded_fen=transactions.c.refunded_fen + refund.amount_fen)
        .returning(transactions.c.out_trade_no)
    )
