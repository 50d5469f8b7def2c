"""What the contract tells of invoices, read block by block: the events behind every status.

A node answers by ranges of blocks. An event is named by its transaction and its place among the
transaction's events here: that stays the same where a chain mines the transaction again in another block.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from eth_typing import BlockNumber, HexStr
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import BlockNotFound
from web3.types import FilterParams

from chain.client import answering, connect
from chain.compile import artifact

# The contract's events that change a status, in our words.
CHANGES: Mapping[str, str] = {
    "Claimed": "claimed",
    "Released": "released",
    "Locked": "locked",
    "Unlocked": "unlocked",
    "Credited": "credited",
}


@dataclass(frozen=True, slots=True)
class Block:
    number: int
    hash: bytes
    time: datetime


@dataclass(frozen=True, slots=True)
class StatusEvent:
    """`change` is one of CHANGES; `claimant` 20 bytes of a claim or release; `note` 32 of a credit."""

    tx_hash: bytes
    place: int
    block_number: int
    block_hash: bytes
    change: str
    claim_address: bytes
    claimant: bytes | None
    note: bytes | None
    whole: bool | None


class StatusEvents:
    """One issuer's in one contract. Raises ChainUnavailable."""

    def __init__(self, rpc_url: str, *, address: bytes, issuer_id: bytes, timeout_s: float = 5.0) -> None:
        self._web3 = connect(rpc_url, timeout_s)
        contract = self._web3.eth.contract(address=Web3.to_checksum_address(address), abi=artifact()["abi"])
        self._kinds = {_topic(name): contract.events[name]() for name in CHANGES}
        kinds: list[HexBytes | HexStr] = [HexBytes(topic) for topic in self._kinds]
        self._of: FilterParams = {"address": contract.address, "topics": [kinds, HexBytes(issuer_id)]}

    @answering
    def block_number(self) -> int:
        return int(self._web3.eth.block_number)

    @answering
    def block(self, number: int) -> Block | None:
        """None above the newest."""
        try:
            found = self._web3.eth.get_block(number)
        except BlockNotFound:
            return None
        return Block(number, bytes(found["hash"]), datetime.fromtimestamp(found["timestamp"], UTC))

    @answering
    def between(self, first: int, last: int) -> list[StatusEvent]:
        """Of the blocks `first` to `last`, in their order."""
        asked: FilterParams = {"fromBlock": BlockNumber(first), "toBlock": BlockNumber(last), **self._of}
        found = self._web3.eth.get_logs(asked)
        places: Counter[bytes] = Counter()
        events = []
        for log in sorted(found, key=lambda log: (log["blockNumber"], log["logIndex"])):
            tx_hash = bytes(log["transactionHash"])
            events.append(self._event(log, tx_hash, places[tx_hash]))
            places[tx_hash] += 1
        return events

    def _event(self, log: Any, tx_hash: bytes, place: int) -> StatusEvent:
        told = self._kinds[bytes(log["topics"][0])].process_log(log)
        values = told["args"]
        claimant, note = values.get("claimant"), values.get("note")
        return StatusEvent(
            tx_hash=tx_hash,
            place=place,
            block_number=int(log["blockNumber"]),
            block_hash=bytes(log["blockHash"]),
            change=CHANGES[told["event"]],
            claim_address=bytes(HexBytes(values["claimAddress"])),
            claimant=None if claimant is None else bytes(HexBytes(claimant)),
            note=None if note is None else bytes(note),
            whole=values.get("whole"),
        )


def _topic(event: str) -> bytes:
    """Keccak-256 of the event's signature."""
    told = next(item for item in artifact()["abi"] if item["type"] == "event" and item["name"] == event)
    return bytes(Web3.keccak(text=f"{event}({','.join(argument['type'] for argument in told['inputs'])})"))
