"""Gas per ledger entry at a thousand entries a head, on a log that has a million already."""

from __future__ import annotations

import hashlib
import secrets
import time

from chain import deploy, node
from chain.client import LedgerContract
from invoice_service.ledger import tree
from scripts.benchmarks.report import Report
from scripts.lib.addresses import free_port

BEFORE, A_HEAD = 1_000_000, 1_000
MINED_WITHIN_S = 30


def measure(runs: int) -> Report:
    report = Report(f"Gas, {A_HEAD:,} entries a head after {BEFORE:,}")
    tiles: dict[tuple[int, int], bytes] = {}
    leaves = [hashlib.sha256(n.to_bytes(8, "big")).digest() for n in range(BEFORE + runs * A_HEAD)]
    for tile in tree.extend(0, leaves, lambda level, index: tiles[level, index]):
        tiles[tile.level, tile.index] = tile.hashes
    running = node.start(port=free_port())
    try:
        for gas in _append(running.rpc_url, tiles, runs):
            report.add({"gas an append": gas, "gas an entry": gas / A_HEAD})
    finally:
        running.stop()
    return report


def _append(rpc_url: str, tiles: dict[tuple[int, int], bytes], runs: int) -> list[int]:
    def read(level: int, index: int) -> bytes:
        return tiles[level, index]

    admin, sequencer, log_id = (secrets.token_bytes(32) for _ in range(3))
    deployer = deploy.Deployer(rpc_url, admin_key=admin, sequencer_key=sequencer)
    address = deployer.deploy(secrets.token_bytes(32))
    deployer.open_log(address, log_id, BEFORE, tree.root(BEFORE, read))
    contract = LedgerContract(rpc_url, address=address, log_id=log_id, sequencer_key=sequencer)
    used = []
    for run in range(runs):
        old, new = BEFORE + run * A_HEAD, BEFORE + (run + 1) * A_HEAD
        proof = tree.consistency_proof(old, new, read)
        root = tree.root(new, read)
        signed = contract.sign_append(
            nonce=run, gas_price=0, old_size=old, new_size=new, new_root=root, proof=proof
        )
        contract.broadcast(signed.raw)
        used.append(_gas_used(contract, signed.tx_hash))
    return used


def _gas_used(contract: LedgerContract, tx_hash: bytes) -> int:
    """The node mines a moment after it has taken the transaction, so the receipt is asked for again."""
    ends_at_s = time.monotonic() + MINED_WITHIN_S
    while (receipt := contract.receipt(tx_hash)) is None:
        if time.monotonic() > ends_at_s:
            raise RuntimeError(f"a head was not mined within {MINED_WITHIN_S} s")
        time.sleep(0.005)
    if not receipt.succeeded:
        raise RuntimeError("the contract refused a head")
    return receipt.gas_used
