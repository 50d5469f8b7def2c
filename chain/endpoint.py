"""A chain endpoint as an operator sees it: which chain it is, how late it is, and who has money on it."""

from __future__ import annotations

from datetime import UTC, datetime

from eth_account import Account

from chain.client import ChainIdentity, answering, connect, identity


class Endpoint:
    """Calls that find no answer raise ChainUnavailable."""

    def __init__(self, rpc_url: str, *, timeout_s: float) -> None:
        self._web3 = connect(rpc_url, timeout_s)

    def identity(self) -> ChainIdentity:
        return identity(self._web3)

    @answering
    def block_time(self) -> datetime:
        """Of the newest block, which on an idle chain may be old."""
        return datetime.fromtimestamp(self._web3.eth.get_block("latest")["timestamp"], UTC)

    @answering
    def gas_price(self) -> int:
        """In wei; 0 where nothing is asked."""
        return int(self._web3.eth.gas_price)

    @answering
    def balance_of(self, key: bytes) -> int:
        """What the account of a private key has, in wei."""
        return int(self._web3.eth.get_balance(Account.from_key(key).address))


def address_of(key: bytes) -> str:
    return str(Account.from_key(key).address)
