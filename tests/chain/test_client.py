"""The client against real chains, and against endpoints that are gone, slow, broken or hostile."""

from __future__ import annotations

import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from eth_abi import encode
from eth_account import Account
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import MultipleFailedRequests, OffchainLookup

from chain import node
from chain.client import (
    KNOWN,
    NONCE_TOO_LOW,
    REFUSALS,
    UNDERPRICED,
    ChainUnavailable,
    Head,
    LedgerContract,
    NoContract,
    Rejected,
    SignedTransaction,
    connect,
)
from chain.deploy import contract_address
from chain.sender import UNNAMED, Sender
from invoice_service.ledger import tree
from invoice_service.ledger.tree import EMPTY_ROOT
from tests.chain.chains import Chain
from tests.chain.logs import Ledger, Log, deploy_code, mined
from tests.chain.lossy import lossy, nothing


def _client(rpc_url: str, address: bytes = b"\x11" * 20, timeout_s: float = 5.0) -> LedgerContract:
    key = secrets.token_bytes(32)
    return LedgerContract(rpc_url, address=address, log_id=bytes(32), sequencer_key=key, timeout_s=timeout_s)


def _sign(log: Log, *, nonce: int, root: bytes, gas_price: int = 0) -> SignedTransaction:
    return log.client.sign_append(
        nonce=nonce, gas_price=gas_price, old_size=0, new_size=1, new_root=root, proof=[]
    )


# What a chain answers


def test_a_chain_is_told_apart_by_its_genesis(ledger: Ledger) -> None:
    identity = ledger.client(bytes(32)).identity()
    genesis = connect(ledger.rpc_url, 5.0).eth.get_block(0)["hash"]
    assert (identity.chain_id, identity.genesis_hash) == (node.CHAIN_ID, bytes(genesis))


def test_a_receipt_says_where_and_when(ledger: Ledger) -> None:
    log = ledger.open_log(0, EMPTY_ROOT)
    signed = _sign(log, nonce=0, root=b"\x01" * 32)
    assert log.client.receipt(signed.tx_hash) is None
    assert log.client.broadcast(signed.raw) == "accepted"

    receipt = mined(lambda: log.client.receipt(signed.tx_hash))

    block = connect(ledger.rpc_url, 5.0).eth.get_block(receipt.block_number)
    assert receipt.tx_hash == signed.tx_hash
    assert receipt.block_hash == bytes(block["hash"])
    assert receipt.block_time.timestamp() == block["timestamp"]
    assert receipt.succeeded
    assert log.client.block_number() >= receipt.block_number
    assert log.client.next_nonce() == 1


def test_a_refused_append_has_a_receipt_that_says_so(ledger: Ledger) -> None:
    log = ledger.open_log(0, EMPTY_ROOT)
    assert not log.append(7, 8, b"\x01" * 32, []).succeeded


def test_the_same_transaction_is_signed_the_same_way(ledger: Ledger) -> None:
    """What was persisted before a crash is what is sent after it."""
    log = ledger.open_log(0, EMPTY_ROOT)
    assert _sign(log, nonce=0, root=b"\x01" * 32) == _sign(log, nonce=0, root=b"\x01" * 32)


def test_a_client_serves_several_threads(ledger: Ledger) -> None:
    log = ledger.open_log(0, EMPTY_ROOT)
    answers: list[Any] = []

    def ask() -> None:
        for _ in range(20):
            answers.append(log.client.head())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [log.client.head()] * 80


def test_no_contract_at_the_address(chain: Chain) -> None:
    client = _client(chain.rpc_url)
    for ask in (client.epoch_nonce, client.head, lambda: client.anchored_at(bytes(32))):
        with pytest.raises(NoContract):
            ask()


# What a node says when it refuses: on a real one, and in the words of the others


PAUSES = {
    "anvil": (("evm_setAutomine", False), ("evm_setAutomine", True)),
    "ganache": (("miner_stop",), ("miner_start",)),
    "hardhat": (("evm_setAutomine", False), ("evm_setAutomine", True)),
}


@pytest.fixture
def begun(ledger: Ledger) -> Log:
    """A log whose sequencer sent a transaction before.

    Ganache mistakes a signed nonce of 0 for none, gives the transaction the next, and runs it as often as it
    is sent. The contract takes a head only once all the same, but no refusal is to be had that way.
    """
    log = ledger.open_log(0, EMPTY_ROOT)
    assert log.append(0, 1, b"\x01" * 32, []).succeeded
    return log


@pytest.fixture
def waiting(chain: Chain, begun: Log) -> Iterator[tuple[Chain, Log]]:
    """A chain that makes no block for a while, so that transactions can be sent twice and replaced."""
    stop, go_on = PAUSES[chain.name]
    chain.ask(*stop)
    yield chain, begun
    chain.ask(*go_on)


def test_a_pending_transaction_sent_again_is_known_and_one_at_the_same_price_is_underpriced(
    waiting: tuple[Chain, Log],
) -> None:
    chain, log = waiting
    chain.give_money(log.sequencer_key)

    def sign(gas_price: int, root: bytes) -> bytes:
        return _sign(log, nonce=1, root=root, gas_price=gas_price).raw

    assert log.client.broadcast(sign(1_000, b"\x02" * 32)) == "accepted"
    again = UNDERPRICED if chain.name == "ganache" else KNOWN  # Ganache compares prices only
    assert log.client.broadcast(sign(1_000, b"\x02" * 32)) == again
    assert log.client.broadcast(sign(1_000, b"\x03" * 32)) == UNDERPRICED
    assert log.client.broadcast(sign(1_125, b"\x03" * 32)) == "accepted"
    assert log.client.next_nonce() == 1, "nothing more is mined yet"


def test_a_spent_nonce_is_too_low(begun: Log) -> None:
    assert not begun.append(0, 1, b"\x01" * 32, []).succeeded, "a transaction all the same"
    assert begun.client.broadcast(_sign(begun, nonce=1, root=b"\x01" * 32).raw) == NONCE_TOO_LOW


def test_an_account_without_money_is_rejected_where_gas_costs(ledger: Ledger) -> None:
    log = ledger.open_log(0, EMPTY_ROOT)
    with pytest.raises(Rejected, match=r"(?i)funds"):
        log.client.broadcast(_sign(log, nonce=0, root=b"\x01" * 32, gas_price=10**9).raw)


WORDINGS = [
    ("geth", "already known", KNOWN),
    ("geth", "nonce too low: next nonce 5, tx nonce 4", NONCE_TOO_LOW),
    ("geth", "replacement transaction underpriced", UNDERPRICED),
    ("geth", "transaction underpriced: tip needed 1000000, tip permitted 0", UNDERPRICED),
    ("anvil", "transaction already imported", KNOWN),
    ("anvil", "nonce too low", NONCE_TOO_LOW),
    ("besu", "Known transaction", KNOWN),
    ("besu", "Nonce too low", NONCE_TOO_LOW),
    ("besu", "Replacement transaction underpriced", UNDERPRICED),
    ("hardhat", "Known transaction: 0x1f", KNOWN),
    ("hardhat", "Nonce too low. Expected nonce to be 3 but got 2.", NONCE_TOO_LOW),
    ("ganache", "the tx doesn't have the correct nonce. account has nonce of: 2", NONCE_TOO_LOW),
    ("openethereum", "Transaction nonce is too low. Try incrementing the nonce.", NONCE_TOO_LOW),
]  # fmt: skip


@pytest.mark.parametrize(("client", "wording", "meaning"), WORDINGS)
def test_every_client_is_understood(client: str, wording: str, meaning: str) -> None:
    with _endpoint({"error": {"code": -32000, "message": wording}}) as url:
        assert _client(url).broadcast(b"\x01") == meaning


def test_no_wording_is_in_the_table_that_no_client_uses() -> None:
    said = [wording.lower() for _client, wording, _meaning in WORDINGS]
    assert [wording for wording in REFUSALS if not any(wording in one for one in said)] == []


@pytest.mark.parametrize("wording", ["exceeds block gas limit", "Unknown transaction type: 2"])
def test_another_refusal_keeps_the_nodes_words(wording: str) -> None:
    with _endpoint({"error": {"code": -32000, "message": wording}}) as url:
        client = _client(url)
        with pytest.raises(Rejected, match=wording):
            client.broadcast(b"\x01")


# Chains that do not answer


@contextmanager
def _endpoint(answer: object, status: int = 200) -> Iterator[str]:
    """An endpoint of ours that answers every request alike; bytes are sent as they are."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = answer
            if isinstance(answer, dict):
                body = json.dumps({"jsonrpc": "2.0", "id": request["id"], **answer}).encode()
            assert isinstance(body, bytes)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _refuses_every_question(client: LedgerContract) -> None:
    for ask in (
        client.identity,
        client.head,
        client.block_number,
        client.next_nonce,
        client.gas_price,
        lambda: client.receipt(bytes(32)),
        lambda: client.anchored_at(bytes(32)),
        lambda: client.broadcast(b"\x01"),
    ):
        with pytest.raises(ChainUnavailable):
            ask()


def test_nobody_listens(free_port: Callable[[], int]) -> None:
    _refuses_every_question(_client(f"http://127.0.0.1:{free_port()}"))


@pytest.mark.parametrize(
    "answer",
    [b"<html>Bad gateway</html>", b"{}", b"[]", b"", b'{"jsonrpc":"2.0","id":0,"result":{}}'],
    ids=repr,
)
def test_something_else_listens(answer: bytes) -> None:
    with _endpoint(answer) as url:
        _refuses_every_question(_client(url))


@pytest.mark.parametrize("status", [403, 429, 500, 502, 503])
def test_an_error_of_http_is_no_answer_even_with_one_in_it(status: int) -> None:
    """A proxy that keeps a stale answer, or a provider that wants to be paid."""
    with _endpoint({"result": "0x1"}, status) as url:
        _refuses_every_question(_client(url))


@pytest.mark.parametrize("error", [
    {"code": -32603, "message": "Internal error", "data": None},
    {"code": -32603, "message": "Internal error", "data": {"reason": "busy"}},
    {"code": -32005, "message": "rate limited", "data": "ask again in a second"},
    {"code": -32000, "message": "header not found"},
])  # fmt: skip
def test_a_nodes_own_failure_is_no_word_of_the_contract(error: dict[str, Any]) -> None:
    """Or a node's bad moment would end an epoch, or refuse a company's claim."""
    with _endpoint({"error": error}) as url:
        sender = Sender(url, contract=b"\x11" * 20, key=secrets.token_bytes(32))
        for ask in (_client(url).epoch_nonce, _client(url).head, lambda: sender.refusal(b"", 21_000)):
            with pytest.raises(ChainUnavailable):
                ask()


@pytest.mark.parametrize("error", [
    {"code": 3, "message": "execution reverted", "data": "0x"},
    {"code": 3, "message": "execution reverted: no", "data": "0x11223344"},
    {"code": -32000, "message": "execution reverted"},
    {"code": -32603, "message": "VM Exception while processing transaction: reverted with custom error",
     "data": {"data": "0x11223344"}},
])  # fmt: skip
def test_what_a_contract_refuses_is_told_apart_from_it(error: dict[str, Any]) -> None:
    with _endpoint({"error": error}) as url:
        sender = Sender(url, contract=b"\x11" * 20, key=secrets.token_bytes(32))
        assert sender.refusal(b"", 21_000) == UNNAMED
        with pytest.raises(NoContract):
            _client(url).epoch_nonce()


def test_a_chain_that_hangs_is_given_up_in_time() -> None:
    """It takes the connection and never answers: nobody knows whether it took what was sent."""
    timeout_s = 0.1
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = _client(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=timeout_s)
        began = time.monotonic()
        _refuses_every_question(client)
        assert time.monotonic() - began < 8 * timeout_s + 3, "eight questions, each asked once"


def test_threat_16_an_append_whose_reply_was_lost_is_taken_once(ledger: Ledger, begun: Log) -> None:
    root = tree.node_hash(b"\x01" * 32, b"\x02" * 32)  # of two entries, the first of them there already
    signed = begun.client.sign_append(
        nonce=1, gas_price=0, old_size=1, new_size=2, new_root=root, proof=[b"\x02" * 32]
    )
    with lossy(ledger.rpc_url) as line:
        line.loses = lambda method, _count: method == "eth_sendRawTransaction"
        client = LedgerContract(line.url, address=ledger.address, log_id=begun.id)
        with pytest.raises(ChainUnavailable):
            client.broadcast(signed.raw)
        receipt = mined(lambda: client.receipt(signed.tx_hash))

        line.loses = nothing
        assert client.broadcast(signed.raw) == NONCE_TOO_LOW, "and the receipt says by whom"
        assert client.receipt(signed.tx_hash) == receipt
        assert client.head() == Head(2, root)


# Threat 15

LURE = "http://169.254.169.254/{sender}/{data}"


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The lookups that web3.py sets out to follow, noted instead of fetched."""
    lookups: list[Any] = []

    def note(lookup: Any, *_arguments: Any, **_options: Any) -> None:
        lookups.append(lookup["urls"])
        raise MultipleFailedRequests("noted")

    monkeypatch.setattr("web3.eth.eth.handle_offchain_lookup", note)
    return lookups


def _deploy_hostile(rpc_url: str, lure: str) -> bytes:
    """A contract that answers every call with an EIP-3668 OffchainLookup: "ask this URL for me"."""
    key = secrets.token_bytes(32)
    address = contract_address(Account.from_key(key).address, 0)
    lookup = Web3.keccak(text="OffchainLookup(address,string[],bytes,bytes4,bytes)")[:4] + encode(
        ["address", "string[]", "bytes", "bytes4", "bytes"],
        [Web3.to_checksum_address(address), [lure], b"\x01", b"\x02" * 4, b""],
    )
    size = len(lookup).to_bytes(2, "big")
    # PUSH2 size, PUSH1 offset, PUSH1 0, CODECOPY, PUSH2 size, PUSH1 0, REVERT; then what is thrown.
    runtime = b"\x61" + size + bytes.fromhex("600e60003961") + size + bytes.fromhex("6000fd") + lookup
    return deploy_code(rpc_url, key, runtime)


def test_threat_15_a_hostile_contract_cannot_make_us_fetch_something(
    chain: Chain, followed: list[Any]
) -> None:
    """web3.py CVE-2026-40072: CCIP-read follows a URL that a contract names, into our own network."""
    client = _client(chain.rpc_url, _deploy_hostile(chain.rpc_url, LURE))
    for ask in (
        client.epoch_nonce,
        client.head,
        lambda: client.anchored_at(bytes(32)),
        lambda: client.verify_inclusion(bytes(32), bytes(32), 0, []),
    ):
        with pytest.raises(NoContract):
            ask()
    assert followed == []


def test_threat_15_web3_as_it_comes_would_fetch_it(chain: Chain, followed: list[Any]) -> None:
    """So that the test above can fail: the same contract, asked without our settings."""
    address = Web3.to_checksum_address(_deploy_hostile(chain.rpc_url, LURE))
    with pytest.raises(MultipleFailedRequests):
        Web3(Web3.HTTPProvider(chain.rpc_url)).eth.call({"to": address, "data": HexBytes("0x01")})
    assert followed == [(LURE,)]


def test_threat_15_it_is_off_for_every_call_of_a_connection(chain: Chain, followed: list[Any]) -> None:
    address = Web3.to_checksum_address(_deploy_hostile(chain.rpc_url, LURE))
    with pytest.raises(OffchainLookup):
        connect(chain.rpc_url, 5.0).eth.call({"to": address, "data": HexBytes("0x01")})
    assert followed == []
