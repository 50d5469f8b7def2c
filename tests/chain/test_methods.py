"""Whatever chain is named by its URL, it is asked by the methods that every chain has: eth_, net_ and web3_.

Only `chain/node.py`, which runs Anvil, speaks Anvil's own. Shown twice: no other method is written anywhere
in what is shipped, and none arrives at the chain when everything the clients offer is done.
"""

from __future__ import annotations

import ast
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.client import LedgerContract
from chain.deploy import Deployer
from chain.events import StatusEvents
from chain.sender import Sender
from chain.statuses import StatusContract
from invoice_service.ledger.tree import EMPTY_ROOT
from scripts.lib.paths import ROOT
from tests.chain.chains import Chain
from tests.chain.lossy import lossy
from tests.chain.registers import Key

STANDARD = ("eth_", "net_", "web3_")
SHIPPED = ("invoice_service", "chain", "scripts")
# The prefixes of what nodes offer besides, and the ways past web3.py's own methods.
METHOD = re.compile(
    r"(?:admin|anvil|bor|clique|debug|eea|engine|erigon|evm|ganache|hardhat|ibft|miner|ots|parity|perm|personal"
    r"|priv|qbft|trace|txpool)_[a-z]+[A-Z]\w*|evm_\w+|(?:anvil|miner|personal|txpool|qbft|hardhat)_\w+"
)
WAYS_PAST = {"make_request", "request_blocking", "geth", "tracing", "attach_methods"}


def of_python(text: str) -> Iterator[str]:
    """Methods named by a string, and attributes of web3.py that ask for any."""
    for item in ast.walk(ast.parse(text)):
        if isinstance(item, ast.Constant) and isinstance(item.value, str) and METHOD.fullmatch(item.value):
            yield item.value
        if isinstance(item, ast.Attribute) and item.attr in WAYS_PAST:
            yield item.attr


def of_javascript(text: str) -> Iterator[str]:
    yield from (word for word in re.findall(r"[\"'`](\w+)[\"'`]", text) if METHOD.fullmatch(word))


def files() -> Iterator[Path]:
    for folder in SHIPPED:
        for kind in ("*.py", "*.js", "*.mjs"):
            yield from (path for path in (ROOT / folder).rglob(kind) if "dist" not in path.parts)


def named_in(path: Path) -> list[str]:
    text = path.read_text("utf-8")
    return list(of_python(text) if path.suffix == ".py" else of_javascript(text))


def test_no_other_method_is_written_anywhere_but_where_anvil_is_run() -> None:
    found = {str(path.relative_to(ROOT)): names for path in files() if (names := named_in(path))}
    assert found == {"chain/node.py": ["anvil_dumpState"]}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('web3.provider.make_request("evm_mine", [])', ["make_request", "evm_mine"]),
        ('node.call("debug_traceTransaction", admin_key, "eth_call")', ["debug_traceTransaction"]),
        ("x = web3.geth.txpool.content()", ["geth"]),
    ],
)
def test_another_method_would_be_noticed(text: str, names: list[str]) -> None:
    assert sorted(of_python(text)) == sorted(names)
    assert list(of_javascript('ask("anvil_mine"); ask("eth_call")')) == ["anvil_mine"]


def test_all_that_the_clients_do_is_asked_in_methods_that_every_chain_has(chain: Chain) -> None:
    admin, relayer, company = chain.account(), chain.account(), Key()
    sequencer, name, nonce = (secrets.token_bytes(32) for _ in range(3))
    with lossy(chain.rpc_url) as line:
        deployer = Deployer(line.url, admin_key=admin, sequencer_key=sequencer)
        contract = deployer.deploy(nonce)
        assert deployer.deploy(nonce) == contract
        deployer.open_log(contract, name, 0, EMPTY_ROOT)
        assert deployer.opened_in(contract, name, 0).block_number <= deployer.block_number()
        deployer.register(contract, name, relayer)
        deployer.open_claims(contract, name, relayer)
        log = LedgerContract(line.url, address=contract, log_id=name, sequencer_key=sequencer)
        _anchor(log)
        statuses = StatusContract(line.url, address=contract, issuer_id=name)
        lock = statuses.lock(company.address)
        assert statuses.send(relayer, lock).succeeded
        sender = Sender(line.url, contract=contract, key=relayer)
        assert sender.refusal(lock.data, lock.gas) == "WrongState"
        events = StatusEvents(line.url, address=contract, issuer_id=name)
        assert [event.change for event in events.between(0, events.block_number())] == ["locked"]
        events.block(0)
        assert (statuses.domain().contract, statuses.nonce_of(company.address)) == (contract, 0)
        statuses.status_of(company.address)
    assert {method for method in line.asked if not method.startswith(STANDARD)} == set()
    assert {"eth_sendRawTransaction", "eth_getTransactionReceipt", "eth_call"} <= set(line.asked)


def _anchor(log: LedgerContract) -> None:
    signed = log.sign_append(
        nonce=log.next_nonce(),
        gas_price=0,
        old_size=0,
        new_size=1,
        new_root=b"\x01" * 32,
        proof=[],
    )
    assert log.broadcast(signed.raw) == "accepted"
    log.receipt(signed.tx_hash)
    log.identity(), log.epoch_nonce(), log.head(), log.block_number(), log.gas_price()
    log.verify_inclusion(b"\x01" * 32, b"\x01" * 32, 0, [])
