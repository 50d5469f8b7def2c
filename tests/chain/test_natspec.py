"""The contract explains itself: each call, event and error is told in its source, with every value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from chain import node
from chain.compile import SOURCES, ask_solc

LIBRARY = {"AccessControl": "access/AccessControl.sol", "ECDSA": "utils/cryptography/ECDSA.sol"}
KINDS = {"function": "methods", "event": "events", "error": "errors"}


@pytest.fixture(scope="module")
def compiled() -> dict[str, Any]:
    answer = ask_solc(node.find_node(), ["abi", "userdoc", "devdoc"])
    return answer["output"]["contracts"]


def told(contract: dict[str, Any], kind: str, signature: str) -> dict[str, Any]:
    """What is said of one thing: its notice, its params and its returns."""
    said: dict[str, Any] = {}
    for document in ("userdoc", "devdoc"):
        found = contract[document].get(KINDS[kind], {}).get(signature, {})
        said |= found[0] if isinstance(found, list) else found
    return said


def signature_of(item: dict[str, Any]) -> str:
    """As solc names it: an argument that is a struct by its members."""

    def typed(argument: dict[str, Any]) -> str:
        if "components" not in argument:
            return str(argument["type"])
        members = ",".join(map(typed, argument["components"]))
        return f"({members}){argument['type'].removeprefix('tuple')}"

    return f"{item['name']}({','.join(map(typed, item['inputs']))})"


def ours(compiled: dict[str, Any]) -> Iterator[tuple[str, str, list[str], int]]:
    """Kind, signature, arguments and number of results of all that the library did not bring."""
    library = {
        (item["type"], item.get("name"))
        for name, path in LIBRARY.items()
        for item in compiled[f"@openzeppelin/contracts/{path}"][name]["abi"]
    }
    for item in compiled["InvoiceLedger.sol"]["InvoiceLedger"]["abi"]:
        if item["type"] in KINDS and (item["type"], item["name"]) not in library:
            arguments = [argument["name"] for argument in item["inputs"]]
            yield item["type"], signature_of(item), arguments, len(item.get("outputs", []))


def variables() -> set[str]:
    """State that is public by its declaration: a notice tells all of it, and solc takes no more."""
    text = "".join(path.read_text("utf-8") for path in SOURCES.glob("*.sol"))
    return set(re.findall(r" public (?:immutable |constant )?(\w+)(?: =|;)", text))


def test_every_call_event_and_error_is_told_with_all_its_values(compiled: dict[str, Any]) -> None:
    contract = compiled["InvoiceLedger.sol"]["InvoiceLedger"]
    untold, seen = [], 0
    for kind, signature, arguments, results in ours(compiled):
        seen += 1
        said = told(contract, kind, signature)
        if not said.get("notice"):
            untold.append(f"{kind} {signature}")
        if kind == "function" and signature.partition("(")[0] in variables():
            continue
        untold += [f"{signature}: {name}" for name in arguments if not said.get("params", {}).get(name)]
        if len(said.get("returns", {})) != results:
            untold.append(f"{signature}: what it returns")
    assert untold == []
    assert seen > 40


@pytest.mark.parametrize("name", ["Epoch", "InvoiceLedger"])
def test_every_constructor_is_told(compiled: dict[str, Any], name: str) -> None:
    contract = compiled[f"{name}.sol"][name]
    assert contract["userdoc"]["methods"]["constructor"]["notice"]
    assert set(contract["devdoc"]["methods"]["constructor"]["params"]) == {"admin", "nonce"}


@pytest.mark.parametrize("name", ["Epoch", "Heads", "Statuses", "InvoiceLedger"])
def test_every_contract_has_a_title_and_says_what_it_is_for(compiled: dict[str, Any], name: str) -> None:
    contract = compiled[f"{name}.sol"][name]
    assert contract["devdoc"]["title"]
    assert contract["userdoc"]["notice"]


def test_the_test_would_notice_what_is_untold(compiled: dict[str, Any]) -> None:
    """An error of the library has no notice; one of ours without would look so."""
    contract = compiled["InvoiceLedger.sol"]["InvoiceLedger"]
    assert "notice" not in told(contract, "error", "AccessControlUnauthorizedAccount(address,bytes32)")
