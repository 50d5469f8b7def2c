"""What this database is: whose issuer, demo or not, its public keys and its signed statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from invoice_service.errors import N_, Error
from invoice_service.ledger.statement import IssuerStatement, open_signed
from invoice_service.store.tables import deployment, keys, markets

_STATEMENT = select(deployment.c.statement)


class AnotherIssuer(Error):
    code = "deployment.another_issuer"
    message = N_("This database belongs to another issuer. Check DATABASE_URL and DATA_DIR.")
    status = 500


class NotDemo(Error):
    code = "deployment.not_demo"
    message = N_("This database holds a real market; demo data is refused.")
    status = 409


def claim(connection: Connection, issuer_id: bytes) -> None:
    """Write down whose database this is, once. Raises AnotherIssuer."""
    connection.execute(
        upsert(deployment).on_conflict_do_nothing(), {"id": 1, "is_demo": False, "issuer_id": issuer_id}
    )
    if connection.execute(select(deployment.c.issuer_id)).scalar_one() != issuer_id:
        raise AnotherIssuer


def mark_demo(connection: Connection) -> bool:
    """Make an empty database the demo's. False if it is already. Raises NotDemo if it holds a real market."""
    is_demo, market_count = connection.execute(
        select(deployment.c.is_demo, select(func.count()).select_from(markets).scalar_subquery())
        .with_for_update(of=deployment)
    ).one()  # fmt: skip
    if is_demo:
        return False
    if market_count:
        raise NotDemo
    connection.execute(update(deployment).values(is_demo=True))
    return True


def put_key(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(upsert(keys).on_conflict_do_nothing(), values)


def working_keys(connection: Connection) -> list[Mapping[str, Any]]:
    query = select(keys).where(keys.c.use != "root").order_by(keys.c.valid_from, keys.c.id)
    return list(map(dict, connection.execute(query).mappings()))


def put_statement(connection: Connection, signed: Mapping[str, Any]) -> None:
    connection.execute(update(deployment).values(statement=dict(signed)))


def opened_statement(connection: Connection) -> IssuerStatement | None:
    """What the issuer statement says, its signature checked. Raises BadStatement."""
    signed = statement(connection)
    return None if signed is None else open_signed(signed)


def statement(connection: Connection) -> dict[str, Any] | None:
    """The signed issuer statement, or None before the first deployment of the contract."""
    return connection.execute(_STATEMENT).scalar_one_or_none()
