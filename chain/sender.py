"""An account that sends transactions to one contract: it signs, broadcasts, and looks what became of them.

Signing and sending are apart, so that what was signed can be kept before it is sent. Before it signs, it can
ask the chain what a call would do: a call that would be refused costs nothing that way.
"""

from __future__ import annotations

from functools import cache

from eth_account import Account
from web3 import Web3
from web3.exceptions import BlockNotFound, ContractLogicError, Web3RPCError

from chain.client import Receipt, SignedTransaction, answering, broadcast, connect, is_revert, receipt
from chain.compile import artifact

UNNAMED = "Refused"  # a revert without one of our contract's errors


class Sender:
    """`key` is secp256k1, 32 bytes; `contract` 20 bytes. What asks the chain raises ChainUnavailable."""

    def __init__(self, rpc_url: str, *, contract: bytes, key: bytes, timeout_s: float = 5.0) -> None:
        self._web3 = connect(rpc_url, timeout_s)
        self._contract = Web3.to_checksum_address(contract)
        self._account = Account.from_key(key)
        self._chain_id: int | None = None

    @answering
    def block_number(self) -> int:
        return int(self._web3.eth.block_number)

    @answering
    def next_nonce(self) -> int:
        """By what is mined."""
        return int(self._web3.eth.get_transaction_count(self._account.address, "latest"))

    @answering
    def gas_price(self) -> int:
        """In wei."""
        return int(self._web3.eth.gas_price)

    @answering
    def refusal(self, data: bytes, gas: int) -> str | None:
        """The name of the contract's error with which it would refuse this call now; None if it would not."""
        call = {"from": self._account.address, "to": self._contract, "data": data, "gas": gas}
        try:
            self._web3.eth.call(call, "latest", ccip_read_enabled=False)  # type: ignore[arg-type]
        except (ContractLogicError, Web3RPCError) as error:
            if not is_revert(error):
                raise
            return error_names().get(str(getattr(error, "data", ""))[2:10], UNNAMED)
        return None

    def sign(self, data: bytes, *, gas: int, nonce: int, gas_price: int) -> SignedTransaction:
        """A legacy transaction: every EVM chain takes it, zero-fee ones included."""
        signed = self._account.sign_transaction(
            {
                "chainId": self._known_chain_id(),
                "to": self._contract,
                "nonce": nonce,
                "gas": gas,
                "gasPrice": gas_price,
                "value": 0,
                "data": data,
            }
        )
        return SignedTransaction(nonce, bytes(signed.raw_transaction), bytes(signed.hash), gas_price)

    def broadcast(self, raw: bytes) -> str:
        """ "accepted", "known", "nonce_too_low" or "underpriced". Raises ChainUnavailable, Rejected."""
        return broadcast(self._web3, raw)

    @answering
    def block_hash(self, number: int) -> bytes | None:
        """None above the newest."""
        try:
            return bytes(self._web3.eth.get_block(number)["hash"])
        except BlockNotFound:
            return None

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        return receipt(self._web3, tx_hash)

    @answering
    def _known_chain_id(self) -> int:
        if self._chain_id is None:
            self._chain_id = int(self._web3.eth.chain_id)
        return self._chain_id


@cache
def error_names() -> dict[str, str]:
    """The contract's custom errors by the first four bytes of their signatures' hashes, in hex."""
    errors = [item for item in artifact()["abi"] if item["type"] == "error"]
    signatures = {
        f"{error['name']}({','.join(argument['type'] for argument in error['inputs'])})": error["name"]
        for error in errors
    }
    return {bytes(Web3.keccak(text=signed))[:4].hex(): name for signed, name in signatures.items()}
