"""Every way in which the contract refuses, read from its sources, is met by a call here.

The sources say which errors each external function can end in, also by way of the private ones it calls.
A `revert` that is added without its line in `refusals` fails the first test; one that is lost, its own.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from eth_account import Account
from web3 import Web3

from chain import compile as contract_compiler
from chain import node
from chain.compile import artifact
from chain.statuses import Call, Signature, State, Status
from invoice_service.ledger import tree
from tests.chain.logs import Ledger, Log, create, refused_with
from tests.chain.registers import FAR, NOBODY, NOTE, IssuersRegister, Key, registered
from tests.chain.trees import leaves, tree_of

ENTRIES = tree_of(leaves(20))
NULL = "0x" + "00" * 20
NO_ROLE = "AccessControlUnauthorizedAccount"
NO_SIGNATURE = Signature(bytes(32), bytes(32))
UPPER_HALF = Signature(b"\x01" * 32, b"\x7f" + b"\xff" * 31)  # a good signature has a twin there

# What the sources say

FUNCTION = re.compile(r"^    (?:function (\w+)|(constructor))(\([^)]*\)[^{;]*)\{(.*?)^    \}", re.M | re.S)
LIBRARY = {"recover": {"ECDSAInvalidSignature", "ECDSAInvalidSignatureS"}, "onlyRole": {NO_ROLE}}
# Its length is fixed where a signature is two words.
UNREACHABLE = {"ECDSAInvalidSignatureLength"}


def sources() -> dict[str, str]:
    """Without comments."""
    texts = {path.stem: path.read_text("utf-8") for path in contract_compiler.SOURCES.glob("*.sol")}
    return {name: re.sub(r"//.*", "", text) for name, text in texts.items()}


def functions() -> dict[str, tuple[bool, str]]:
    """By name: whether it is called from outside, and its head and body."""
    found = {}
    for text in sources().values():
        for name, constructor, head, body in FUNCTION.findall(text):
            is_outside = bool(constructor) or re.search(r"\b(external|public)\b", head) is not None
            if body.strip():  # the leaf's constructor only names its parent's
                found[name or constructor] = is_outside, head + body
    return found


def errors_of(name: str, known: dict[str, tuple[bool, str]]) -> set[str]:
    """Of a function and of all that it calls."""
    text = known[name][1]
    errors = set(re.findall(r"revert (\w+)\(", text))
    for called in set(re.findall(r"\b(\w+)\(", text)) - {name}:
        errors |= LIBRARY.get(called, set())
        if called in known:
            errors |= errors_of(called, known)
    return errors


def refusals_in_the_sources() -> Iterator[tuple[str, str]]:
    known = functions()
    for name, (is_outside, _text) in known.items():
        if is_outside:
            yield from ((name, error) for error in errors_of(name, known))


def test_each_revert_of_the_sources_is_met_here(scene: Scene) -> None:
    in_the_sources = set(refusals_in_the_sources())
    assert set(refusals(scene)) - {RENOUNCE} == in_the_sources
    assert {error for _call, error in in_the_sources} >= set(re.findall(r"\berror (\w+)\(", all_sources()))


def test_each_error_of_the_abi_is_met_here(scene: Scene) -> None:
    in_the_abi = {item["name"] for item in artifact()["abi"] if item["type"] == "error"}
    assert {error for _call, error in refusals(scene)} == in_the_abi - UNREACHABLE


def test_the_sources_refuse_by_errors_of_their_own_only() -> None:
    assert re.findall(r"\b(?:require|assert)\s*\(|\brevert\s*\(", all_sources()) == []


def all_sources() -> str:
    return "\n".join(sources().values())


# What the contract says


@dataclass(frozen=True, slots=True)
class Scene:
    """A log of nine entries, an empty one, an issuer with claims open and one without. Nothing is changed."""

    ledger: Ledger
    log: Log
    empty: Log
    register: IssuersRegister
    closed: IssuersRegister
    company: Key
    claimed: Key
    stranger: Key
    deaf: Ledger
    deaf_log: Log

    def ask(self, name: str, by: str, *arguments: Any) -> None:
        self.ask_at(self.ledger, name, by, *arguments)

    def ask_at(self, ledger: Ledger, name: str, by: str, *arguments: Any) -> None:
        ledger.contract.functions[name](*arguments).call({"from": by}, ccip_read_enabled=False)

    def append(self, log: Log, old_size: int, new_size: int, root: bytes, by: str = "") -> None:
        proof = ENTRIES.consistency(old_size, new_size) if old_size < new_size and old_size else []
        self.ask("append", by or log.sequencer, log.id, old_size, new_size, root, proof)

    def deploy(self) -> None:
        data = deployment(NULL, artifact()["bytecode"])
        self.ledger.contract.w3.eth.call({"from": self.ledger.admin, "data": data}, ccip_read_enabled=False)


@pytest.fixture(scope="session")
def without_sha_256(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Bytecode of the contract that asks for SHA-256 where no chain has it: it gets no answer."""
    copied = tmp_path_factory.mktemp("contract") / "src"
    shutil.copytree(contract_compiler.SOURCES, copied)
    heads = copied / "Heads.sol"
    heads.write_text(heads.read_text("utf-8").replace("gas(), 2, buffer", "gas(), 0xdead, buffer"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contract_compiler, "SOURCES", copied)
        bytecode = str(contract_compiler.compile_contract(node.find_node())["bytecode"])
    assert bytecode != artifact()["bytecode"]
    return bytecode


@pytest.fixture(scope="module")
def scene(ledger: Ledger, without_sha_256: str) -> Scene:
    register, closed, company, claimed = registered(ledger), registered(ledger), Key(), Key()
    register.send(register.account, register.contract.open_claims())
    assert register.send(Key(), register.claim(company, [claimed]))["status"] == 1
    init_code = bytes.fromhex(deployment(ledger.admin, without_sha_256)[2:])
    deaf = replace(ledger, address=create(ledger.rpc_url, ledger.admin_key, init_code))
    return Scene(
        ledger,
        log=ledger.open_log(9, ENTRIES.root(9)),
        empty=ledger.open_log(0, tree.EMPTY_ROOT),
        register=register,
        closed=closed,
        company=company,
        claimed=claimed,
        stranger=Key(),
        deaf=deaf,
        deaf_log=deaf.open_log(9, ENTRIES.root(9)),
    )


def deployment(admin: str, bytecode: str) -> str:
    """The data of a transaction that would deploy this bytecode with this admin."""
    contract = Web3().eth.contract(abi=artifact()["abi"], bytecode=bytecode)
    return str(contract.constructor(admin, bytes(32)).data_in_transaction)


Refusals = dict[tuple[str, str], Callable[[], None]]
RENOUNCE = ("renounceRole", "AccessControlBadConfirmation")  # the library's own


def refusals(s: Scene) -> Refusals:
    return {
        **of_heads(s),
        **of_registers(s),
        **of_lists(s, "claim"),
        **of_lists(s, "release"),
        **of_credits(s),
    }


def of_heads(s: Scene) -> Refusals:
    admin, stranger, new = s.ledger.admin, address(s.stranger), secrets.token_bytes(32)
    root, proof = ENTRIES.root(20), ENTRIES.consistency(9, 20)
    deaf, log = s.deaf, s.deaf_log
    path = ENTRIES.inclusion(3, 9)
    return {
        ("constructor", "ZeroAddress"): s.deploy,
        RENOUNCE: lambda: s.ask("renounceRole", stranger, bytes(32), admin),
        ("openLog", NO_ROLE): lambda: s.ask("openLog", stranger, new, 9, root, stranger),
        ("openLog", "ZeroAddress"): lambda: s.ask("openLog", admin, new, 9, root, NULL),
        ("openLog", "LogAlreadyOpen"): lambda: s.ask("openLog", admin, s.log.id, 9, root, stranger),
        ("openLog", "ImpossibleHead"): lambda: s.ask("openLog", admin, new, 0, root, stranger),
        ("append", NO_ROLE): lambda: s.append(s.log, 9, 20, root, by=stranger),
        ("append", "HeadMoved"): lambda: s.append(s.log, 8, 20, root),
        ("append", "NotGrowing"): lambda: s.append(s.log, 9, 9, root),
        ("append", "InconsistentHead"): lambda: s.append(s.log, 9, 20, ENTRIES.root(19)),
        ("append", "ImpossibleHead"): lambda: s.append(s.empty, 0, 20, bytes(32)),
        ("append", "NoSha256"): lambda: s.ask_at(deaf, "append", log.sequencer, log.id, 9, 20, root, proof),
        ("verifyInclusion", "NoSha256"): lambda: s.ask_at(
            deaf, "verifyInclusion", stranger, log.id, ENTRIES.root(9), leaves(9)[3], 3, path
        ),
    }


def of_registers(s: Scene) -> Refusals:
    admin, stranger, new = s.ledger.admin, address(s.stranger), secrets.token_bytes(32)
    known, account = s.register.issuer_id, s.closed.account
    contract = s.closed.contract
    impossible = Status(State.CLAIMED, 0, datetime(2024, 1, 1, tzinfo=UTC), NOBODY)
    late = s.register.contract
    return {
        ("registerIssuer", NO_ROLE): lambda: s.ask("registerIssuer", stranger, new, stranger),
        ("registerIssuer", "ZeroAddress"): lambda: s.ask("registerIssuer", admin, new, NULL),
        ("registerIssuer", "IssuerAlreadyRegistered"): lambda: s.ask(
            "registerIssuer", admin, known, stranger
        ),
        ("restore", NO_ROLE): lambda: s.closed.ask(s.stranger, contract.restore([])),
        ("restore", "WrongRegister"): lambda: s.register.ask(s.register.account, late.restore([])),
        ("restore", "ImpossibleStatus"): lambda: s.closed.ask(
            account, contract.restore([(s.claimed.address, impossible)])
        ),
        ("openClaims", NO_ROLE): lambda: s.closed.ask(s.stranger, contract.open_claims()),
        ("openClaims", "WrongRegister"): lambda: s.register.ask(s.register.account, late.open_claims()),
    }


def of_lists(s: Scene, name: str) -> Refusals:
    """Of claims and of releases, which anybody may send."""
    item = Key()

    def listed(register: IssuersRegister, **terms: int) -> None:
        make = {"claim": register.claim, "release": register.release}[name]
        register.ask(s.stranger, make(s.company, [item], **terms))

    def signed(signature: Signature) -> None:
        nonce = s.register.contract.nonce_of(s.company.address)
        make = {"claim": s.register.contract.claim, "release": s.register.contract.release}[name]
        s.register.ask(s.stranger, make(s.company.address, nonce, FAR, [], signature))

    elsewhere = replace(s.register, domain=replace(s.register.domain, epoch_nonce=bytes(32)))
    return {
        (name, "WrongRegister"): lambda: listed(s.closed),
        (name, "Expired"): lambda: listed(s.register, deadline=1),
        (name, "WrongNonce"): lambda: listed(s.register, nonce=7),
        (name, "NotSignedBy"): lambda: listed(elsewhere),
        (name, "ECDSAInvalidSignature"): lambda: signed(NO_SIGNATURE),
        (name, "ECDSAInvalidSignatureS"): lambda: signed(UPPER_HALF),
    }


def of_credits(s: Scene) -> Refusals:
    """Of what an issuer's account does with one invoice."""
    item, claimed = Key(), s.claimed.address

    def calls(register: IssuersRegister) -> dict[str, Call]:
        return {
            "lock": register.contract.lock(claimed),
            "unlock": register.contract.unlock(item.address),
            "credit": register.contract.credit(item.address, NOTE, whole=True),
            "creditClaimed": register.credit_claimed(s.company, item, whole=True),
        }

    def consented(consent: Signature, deadline: int = FAR) -> None:
        call = s.register.contract.credit_claimed(
            claimed, NOTE, whole=True, deadline=deadline, consent=consent
        )
        s.register.ask(s.register.account, call)

    def asks(register: IssuersRegister, name: str, by: Key) -> Callable[[], None]:
        return lambda: register.ask(by, calls(register)[name])

    found: Refusals = {
        ("creditClaimed", "Expired"): lambda: consented(NO_SIGNATURE, deadline=1),
        ("creditClaimed", "NotSignedBy"): lambda: consented(s.register.consent(Key(), s.claimed, whole=True)),
        ("creditClaimed", "ECDSAInvalidSignature"): lambda: consented(NO_SIGNATURE),
        ("creditClaimed", "ECDSAInvalidSignatureS"): lambda: consented(UPPER_HALF),
    }
    for name in ("lock", "unlock", "credit", "creditClaimed"):
        found[name, NO_ROLE] = asks(s.register, name, s.stranger)
        found[name, "WrongRegister"] = asks(s.closed, name, s.closed.account)
        found[name, "WrongState"] = asks(s.register, name, s.register.account)
    return found


def address(key: Key) -> str:
    return str(Account.from_key(key.secret).address)


@pytest.mark.parametrize(("call", "error"), sorted({*refusals_in_the_sources(), RENOUNCE}))
def test_the_contract_refuses(scene: Scene, call: str, error: str) -> None:
    with refused_with(error):
        refusals(scene)[call, error]()


def test_an_append_that_no_chain_could_judge_changes_nothing(scene: Scene) -> None:
    """What lies in memory where no precompile answered is no hash."""
    log = scene.deaf_log
    assert not log.append(9, 20, ENTRIES.root(20), ENTRIES.consistency(9, 20)).succeeded
    assert log.client.head().size == 9
