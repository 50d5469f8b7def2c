"""Deploying and opening, done again after a crash at any point, change nothing."""

from __future__ import annotations

import secrets

import pytest
from eth_account import Account

from chain.client import ChainUnavailable, Head, LedgerContract, connect
from chain.deploy import Deployer, contract_address
from chain.statuses import Register, StatusContract
from invoice_service.ledger.tree import EMPTY_ROOT
from tests.chain.chains import Chain
from tests.chain.logs import deploy_code
from tests.chain.lossy import Lossy, lossy

MOST_QUESTIONS = 60
SENDING = "eth_sendRawTransaction"


@pytest.fixture
def deployer(chain: Chain) -> Deployer:
    return _deployer(chain, chain.account())


def _deployer(chain: Chain, admin: bytes) -> Deployer:
    return Deployer(chain.rpc_url, admin_key=admin, sequencer_key=secrets.token_bytes(32))


def test_deploying_again_finds_the_contract_that_carries_the_nonce(deployer: Deployer) -> None:
    nonce = secrets.token_bytes(32)
    assert deployer.deploy(nonce) == deployer.deploy(nonce)


def test_a_deployment_whose_record_was_lost_is_found_by_its_nonce(chain: Chain) -> None:
    """The process died between the receipt and its record, and another epoch was begun since."""
    admin, lost, later = chain.account(), secrets.token_bytes(32), secrets.token_bytes(32)
    first = _deployer(chain, admin)
    address = first.deploy(lost)
    first.open_log(first.deploy(later), secrets.token_bytes(32), 0, EMPTY_ROOT)

    assert _deployer(chain, admin).deploy(lost) == address


def test_another_nonce_is_another_contract(deployer: Deployer) -> None:
    assert deployer.deploy(secrets.token_bytes(32)) != deployer.deploy(secrets.token_bytes(32))


def test_a_stranger_who_copies_the_nonce_is_not_mistaken_for_us(chain: Chain) -> None:
    nonce = secrets.token_bytes(32)
    theirs = _deployer(chain, chain.account()).deploy(nonce)
    assert _deployer(chain, chain.account()).deploy(nonce) != theirs


def test_a_contract_stands_where_account_and_count_say(chain: Chain) -> None:
    admin = chain.account()
    assert _deployer(chain, admin).deploy(secrets.token_bytes(32)) == contract_address(
        Account.from_key(admin).address, 0
    )


def test_opening_a_log_again_leaves_it_as_it_is(chain: Chain) -> None:
    admin, sequencer, log_id = chain.account(), secrets.token_bytes(32), secrets.token_bytes(32)
    deployer = Deployer(chain.rpc_url, admin_key=admin, sequencer_key=sequencer)
    contract = deployer.deploy(secrets.token_bytes(32))
    client = LedgerContract(chain.rpc_url, address=contract, log_id=log_id, sequencer_key=sequencer)

    deployer.open_log(contract, log_id, 0, EMPTY_ROOT)
    spent = connect(chain.rpc_url, 5.0).eth.get_transaction_count(Account.from_key(admin).address)
    deployer.open_log(contract, log_id, 0, EMPTY_ROOT)

    assert client.head() == Head(0, EMPTY_ROOT)
    assert connect(chain.rpc_url, 5.0).eth.get_transaction_count(Account.from_key(admin).address) == spent


def test_threat_16_a_reply_lost_at_any_question_leaves_one_contract_one_log_and_one_issuer(
    chain: Chain,
) -> None:
    """Each reply in turn is lost after the chain did what was asked. Beginning again finds what there is.

    On the slower chains only the replies that matter most: those to a transaction that was sent.
    """
    with lossy(chain.rpc_url) as line:
        for unlucky in range(MOST_QUESTIONS):
            if _survives_the_loss_of(line, chain, unlucky):
                break
        else:
            raise AssertionError("no run got through")
    assert SENDING in line.lost


def test_threat_16_a_log_whose_opening_was_never_confirmed_is_opened_once(chain: Chain) -> None:
    keys = {"admin_key": chain.account(), "sequencer_key": secrets.token_bytes(32)}
    direct, log_id = Deployer(chain.rpc_url, **keys), secrets.token_bytes(32)
    contract = direct.deploy(secrets.token_bytes(32))
    with lossy(chain.rpc_url) as line:
        line.loses = lambda method, _count: method == SENDING
        with pytest.raises(ChainUnavailable):
            Deployer(line.url, **keys).open_log(contract, log_id, 0, EMPTY_ROOT)

    direct.open_log(contract, log_id, 0, EMPTY_ROOT)

    assert LedgerContract(chain.rpc_url, address=contract, log_id=log_id).head() == Head(0, EMPTY_ROOT)


def _survives_the_loss_of(line: Lossy, chain: Chain, unlucky: int) -> bool:
    """Begin an epoch over a line that loses one reply, then again over a good one. Whether none was lost."""
    admin, relayer = chain.account(), chain.account()
    sequencer, log_id, nonce = (secrets.token_bytes(32) for _ in range(3))
    begins = len(line.asked)

    def may_be_lost(method: str) -> bool:
        return chain.name == "anvil" or method == SENDING

    def loses(method: str, count: int) -> bool:
        return may_be_lost(method) and sum(map(may_be_lost, line.asked[begins:count])) == unlucky

    line.loses = loses
    try:
        _begin(Deployer(line.url, admin_key=admin, sequencer_key=sequencer), nonce, log_id, relayer)
        lost_nothing = True
    except ChainUnavailable:
        lost_nothing = False
    direct = Deployer(chain.rpc_url, admin_key=admin, sequencer_key=sequencer)
    contract = _begin(direct, nonce, log_id, relayer)

    addresses = [Account.from_key(key).address for key in (admin, relayer)]
    assert contract == contract_address(addresses[0], 0)
    sent = [connect(chain.rpc_url, 5.0).eth.get_transaction_count(address) for address in addresses]
    assert sent == [3, 1]
    assert StatusContract(chain.rpc_url, address=contract, issuer_id=log_id).register() is Register.OPEN
    client = LedgerContract(chain.rpc_url, address=contract, log_id=log_id)
    assert (client.epoch_nonce(), client.head()) == (nonce, Head(0, EMPTY_ROOT))
    return lost_nothing


def _begin(deployer: Deployer, nonce: bytes, log_id: bytes, relayer: bytes) -> bytes:
    """The issuer bears the log's name here."""
    contract = deployer.deploy(nonce)
    deployer.open_log(contract, log_id, 0, EMPTY_ROOT)
    deployer.register(contract, log_id, relayer)
    deployer.open_claims(contract, log_id, relayer)
    return contract


def test_other_code_at_an_address_of_ours_is_passed_over(chain: Chain) -> None:
    """The admin's account once made something else; it reverts, or answers nothing."""
    admin = chain.account()
    reverting, silent = bytes.fromhex("60006000fd"), b"\x00"
    for runtime in (reverting, silent):
        deploy_code(chain.rpc_url, admin, runtime)

    ours = contract_address(Account.from_key(admin).address, 2)
    assert _deployer(chain, admin).deploy(secrets.token_bytes(32)) == ours


def test_a_chain_that_is_down_is_a_connection_error(free_port: object) -> None:
    deployer = Deployer(
        f"http://127.0.0.1:{free_port()}",  # type: ignore[operator]
        admin_key=secrets.token_bytes(32),
        sequencer_key=secrets.token_bytes(32),
    )
    for call in (deployer.identity, lambda: deployer.deploy(bytes(32))):
        with pytest.raises(ChainUnavailable):
            call()
