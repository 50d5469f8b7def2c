"""Gas on Anvil: an entry in heads of two widths, an invoice in a list of claims, and what others pay.

To compare with: one transaction an invoice, with its hash as data, and the root of a batch (as of
`@openzeppelin/merkle-tree`) in the cheapest contract that remembers one. That contract takes any root from
anybody; ours takes only one that is proven to continue the log, and the difference is the price of that.
"""

from __future__ import annotations

import secrets

from eth_account import Account
from web3 import HTTPProvider, Web3

from chain import deploy, node
from scripts.benchmarks import tutorial
from scripts.benchmarks.report import Report
from scripts.lib.addresses import free_port
from tests.chain.logs import Ledger, deploy_code
from tests.chain.registers import IssuersRegister, Key, registered
from tests.chain.trees import uniform

BEFORE, HEADS, CLAIMS = 1_000_000, (1_000, 200_000), 100
# TIMESTAMP, PUSH1 0, CALLDATALOAD, SSTORE, STOP: the 32 bytes that come are remembered with the time.
REMEMBERS_A_ROOT = bytes.fromhex("426000355500")
TREE = uniform()


def measure(runs: int) -> Report:
    report = Report(f"Gas, on a log of {BEFORE:,} entries")
    running = node.start(port=free_port())
    try:
        ledger = _deployed(running.rpc_url)
        register, company = _open_for_claims(ledger), Key()
        for run in range(runs):
            figures = _heads(ledger, running.rpc_url, run)
            figures[f"an invoice in a list of {CLAIMS} claims"] = _claim(register, company) / CLAIMS
            report.add(figures)
    finally:
        running.stop()
    return report


def _deployed(rpc_url: str) -> Ledger:
    admin, sequencer, nonce = (secrets.token_bytes(32) for _ in range(3))
    deployer = deploy.Deployer(rpc_url, admin_key=admin, sequencer_key=sequencer)
    return Ledger(rpc_url, deployer.deploy(nonce), admin, nonce)


def _heads(ledger: Ledger, rpc_url: str, run: int) -> dict[str, float]:
    bare_root, one_each = _others(rpc_url)
    figures = {"one transaction an invoice": float(one_each)}
    for width in HEADS:
        append = _append(ledger, run, width)
        figures[f"an entry, {width:,} a head"] = append / width
        figures[f"an entry, {width:,} under a bare root"] = bare_root / width
        figures[f"ours, times a bare root, {width:,} a head"] = append / bare_root
        figures[f"one transaction an invoice, times ours, {width:,} a head"] = one_each * width / append
    return figures


def _append(ledger: Ledger, run: int, width: int) -> int:
    """One head, each run from another size: the longer the proof, the more gas."""
    old_size = BEFORE + run * HEADS[0]
    log = ledger.open_log(old_size, TREE.root(old_size))
    new_size = old_size + width
    receipt = log.append(old_size, new_size, TREE.root(new_size), TREE.consistency(old_size, new_size))
    if not receipt.succeeded:
        raise RuntimeError("the contract refused a head")
    return receipt.gas_used


def _open_for_claims(ledger: Ledger) -> IssuersRegister:
    register = registered(ledger)
    register.send(register.account, register.contract.open_claims())
    return register


def _claim(register: IssuersRegister, company: Key) -> int:
    receipt = register.send(Key(), register.claim(company, [Key() for _ in range(CLAIMS)]))
    if len(register.events(receipt)) != CLAIMS:
        raise RuntimeError("the contract refused a claim")
    return receipt["gasUsed"]


def _others(rpc_url: str) -> tuple[int, int]:
    """Gas of remembering a bare root, and of one transaction with a hash as data."""
    keeper = Web3.to_checksum_address(deploy_code(rpc_url, Key().secret, REMEMBERS_A_ROOT))
    web3, account = Web3(HTTPProvider(rpc_url)), Account.create()
    bare_root = tutorial.send(web3, account, 0, keeper, secrets.token_bytes(32))
    return bare_root, tutorial.send(web3, account, 1, account.address, secrets.token_bytes(32))
