"""The audit: a clean installation is clean, and whatever is bent is named, once, for what it belongs to.

One installation for all tests, with every kind of fact, two heads on a real chain, a sale that waits. Each
bend is made in a transaction through which the audit looks, and is gone afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial

import pytest
from sqlalchemy import Update, func, select, text, update

from chain import deploy
from chain.client import NoContract
from invoice_service import auditor, keyring
from invoice_service.app import build_services
from invoice_service.domain.order import PlainAmount
from invoice_service.domain.party import make_buyer
from invoice_service.domain.relay import Lock
from invoice_service.domain.standing import Standing
from invoice_service.domain.token import INVOICE as INVOICE_TOKEN
from invoice_service.flow import (
    anchor,
    close_access_day,
    erase,
    issue,
    open_epoch,
    order,
    pay,
    seal,
    seal_returns,
)
from invoice_service.flow.change_status import change_status
from invoice_service.flow.claim import Wanted
from invoice_service.flow.record import sign_entry
from invoice_service.ledger.entry import Entry, Kind, body_commitment
from invoice_service.onchain import ContractStandings, ledger_contract, standings, status_events
from invoice_service.queries.audit import kept, run
from invoice_service.queries.audit.anchors import Chain
from invoice_service.queries.audit.run import Report
from invoice_service.services import Services
from invoice_service.store import tables
from scripts.benchmarks import history
from scripts.lib.market_day import Visit
from scripts.lib.paths import ROOT
from tests.chain.registers import Key
from tests.claims import ClaimsOffice
from tests.clock import Clock
from tests.conftest import copy_of_database
from tests.one_transaction import OneTransaction
from tests.payer import PaysWhenAsked
from tests.people import town

JULY = datetime(2026, 7, 14, 4, tzinfo=UTC)
OCTOBER = datetime(2026, 10, 1, 4, tzinfo=UTC)
ORDERS = 140  # with their invoices more than one tile
SIZE = 2 * ORDERS + 5  # two claims, a release, a day and a return
NOBODY = make_buyer("individual", "", None)
WANG = make_buyer("individual", "王小明", None)


NAMED = ("invoice", "sale", "waiting", "claimed", "locked")  # what a bend may name, with a colon before it


def quiet(_done: int, _size: int) -> None:
    """No progress."""


@dataclass(frozen=True)
class Installation:
    """`invoice` and its `sale` are in the log, `waiting` is in the outbox; `claimed` and `locked` are."""

    services: Services
    chain: Chain
    invoice: str
    sale: str
    waiting: str
    claimed: str
    locked: str

    def audit(self, services: Services | None = None, chain: Chain | None = None) -> Report:
        return run.run(services or self.services, chain or self.chain, quiet, restart=True)


@pytest.fixture(scope="module")
def here(
    tmp_path_factory: pytest.TempPathFactory, module_migrated_database_url: str, anvil_url: str
) -> Iterator[Installation]:
    clock = Clock(JULY)
    with town(tmp_path_factory.mktemp("audit"), module_migrated_database_url, clock) as made:
        provider = PaysWhenAsked(clock)
        config = replace(made.services.config, chain_rpc_url=anvil_url)
        services = replace(made.services, config=config, providers={provider.name: provider})
        _deploy(services)
        _sell_much(services, clock)
        _seal_and_anchor(services)
        clock.now = OCTOBER
        assert close_access_day.close_ended(services) == 1
        assert seal_returns.seal_ended(services) == 1
        erase.erase(services, _number(services, "max"), "本人要求删除")
        clock.now = datetime.now(UTC)  # the chain's, by which claims have a deadline
        claimed, locked = _claim_and_lock(services, clock)
        _seal_and_anchor(services)
        number, waiting = _number(services, "min"), _sell_one(services)
        sale = _sale_of(services, number)
        yield Installation(services, opened(services), number, sale, waiting, claimed, locked)


def opened(services: Services) -> Chain:
    """Clients that are made once."""
    ways = [cache(partial(way, services)) for way in (ledger_contract, status_events, standings)]
    return Chain(*ways, NoContract)


def _claim_and_lock(services: Services, clock: Clock) -> tuple[str, str]:
    """Two claimed, of which one is given up again; a third locked."""
    office, company = ClaimsOffice(services, clock, services.config.data_dir), Key()
    numbers = [row[0] for row in office.rows("SELECT number FROM invoices ORDER BY number OFFSET 1 LIMIT 3")]
    wanted = [Wanted(one, services.keyring.tokens.derive(INVOICE_TOKEN, one)) for one in numbers]
    office.claim(company, wanted[:2])
    office.settle()
    office.release(company, wanted[1:2])
    change_status(services, numbers[2], Lock())
    office.settle()
    return numbers[0], numbers[2]


def _deploy(services: Services) -> None:
    keys = services.keyring
    rpc_url = services.config.chain_rpc_url
    deployer = deploy.Deployer(rpc_url, admin_key=keys.admin, sequencer_key=keys.sequencer)
    open_epoch.open_epoch(services, deployer, keyring.load_root(services.config.data_dir))


def _sell_much(services: Services, clock: Clock) -> None:
    def follow(now: datetime) -> None:
        clock.now = now

    with services.database.unit_of_work() as uow:
        shop = next(one for one in history.shops(uow.connection) if one.stall.code == "A01")
        bought = [Visit(PlainAmount(1_000 + n), True, WANG if n == 0 else NOBODY) for n in range(ORDERS)]
        visits = [(JULY + timedelta(minutes=n), shop, visit) for n, visit in enumerate(bought)]
        history.write(services, uow.connection, visits, random.Random(1), follow)  # noqa: S311
        uow.commit()


def _seal_and_anchor(services: Services) -> None:
    seal.seal(services)
    contract = ledger_contract(services, anchor.live_epoch(services))
    assert anchor.anchor(services, contract) == "mined"
    assert anchor.anchor(services, contract) == "idle"  # and final


def _sell_one(services: Services) -> str:
    placed = order.place(services, "A02", PlainAmount(777))
    pay.start(services, placed.token, "pays-when-asked")
    pay.check(services, placed.token)
    return issue.issue(services, placed.token, NOBODY).number


def _number(services: Services, which: str) -> str:
    """`min` or `max`: the first or the last that was issued."""
    with services.database.read() as connection:
        return str(connection.execute(select(getattr(func, which)(tables.invoices.c.number))).scalar_one())


def _sale_of(services: Services, number: str) -> str:
    with services.database.read() as connection:
        found = connection.execute(text("SELECT order_id FROM invoices WHERE number = :n"), {"n": number})
        return str(found.scalar_one())


UNGUARD = text("""
    DO $$ DECLARE one record; BEGIN
        FOR one IN SELECT conrelid::regclass AS its, conname FROM pg_constraint WHERE contype = 'f' LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.its, one.conname);
        END LOOP;
        FOR one IN SELECT tgrelid::regclass AS its, tgname FROM pg_trigger WHERE NOT tgisinternal LOOP
            EXECUTE format('DROP TRIGGER %I ON %s', one.tgname, one.its);
        END LOOP;
    END $$
""")


@pytest.fixture(scope="module")
def unguarded(here: Installation) -> Iterator[Installation]:
    """A copy that somebody has whom no trigger and no foreign key stops."""
    here.services.database.dispose()
    with copy_of_database(here.services.config.database_url) as url:
        services = build_services(replace(here.services.config, database_url=url), clock=here.services.clock)
        with services.database.unit_of_work() as uow:
            uow.connection.execute(UNGUARD)
            uow.commit()
        yield replace(here, services=services, chain=opened(services))
        services.database.dispose()


@contextmanager
def bent(there: Installation, *statements: str | Update) -> Iterator[Services]:
    """Services over the database with the statements done to it, which must each change something."""
    with there.services.database.engine.connect() as connection:
        for one in statements:
            statement = text(one) if isinstance(one, str) else one
            named = {name: getattr(there, name) for name in statement.compile().params if name in NAMED}
            assert connection.execute(statement, named).rowcount, one
        yield replace(there.services, database=OneTransaction(connection))  # type: ignore[arg-type]
        connection.rollback()


def told(report: Report) -> dict[str, str]:
    assert report.found.count == len(report.found.told)
    return dict(report.found.told)


def test_what_the_service_made_is_clean(here: Installation) -> None:
    report = here.audit()
    assert (report.verdict, told(report), report.not_asked) == (run.CLEAN, {}, None)
    assert report.head.size == SIZE
    assert (report.heads, report.waiting) == (2, 2)
    assert report.counts.kinds == {1: 140, 3: 140, 5: 2, 6: 1, 7: 1, 8: 1}
    assert report.counts.erased == 1  # which is told, and is no fault


def test_without_a_chain_it_is_undecided_and_all_else_compared(here: Installation) -> None:
    report = run.run(here.services, None, quiet, restart=True)
    assert (report.verdict, report.head.size) == (run.UNDECIDED, SIZE)
    assert report.not_asked == "no chain is configured (CHAIN_RPC_URL)"
    silent = replace(here.services, config=replace(here.services.config, chain_rpc_url="http://127.0.0.1:9"))
    report = here.audit(silent, opened(silent))
    assert report.verdict == run.UNDECIDED
    assert str(report.not_asked).startswith("the chain does not answer")
    with bent(here, "UPDATE invoices SET token_hash = sha256('x') WHERE number = :invoice") as services:
        assert run.run(services, None, quiet, restart=True).verdict == run.DIFFERENT


def flip(table: str, column: str, where: str) -> Update:
    """One bit of a value, wherever that is."""
    stored = tables.metadata.tables[table].c[column]
    flipped = func.set_byte(stored, 5, func.get_byte(stored, 5).op("#")(1))
    return update(stored.table).values({column: flipped}).where(text(where))


INVOICE, SALE = "invoice {invoice}", "sale {sale}"
CLAIMED, LOCKED = "invoice {claimed}", "invoice {locked}"
BENDS: dict[str, tuple[str | Update | tuple[str, ...], dict[str, str]]] = {
    # the log
    "signature": (
        flip("log_entries", "signature", "kind = 3 AND fact = :invoice"),
        {INVOICE: "not signed by any"},
    ),
    "kind": (
        "UPDATE log_entries SET kind = 4 WHERE kind = 3 AND fact = :invoice",
        {"credit note {invoice}": "the kind that its entry says",
         INVOICE: "neither in the log nor in the outbox", "return ": "the root over"},
    ),
    "entry gone": (
        "DELETE FROM log_entries WHERE kind = 3 AND fact = :invoice",
        {"entry 1": "missing", INVOICE: "neither in the log nor in the outbox", "return ": "the root over"},
    ),
    "entry bent": (
        flip("log_entries", "entry", "kind = 3 AND fact = :invoice"),
        {INVOICE: "cannot be read", "tile 0/0": "hashes", "tile 1/0": "hashes", "head 280": "every later one",
         "log state": "root", "return ": "the root over"},
    ),
    "entry without a fact": (
        "UPDATE log_entries SET fact = 'x' WHERE index = 0",
        {"sale x": "no document", SALE: "neither in the log nor in the outbox", "return ": "the root over"},
    ),
    "beyond the head": (
        "INSERT INTO log_entries SELECT 900, 1, 'x', entry, signature FROM log_entries WHERE index = 0",
        {"entry 900": "beyond"},
    ),
    "tile bent": (flip("log_tiles", "hashes", "level = 0 AND index = 0"), {"tile 0/0": "does not hold"}),
    "edge tile bent": (flip("log_tiles", "hashes", "level = 0 AND index = 1"), {"tile 0/1": "does not hold"}),
    "tile gone": ("DELETE FROM log_tiles WHERE level = 1", {"tile 1/0": "missing"}),
    "tile beyond": ("INSERT INTO log_tiles SELECT 0, 2, hashes FROM log_tiles WHERE level = 1",
                    {"tile 0 2": "beyond"}),
    "head's root": (
        flip("log_heads", "root", "size = 280"),
        {"head 280": "every later one", "head 280 on chain": "no head of the log"},
    ),
    "checkpoint": (
        "UPDATE log_heads SET checkpoint = (SELECT checkpoint FROM log_heads WHERE size = 285) "
        "WHERE size = 280",
        {"head 280": "its checkpoint is that of another head"},
    ),
    "checkpoint unsigned": (
        "UPDATE log_heads SET checkpoint = replace(checkpoint, '280', '281') WHERE size = 280",
        {"head 280": "its checkpoint does not hold"},
    ),
    "log's root": ("UPDATE log_state SET root = sha256('x')", {"log state": "root"}),
    "head gone": (
        "DELETE FROM log_heads WHERE size = 285",
        {"head 285": "no signed head", "head 285 on chain": "what was sent to the chain is no head"},
    ),
    # the issuer
    "foreign key": (
        "INSERT INTO keys SELECT sha256('x'), 'entry', 'x'::bytea, NULL, now()",
        {"key 2d711642b726b044": "the root never signed"},
    ),
    "key gone": ("DELETE FROM keys WHERE use = 'checkpoint'", {"key ": "not in the table of keys"}),
    # sales
    "sale's body": (
        flip("sales", "body", "order_id = :sale"),
        {SALE: "the body is not what its entry commits to"},
    ),
    "sale's salt": (
        flip("sales", "salt", "order_id = :sale"),
        {SALE: "the body is not what its entry commits to"},
    ),
    "sale's commitment": (
        flip("sales", "commitment", "order_id = :sale"),
        {SALE: "column commitment", INVOICE: "the sale that the body names"},
    ),
    "sale's amount": (
        "UPDATE sales SET amount_fen = amount_fen + 1, exempt_fen = exempt_fen + 1 WHERE order_id = :sale",
        {SALE: "column amount_fen: 1001 instead of 1000"},
    ),
    "payment's amount": (
        "UPDATE payments SET amount_fen = 999 WHERE order_id = :sale",
        {SALE: "the payment: 999 instead of 1000"},
    ),
    "payment's part": (
        "UPDATE payments SET disposition = 'late' WHERE order_id = :sale",
        {SALE: "the payment's disposition"},
    ),
    "payment's time": (
        "UPDATE payments SET paid_at = paid_at + interval '1 hour' WHERE order_id = :sale",
        {SALE: "the payment's time"},
    ),
    "provider": (
        "UPDATE payments SET provider = 'x' WHERE order_id = :sale",
        {SALE: "the payment's provider"},
    ),
    "order's status": (
        "UPDATE orders SET status = 'closed', paid_at = NULL WHERE id = :sale",
        {SALE: "the order is closed", "return ": "how many facts"},
    ),
    "order's stall": (
        "UPDATE orders SET stall_id = (SELECT max(id) FROM stalls) WHERE id = :sale",
        {SALE: "the order's stall", INVOICE: "column stall_id"},
    ),
    "order's line": (
        "UPDATE order_lines SET amount_fen = 999 WHERE order_id = :sale",
        {SALE: "an order line's amount_fen: 999 instead of 1000"},
    ),
    "order's line gone": (
        "DELETE FROM order_lines WHERE order_id = :sale",
        {SALE: "how many lines the order has"},
    ),
    "sale's tax": (
        "UPDATE sales SET exempt_fen = 0, taxable_net_fen = amount_fen WHERE order_id = :sale",
        {SALE: "column exempt_fen"},
    ),
    "sale's rule": (
        "UPDATE sales SET line_rules = '{x}' WHERE order_id = :sale",
        {SALE: "does not have the form"},
    ),
    "sale gone": (
        "DELETE FROM sales WHERE order_id = :sale",
        {SALE: "there is no document", INVOICE: "there is no document", "return ": "how many facts"},
    ),
    # invoices
    "body": (
        flip("invoices", "body", "number = :invoice"),
        {INVOICE: "the body is not what its entry commits to"},
    ),
    "body of another": (
        "UPDATE invoices AS i SET body = o.body, body_salt = o.body_salt FROM invoices AS o "
        "WHERE i.number = :invoice AND o.number = :waiting",
        {INVOICE: "the body is not what its entry commits to"},
    ),
    "total": (
        "UPDATE invoices SET total_fen = total_fen + 1, net_fen = net_fen + 1 WHERE number = :invoice",
        {INVOICE: "column net_fen: 1001 instead of 1000"},
    ),
    "issued_at": (
        "UPDATE invoices SET issued_at = issued_at - interval '1 day' WHERE number = :invoice",
        {INVOICE: "column issued_at"},
    ),
    "vendor": (
        "UPDATE invoices SET vendor_id = vendor_id + 1 WHERE number = :invoice",
        {INVOICE: "column vendor_id", "return ": "how many facts"},
    ),
    "token": (
        "UPDATE invoices SET token_hash = sha256('x') WHERE number = :invoice",
        {INVOICE: "token_hash"},
    ),
    "claim address": (
        flip("invoices", "claim_address", "number = :invoice"),
        {INVOICE: "column claim_address"},
    ),
    "claim key": (
        flip("invoices", "claim_key", "number = :invoice"),
        {INVOICE: "the claim key was not sealed"},
    ),
    "line": (
        "UPDATE invoice_lines SET rule = 'x' WHERE number = :invoice",
        {INVOICE: "a stored line's rule: x instead of"},
    ),
    "line's net": ("UPDATE invoice_lines SET net_fen = 1 WHERE number = :invoice", {INVOICE: "net_fen: 1"}),
    "buyer": (
        "UPDATE buyer_documents SET document = convert_to(replace(convert_from(document, 'UTF8'), '王小明', "
        "'王大明'), 'UTF8') WHERE number = :invoice",
        {INVOICE: "the buyer's document is not what its entry commits to"},
    ),
    "buyer's row": ("DELETE FROM buyer_documents WHERE number = :invoice", {INVOICE: "no row for its buyer"}),
    "erased unseen": (
        "UPDATE buyer_documents SET document = NULL, salt = NULL, erased_at = now() WHERE number = :invoice",
        {INVOICE: "its buyer was erased, and no record says by whom and why"},
    ),
    "invoice gone": (
        "DELETE FROM invoices WHERE number = :invoice",
        {INVOICE: "there is no document", "return ": "how many facts"},
    ),
    # other kinds
    "access record": ("UPDATE access_records SET who = 'nobody' WHERE id = 1",
                      {"access day 2026-07-14": "the root over the day's records"}),
    "access record gone": ("DELETE FROM access_records WHERE id = 1",
                           {"access day 2026-07-14": "how many records"}),
    "access day": (flip("access_days", "root", "TRUE"), {"access day 2026-07-14": "column root"}),
    "return's cells": (

                """UPDATE vat_returns SET cells = '{"1": 5}' WHERE amendment = 0""",
        {"return ": "column cells"},
    ),
    "return's body": (flip("vat_returns", "body", "TRUE"), {"return ": "the body is not what"}),
    # what became of invoices
    "claim's body": (
        flip("chain_events", "body", "number = :claimed"),
        {"claim ": "the body is not what", CLAIMED: "the body of one of its events cannot be read"},
    ),
    "claimant": (
        flip("chain_events", "claimant", "number = :claimed"),
        {"claim ": "the body's claimant", CLAIMED: "who claimed it"},
    ),
    "claim's place": ("UPDATE chain_events SET place = 7 WHERE number = :claimed",
                      {"claim ": "the body's place", CLAIMED: "was not taken in"}),
    "event gone": (
        "DELETE FROM chain_events WHERE number = :claimed",
        {"claim ": "no document", CLAIMED: "it has a status, and no event"},
    ),
    "status": (
        "UPDATE invoice_statuses SET state = 'free', claimant = NULL WHERE number = :claimed",
        {CLAIMED: "its state: free instead of claimed"},
    ),
    "status's notes": ("UPDATE invoice_statuses SET notes = 1 WHERE number = :claimed",
                       {CLAIMED: "how many notes it has: 1 instead of 0"}),
    "status's time": ("UPDATE invoice_statuses SET since = since - interval '1 s' WHERE number = :claimed",
                      {CLAIMED: "since when"}),
    "status gone": ("DELETE FROM invoice_statuses WHERE number = :claimed",
                    {CLAIMED: "the chain told of it, and it has no status"}),
    "impossible": ("UPDATE chain_events SET change = 'unlocked' WHERE number = :locked",
                   {LOCKED: "unlocked cannot follow free"}),
    "never taken in": (
        ("DELETE FROM chain_events WHERE number = :locked",
         "DELETE FROM invoice_statuses WHERE number = :locked"),
        {LOCKED: "the chain tells that it was locked, and that was not taken in"},
    ),
    "made up": (
        ("INSERT INTO chain_events "
         "(epoch_id, tx_hash, place, block_number, block_hash, block_time, number, change) "
         "SELECT epoch_id, tx_hash, 9, block_number, block_hash, block_time, :invoice, change "
         "FROM chain_events WHERE number = :locked",
         "INSERT INTO invoice_statuses SELECT :invoice, state, notes, since, claimant "
         "FROM invoice_statuses WHERE number = :locked"),
        {INVOICE: "that it was locked is kept here, and the chain does not tell it"},
    ),
    # each fact once
    "outbox gone": ("DELETE FROM outbox WHERE kind = 3",
                    {"invoice {waiting}": "neither in the log nor in the outbox"}),
    "outbox bent": (flip("outbox", "signature", "kind = 3"), {"invoice {waiting}": "not signed by any"}),
    "twice": (
        "INSERT INTO outbox (kind, fact, entry, signature) SELECT kind, fact, entry, signature "
        "FROM log_entries WHERE index = 0",
        {SALE: "waits in the outbox and stands in the log"},
    ),
    "paid without sale": (
        ("DELETE FROM sales WHERE order_id = (SELECT order_id FROM invoices WHERE number = :waiting)",
         "DELETE FROM outbox WHERE kind = 1"),
        {"sale ": "the order was paid, and there is no sale", "invoice {waiting}": "no document"},
    ),
    # the chain
    "never sent": (
        "UPDATE submissions SET new_root = sha256('x') WHERE new_size = 280",
        {"head 280 on chain": "what was sent to the chain is no head"},
    ),
    "another log": (flip("epochs", "log_id", "TRUE"),
                    dict.fromkeys(("head 280 on chain", "head 285 on chain"), "does not hold it")),
    "another block": ("UPDATE submissions SET block_number = block_number + 1 WHERE new_size = 280",
                      {"head 280 on chain": "its block"}),
    "another chain": ("UPDATE epochs SET genesis_hash = sha256('x')", {"epoch 1": "not the one it was"}),
    "another contract": (
        flip("epochs", "nonce", "TRUE"),
        {"epoch 1": "another epoch's", "claim 1": "epoch", "claim 2": "epoch", "release 4": "epoch"},
    ),
    "no contract": (flip("epochs", "contract", "TRUE"), {"epoch 1": "has no contract at its address"}),
}  # fmt: skip


@pytest.mark.parametrize("name", BENDS)
def test_what_is_bent_is_named(unguarded: Installation, name: str) -> None:
    """Nothing else is: a subject that ends with a space stands for one that begins so."""
    statements, wanted = BENDS[name]
    with bent(unguarded, *(statements if isinstance(statements, tuple) else [statements])) as services:
        found = told(unguarded.audit(services))
    names = {name: getattr(unguarded, name) for name in NAMED}
    for subject, what in wanted.items():
        exact = subject.format(**names)
        matching = [one for one in found if one == exact or (exact.endswith(" ") and one.startswith(exact))]
        assert len(matching) == 1, (exact, found)
        assert what in found.pop(matching[0])
    assert found == {}


class ForgotAStatus:
    """A contract that took an invoice over as free, as after a restoring that left it out."""

    def __init__(self, contract: ContractStandings, forgotten: bytes) -> None:
        self._contract = contract
        self._forgotten = forgotten

    def standing(self, claim_address: bytes) -> Standing:
        return Standing() if claim_address == self._forgotten else self._contract.standing(claim_address)


def test_what_a_contract_did_not_take_over_is_named(here: Installation) -> None:
    with here.services.database.read() as connection:
        query = text("SELECT claim_address FROM invoices WHERE number = :number")
        address = bytes(connection.execute(query, {"number": here.claimed}).scalar_one())
    forgets = replace(
        here.chain, standings=lambda epoch: ForgotAStatus(standings(here.services, epoch), address)
    )
    assert told(here.audit(chain=forgets)) == {
        f"invoice {here.claimed}": "it is kept as claimed, and the contract says free"
    }


def test_a_statement_that_the_root_did_not_sign_counts_for_nothing(here: Installation) -> None:
    with bent(
        here, "UPDATE deployment SET statement = jsonb_set(statement, '{statement,name}', '\"x\"')"
    ) as bad:
        report = here.audit(bad)
    assert next(iter(report.found.told)) == "issuer statement"
    assert report.found.count == 1 + report.head.size + report.waiting  # nothing counts as signed any more


def test_a_body_that_was_attested_in_another_form_is_named(unguarded: Installation) -> None:
    """Bytes that a verifier would write otherwise: commitment and signature hold, and no proof would."""
    with bent(unguarded, "UPDATE invoices SET body = body || ' '::bytea WHERE number = :waiting") as services:
        _attest_again(services, unguarded.waiting)
        found = told(unguarded.audit(services))
    assert found == {f"invoice {unguarded.waiting}": "the body is not canonical JSON: not in canonical form"}


def _attest_again(services: Services, number: str) -> None:
    with services.database.unit_of_work() as uow:
        asked = "SELECT body, body_salt, entry FROM invoices JOIN outbox ON fact = number WHERE number = :n"
        body, salt, entry = uow.connection.execute(text(asked), {"n": number}).one()
        was = Entry.decode(entry)
        signed = sign_entry(
            services.keyring,
            Kind.INVOICE,
            number,
            body_commitment=body_commitment(salt, body),
            instant=datetime.fromtimestamp(was.instant_ms / 1000, UTC),
            buyer_commitment=was.buyer_commitment,
            claim_address=was.claim_address,
        )
        changed = "UPDATE outbox SET entry = :entry, signature = :signature WHERE fact = :n"
        values = {"entry": signed.entry, "signature": signed.signature, "n": number}
        uow.connection.execute(text(changed), values)


# -- stopped, and gone on with -----------------------------------------------------------------------------


def killed_at(entries: int) -> Callable[[int, int], None]:
    def tell(done: int, _size: int) -> None:
        if done >= entries:
            os.kill(os.getpid(), signal.SIGKILL)

    return tell


def audit_and_be_killed(here: Installation, at: int) -> None:
    """In a process of its own, over connections of its own."""
    child = os.fork()
    if child == 0:
        try:
            services = build_services(here.services.config, clock=here.services.clock)
            run.run(services, here.chain, killed_at(at), restart=True)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "BATCH", 40)
    monkeypatch.setattr(run, "KEEP_EVERY_S", 0.0)


@pytest.mark.usefixtures("small_steps")
def test_killed_and_started_again_it_goes_on_and_tells_all(here: Installation) -> None:
    bend = "UPDATE invoices SET token_hash = sha256('{}') WHERE number = '{}'"
    early = bend.format("x", here.invoice)
    keep = text("SELECT token_hash FROM invoices WHERE number = :n")
    with here.services.database.unit_of_work() as uow:
        was = uow.connection.execute(keep, {"n": here.invoice}).scalar_one()
        uow.connection.execute(text(early))
        uow.commit()
    try:
        audit_and_be_killed(here, 160)
    finally:
        back = text("UPDATE invoices SET token_hash = :was WHERE number = :n")
        with here.services.database.unit_of_work() as uow:
            uow.connection.execute(back, {"was": was, "n": here.invoice})
            uow.commit()
    file = kept.path(here.services.config.data_dir)
    said = json.loads(file.read_text())
    assert (said["under"]["size"], said["done"]) == (285, 160)
    report = run.run(here.services, here.chain, quiet)
    assert report.resumed_at == 160
    assert told(report) == {f"invoice {here.invoice}": "column token_hash is not that of its token"}
    assert report.counts.kinds.total() == report.head.size == 285
    assert report.heads == 2
    assert not file.exists()  # the next one begins anew


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("changed", ["under", "roots", "torn", None])
def test_it_goes_on_only_where_the_log_is_the_same(here: Installation, changed: str | None) -> None:
    audit_and_be_killed(here, 160)
    file = kept.path(here.services.config.data_dir)
    said = json.loads(file.read_text())
    changes = {
        "under": {"under": {"size": 280, "root": "00" * 32}},
        "roots": {"roots": ["00" * 32, "00" * 32]},
    }
    file.write_text("{" if changed == "torn" else json.dumps(said | changes.get(changed or "", {})))
    report = run.run(here.services, here.chain, quiet)
    assert (report.resumed_at, report.verdict) == (0 if changed else 160, run.CLEAN)


# -- the command -------------------------------------------------------------------------------------------


def asked(services: Services, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """(exit code, lines)."""
    code = auditor.audit(services.config, argparse.Namespace(restart=True))
    out, err = capsys.readouterr()
    assert err == ""
    return code, out.splitlines()


def test_the_exit_code_says_what_came_out(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = asked(here.services, capsys)
    assert (code, lines[0]) == (0, "Compared 285 entries under 2 heads; 2 more wait.")
    assert lines[-1] == "CLEAN. Everything is what was attested, and the chain says the same."
    assert any(line.startswith("1 of the invoices had their buyer erased, on purpose") for line in lines)
    unasked = replace(here.services, config=replace(here.services.config, chain_rpc_url=""))
    code, lines = asked(unasked, capsys)
    assert (code, lines[-1].split(".")[0]) == (2, "UNDECIDED")


def read_to_the_end(terminal: int) -> bytes:
    """As it comes: a terminal holds 4 kB, and whoever writes more waits. Closed, it ends by an error."""
    read = bytearray()
    with os.fdopen(terminal, "rb", buffering=0) as file, suppress(OSError):
        while part := file.read(4096):
            read += part
    return bytes(read)


@pytest.mark.usefixtures("small_steps")
def test_on_a_terminal_a_bar_moves(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step is drawn, one after the other; what a terminal gets is text and the codes between."""
    monkeypatch.setenv("TERM", "xterm")
    ours, its = os.openpty()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_to_the_end, ours)
        with os.fdopen(its, "w") as terminal:
            monkeypatch.setattr(sys, "stderr", terminal)
            assert auditor.audit(here.services.config, argparse.Namespace(restart=True)) == 0
        drawn = reading.result(20).decode()
    assert "Comparing entries" in drawn
    assert "━" in drawn
    steps = [int(done) for done in re.findall(rf"(\d+)/{SIZE}\b", drawn)]
    assert sorted(steps) == steps
    assert set(steps) == {0, 40, 80, 120, 160, 200, 240, 280, SIZE}


def test_the_command_names_what_differs(here: Installation) -> None:
    """By the real command line, over a database that was changed for good."""
    config = here.services.config
    here.services.database.dispose()
    with copy_of_database(config.database_url) as url:
        changed = build_services(replace(config, database_url=url))
        with changed.database.unit_of_work() as uow:
            uow.connection.execute(text("UPDATE log_state SET root = sha256('x')"))
            uow.commit()
        changed.database.dispose()
        settings = {
            "DATABASE_URL": url,
            "DATA_DIR": str(config.data_dir),
            "CHAIN_RPC_URL": config.chain_rpc_url,
        }
        done = subprocess.run(
            [sys.executable, "-m", "invoice_service", "audit"],
            cwd=ROOT,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-2].startswith("✗ log state: its root is not that of the entries")
    assert done.stdout.splitlines()[-1] == "DIFFERENT. 1 thing does not fit."
