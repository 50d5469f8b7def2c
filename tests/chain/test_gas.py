"""What the contract's calls cost, measured on each chain, and that docs/reference/gas.md says so."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from eth_account import Account

from chain.client import APPEND_GAS, APPEND_GAS_A_NODE, connect
from chain.deploy import DEPLOY_GAS, OPEN_GAS, REGISTER_GAS, Deployer
from chain.node import ROOT
from chain.statuses import Call, State, Status
from invoice_service.ledger import tree
from tests.chain.logs import Ledger
from tests.chain.registers import NOTE, Key, registered
from tests.chain.trees import uniform

UNIFORM = uniform()
MILLION = 1_000_003  # odd and not near a power of two: a long proof
NEAR = 0.05  # a node prices by fixed rules, but a new compiler moves a few opcodes
TABLE = ROOT / "docs" / "reference" / "gas.md"
ROW = re.compile(r"^\| (?P<call>[^|]+) \| (?P<nodes>[\d ]*)\| (?P<gas>[\d,]+) \| (?P<limit>[\d,]+) \|$", re.M)


def _append_gas(ledger: Ledger, old_size: int, new_size: int) -> int:
    log = ledger.open_log(old_size, UNIFORM.root(old_size))
    proof = UNIFORM.consistency(old_size, new_size)
    receipt = log.append(old_size, new_size, UNIFORM.root(new_size), proof)
    assert receipt.succeeded
    return receipt.gas_used


@pytest.mark.parametrize(("entries", "most"), [(1_000, 120), (200_000, 1)])
def test_an_entry_on_a_log_of_a_million_costs_at_most(ledger: Ledger, entries: int, most: int) -> None:
    gas = _append_gas(ledger, MILLION, MILLION + entries)
    assert gas / entries <= most
    assert gas <= 90_000


@pytest.mark.parametrize(
    ("old_size", "new_size"),
    [
        (0, 1),
        (1, 2**63),
        (MILLION, MILLION + 1),
        (2**63 - 1, 2**63),  # every level of the old tree is in the proof
        (2**62 + 1, 2**63 - 1),
        (0x5555_5555_5555_5555, 0x5555_5555_5555_5556),
        (2**64 - 3, 2**64 - 1),
    ],
)
def test_the_gas_limit_that_is_signed_always_suffices(ledger: Ledger, old_size: int, new_size: int) -> None:
    proof = UNIFORM.consistency(old_size, new_size) if old_size else []
    assert _append_gas(ledger, old_size, new_size) <= APPEND_GAS + APPEND_GAS_A_NODE * len(proof)


def test_the_first_append_of_an_empty_log(ledger: Ledger) -> None:
    log = ledger.open_log(0, tree.EMPTY_ROOT)
    assert log.append(0, 1_000, UNIFORM.root(1_000), []).gas_used <= 60_000


# The committed table


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; an append has the sizes that it grows from and to."""

    call: str
    nodes: int
    gas: int
    limit: int

    @property
    def sizes(self) -> tuple[int, int]:
        old_size, new_size = (_size(text) for text in self.call.split(" → "))
        return old_size, new_size


def _size(text: str) -> int:
    """`1,000`, `append` 1,000 or 2^64 − 3, with what is said after a comma and a space left out."""
    text = text.replace("`append` ", "").partition(", ")[0].replace(",", "")
    power, _, less = text.partition(" − ")
    base, _, exponent = power.partition("^")
    return int(base) ** int(exponent or 1) - int(less or 0)


def _number(text: str) -> int:
    return int(text.replace(",", "").strip() or 0)


def _rows() -> Iterator[Row]:
    for found in ROW.finditer(TABLE.read_text("utf-8")):
        yield Row(found["call"], _number(found["nodes"]), _number(found["gas"]), _number(found["limit"]))


ROWS = {row.call: row for row in _rows()}


@pytest.mark.parametrize("row", [row for row in ROWS.values() if "→" in row.call], ids=lambda row: row.call)
def test_the_table_says_what_an_append_costs(ledger: Ledger, row: Row) -> None:
    old_size, new_size = row.sizes
    nodes = len(UNIFORM.consistency(old_size, new_size))
    assert row.nodes == nodes
    assert row.limit == APPEND_GAS + APPEND_GAS_A_NODE * nodes
    assert _append_gas(ledger, old_size, new_size) == pytest.approx(row.gas, rel=NEAR)


def test_the_table_says_what_beginning_an_epoch_costs(ledger: Ledger) -> None:
    keys = {"admin_key": ledger.chain.account(), "sequencer_key": secrets.token_bytes(32)}
    Deployer(ledger.rpc_url, **keys).deploy(secrets.token_bytes(32))
    deploy_gas = connect(ledger.rpc_url, 5.0).eth.get_block("latest")["gasUsed"]
    call = ledger.contract.functions.openLog(secrets.token_bytes(32), 0, tree.EMPTY_ROOT, ledger.admin)
    open_gas = ledger.send(ledger.admin_key, call)["gasUsed"]

    assert deploy_gas == pytest.approx(ROWS["deploy"].gas, rel=NEAR)
    assert open_gas == pytest.approx(ROWS["`openLog`"].gas, rel=NEAR)
    assert (ROWS["deploy"].limit, ROWS["`openLog`"].limit) == (DEPLOY_GAS, OPEN_GAS)


STATUS_CALLS = [
    call for call in ROWS if call.startswith("`") and "append" not in call and call != "`openLog`"
]


@pytest.fixture(scope="module")
def status_gas(ledger: Ledger) -> dict[str, tuple[int, int]]:
    """(gas used, limit that is signed) of each call about statuses, by the table's words."""
    register, company = registered(ledger), Key()
    contract, issuer = register.contract, register.account
    measured: dict[str, tuple[int, int]] = {}

    def measure(words: str, by: Key, call: Call) -> None:
        receipt = register.send(by, call)
        assert receipt["status"] == 1
        measured[words] = receipt["gasUsed"], call.gas

    address = Account.from_key(Key().secret).address
    registering = ledger.contract.functions.registerIssuer(secrets.token_bytes(32), address)
    used = ledger.send(ledger.admin_key, registering, gas=REGISTER_GAS)["gasUsed"]
    measured["`registerIssuer`"] = used, REGISTER_GAS
    at = datetime(2024, 1, 1, tzinfo=UTC)
    earlier = [(Key().address, Status(State.CLAIMED, 0, at, company.address)) for _ in range(100)]
    measure("`restore`, 100 invoices", issuer, contract.restore(earlier))
    measure("`openClaims`", issuer, contract.open_claims())
    register.send(Key(), register.claim(company, []))  # its first nonce costs more
    for count in (1, 100):
        words = "1 invoice" if count == 1 else f"{count} invoices"
        keys = [Key() for _ in range(count)]
        measure(f"`claim`, {words}", Key(), register.claim(company, keys))
        measure(f"`release`, {words}", Key(), register.release(company, keys))
    item, claimed = Key(), Key()
    measure("`lock`", issuer, contract.lock(item.address))
    measure("`unlock`", issuer, contract.unlock(item.address))
    register.send(issuer, contract.lock(item.address))
    measure("`credit`", issuer, contract.credit(item.address, NOTE, whole=True))
    register.send(Key(), register.claim(company, [claimed]))
    measure("`creditClaimed`", issuer, register.credit_claimed(company, claimed, whole=False))
    return measured


def test_a_claim_in_a_list_of_a_hundred_costs_at_most_30_000_gas(
    status_gas: dict[str, tuple[int, int]],
) -> None:
    assert status_gas["`claim`, 100 invoices"][0] / 100 <= 30_000


def test_the_table_has_every_call_about_statuses(status_gas: dict[str, tuple[int, int]]) -> None:
    assert set(status_gas) == set(STATUS_CALLS)


@pytest.mark.parametrize("words", STATUS_CALLS)
def test_the_table_says_what_a_status_costs(status_gas: dict[str, tuple[int, int]], words: str) -> None:
    gas, limit = status_gas[words]
    assert gas == pytest.approx(ROWS[words].gas, rel=NEAR)
    assert limit == ROWS[words].limit
    assert gas < limit * 0.8, "a claim that is not free costs less, a chain that prices storage higher more"


def test_no_line_of_the_table_is_passed_over() -> None:
    lines = [line for line in TABLE.read_text("utf-8").splitlines() if line.startswith("|")]
    assert len(ROWS) == len(lines) - 2, "its heading and the rule below that are no calls"
