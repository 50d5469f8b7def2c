"""A small world of people for tests: two markets in two regions, and somebody of every role, signed in.

The application runs in the test's own process over a real database. Who is who:

vendor          sells at A01 in market 1 (region 530802), has leek, an order that nobody has paid yet, an
                invitation that was taken up, and a complaint about A01
next_door       sells at A02 in market 1
vendor_2        sells at B01 in market 2 (region 530102)
operator, operator_2    run market 1, market 2
officer, officer_2      see regions 5308, 5301
admin           everything
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, text
from werkzeug.test import TestResponse

from invoice_service import keyring
from invoice_service.app import build_services, create_app
from invoice_service.config import Config
from invoice_service.domain.access import Action
from invoice_service.domain.order import PlainAmount
from invoice_service.domain.policy import Actor
from invoice_service.flow import access, complain, open_epoch
from invoice_service.flow import order as ordering
from invoice_service.queries import identity
from invoice_service.services import Services
from invoice_service.store import invitations
from invoice_service.web.identity import COOKIE
from tests import make

NOBODY = "nobody"
SIGNED_IN = ("vendor", "next_door", "vendor_2", "operator", "operator_2", "officer", "officer_2", "admin")
EVERYBODY = (NOBODY, *SIGNED_IN)


@dataclass(frozen=True)
class Town:
    """`markets` by number; `vendors` by who sells; `accounts` and `tokens` by name."""

    services: Services
    markets: Mapping[int, int]
    vendors: Mapping[str, int]
    accounts: Mapping[str, int]
    tokens: Mapping[str, str]
    made_apps: list[Flask] = field(default_factory=list)

    @property
    def app(self) -> Flask:
        """The application over this town's services: made when it is first asked for, since that takes half
        a second, and shared with every town that is made from this one."""
        if not self.made_apps:
            self.made_apps.append(_app(self.services))
        self.made_apps[0].extensions["services"] = self.services
        return self.made_apps[0]

    def actor(self, name: str) -> Actor:
        return identity.asking(self.services, self.tokens[name]).actor  # type: ignore[union-attr]

    def browser(self, name: str = NOBODY) -> FlaskClient:
        """Signed in as pages want it."""
        client = self.app.test_client()
        if name != NOBODY:
            client.set_cookie(COOKIE, self.tokens[name])
        return client

    def api(self, name: str, method: str, path: str, **options: Any) -> TestResponse:
        """Signed in as the API wants it."""
        headers = {} if name == NOBODY else {"Authorization": f"Bearer {self.tokens[name]}"}
        headers |= options.pop("headers", {})
        return self.app.test_client().open(path, method=method, headers=headers, **options)

    def ask(self, sql: str, **values: Any) -> Any:
        """One value from the database."""
        with self.services.database.read() as connection:
            return connection.execute(text(sql), values).scalar()

    def rows(self, sql: str, **values: Any) -> list[Any]:
        with self.services.database.read() as connection:
            return [dict(row) for row in connection.execute(text(sql), values).mappings()]


@contextmanager
def town(
    folder: Path, database_url: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Iterator[Town]:
    keyring.make_missing(folder, now=datetime.now(UTC), issuer_name="Test market")
    config = Config(
        data_dir=folder,
        database_url=database_url,
        sandbox_url="http://127.0.0.1:9",
        live_poll_ms=3_600_000,  # pages wait in tests' own processes for nothing: the database goes first
    )
    services = build_services(config, clock=clock)
    open_epoch.prepare_log(services, keyring.load_root(folder))
    with services.database.unit_of_work() as uow:
        markets, vendors = _markets(uow.connection)
        people = _people(uow.connection, markets, vendors)
        access.note(
            uow.connection,
            None,
            Action.EXPORTED,
            now=clock(),
            market_id=markets[1],
            vendor_id=vendors["vendor"],
        )
        values = {"token_hash": bytes(32), "account_id": people["vendor"], "created_at": clock()}
        taken_up = invitations.add(uow.connection, values | {"expires_at": clock()})
        invitations.use(uow.connection, taken_up, clock())
        tokens = {name: make.signed_in(uow.connection, people[name], confirmed=True) for name in people}
        uow.commit()
    ordering.place(services, "A01", PlainAmount(1250))
    complain.complain(services, "A01", {"kind": "invoice_refused"}, idempotency_key="a complaint of the town")
    try:
        yield Town(services, markets, vendors, people, tokens)
    finally:
        services.database.dispose()


def _markets(connection: Connection) -> tuple[dict[int, int], dict[str, int]]:
    one = make.market(connection)
    two = make.market(
        connection, code="KM01", name_zh="篆新农贸市场", name_en="Zhuanxin Market", region="530102"
    )
    vendors = {
        "vendor": make.vendor(connection, one),
        "next_door": make.vendor(connection, one, name_zh="王强", name_en="Wang Qiang"),
        "vendor_2": make.vendor(connection, two, name_zh="赵敏", name_en="Zhao Min"),
    }
    for code, market, name in (("A01", one, "vendor"), ("A02", one, "next_door"), ("B01", two, "vendor_2")):
        make.stall(connection, market, vendors[name], code=code)
        goods = {"sku": "pakchoi", "name_zh": "小白菜", "name_en": "Pak choi", "price_fen": 320}
        make.goods(connection, market, vendors[name], [goods])
    leek = {"sku": "leek", "name_zh": "韭菜", "name_en": "Leek", "price_fen": 500}
    make.goods(connection, one, vendors["vendor"], [leek])  # and nobody else
    return {1: one, 2: two}, vendors


def _people(connection: Connection, markets: Mapping[int, int], vendors: Mapping[str, int]) -> dict[str, int]:
    people = {
        name: make.account(
            connection, "vendor", name=name, market_id=markets[2 if name[-1] == "2" else 1], vendor_id=vendor
        )
        for name, vendor in vendors.items()
    }
    for number, suffix in ((1, ""), (2, "_2")):
        market = markets[number]
        people["operator" + suffix] = make.account(
            connection, "operator", name="operator" + suffix, market_id=market
        )
        region = {1: "5308", 2: "5301"}[number]
        people["officer" + suffix] = make.account(
            connection, "officer", name="officer" + suffix, region=region
        )
    people["admin"] = make.account(connection, "admin", name="admin")
    return people


@contextmanager
def moved(before: Town, database_url: str) -> Iterator[Town]:
    """The same town over a copy of its database."""
    config = replace(before.services.config, database_url=database_url)
    services = build_services(config, clock=before.services.clock)
    try:
        yield replace(before, services=services)
    finally:
        services.database.dispose()


def _app(services: Services) -> Flask:
    app = create_app(services)
    app.config["WTF_CSRF_ENABLED"] = False  # forged forms are tried in test_threats.py
    app.config["RATELIMIT_ENABLED"] = False
    return app
