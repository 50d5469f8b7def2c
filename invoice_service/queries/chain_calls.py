"""Read the chain through us: JSON-RPC by a short list of methods, each with parameters that we have seen.

A verifier's page asks what any endpoint answers, but browsers cannot reach ours and should not have to be
given its address. So a call is never passed on as it came: what it asks is read into the few shapes that
reading our contract needs and written anew, and of an endpoint's error only its kind goes back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from invoice_service.ledger import canonical
from invoice_service.services import Services
from invoice_service.store import chain

MAX_CALLS = 10
MAX_DEPTH = 8
MAX_DATA_BYTES = 4_096  # a proof of 64 hashes takes 2,400
MAX_ID_CHARACTERS = 64
# Codes of the JSON-RPC 2.0 specification; 3 is how Ethereum's clients say that a contract refused.
UNREADABLE, NO_REQUEST, NO_METHOD, BAD_PARAMETERS, CHAIN_SILENT = -32700, -32600, -32601, -32602, -32000
REVERTED = 3
_MESSAGES = {
    UNREADABLE: "parse error",
    NO_REQUEST: "invalid request",
    NO_METHOD: "method not available here",
    BAD_PARAMETERS: "invalid params",
    CHAIN_SILENT: "the chain does not answer",
    REVERTED: "execution reverted",
}
_QUANTITY = re.compile(r"0x(?:0|[1-9a-f][0-9a-f]{0,15})")
_HASH = re.compile(r"0x[0-9a-f]{64}")
_DATA = re.compile(r"0x(?:[0-9a-f]{2})*")
_BLOCKS = ("latest", "earliest", "safe", "finalized")

Contracts = frozenset[str]
Check = Callable[[Sequence[Any], Contracts], bool]


class _Refused(Exception):
    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(_MESSAGES[code])


def answer(services: Services, body: bytes) -> Any:
    """What JSON-RPC answers to a request or a batch, errors included."""
    try:
        asked = _read(body)
    except _Refused as error:
        return _error(None, error.code)
    calls = asked if isinstance(asked, list) else [asked]
    if not 1 <= len(calls) <= MAX_CALLS:
        return _error(None, NO_REQUEST)
    answers = _answers(services, calls)
    return answers if isinstance(asked, list) else answers[0]


def _answers(services: Services, calls: Sequence[Any]) -> list[dict[str, Any]]:
    contracts = _contracts(services)
    answers: dict[int, dict[str, Any]] = {}
    passed_on = []
    for place, call in enumerate(calls):
        try:
            passed_on.append(_checked(call, contracts) | {"jsonrpc": "2.0", "id": place})
        except _Refused as error:
            answers[place] = _error(_id_of(call), error.code)
    found = _ask(services, passed_on) if passed_on else {}
    for sent in passed_on:
        answers[sent["id"]] = _told(_id_of(calls[sent["id"]]), found.get(sent["id"]))
    return [answers[place] for place in range(len(calls))]


def _contracts(services: Services) -> Contracts:
    """Every epoch's, for evidence hangs on old ones too."""
    with services.database.read() as connection:
        epochs = chain.all_epochs(connection)
    return frozenset(f"0x{epoch.contract.hex()}" for epoch in epochs if epoch.contract)


def _read(body: bytes) -> Any:
    if canonical.depth(body) > MAX_DEPTH:
        raise _Refused(UNREADABLE)
    try:
        return json.loads(body.decode("utf-8"))
    except ValueError as error:
        raise _Refused(UNREADABLE) from error


def _checked(call: Any, contracts: Contracts) -> dict[str, Any]:
    """Method and parameters, written anew. Raises _Refused."""
    if not isinstance(call, dict) or call.get("jsonrpc") != "2.0" or _id_of(call) is None:
        raise _Refused(NO_REQUEST)
    method, parameters = call.get("method"), call.get("params", [])
    if not isinstance(method, str) or not isinstance(parameters, list):
        raise _Refused(NO_REQUEST)
    if method not in METHODS:
        raise _Refused(NO_METHOD)
    if not METHODS[method](parameters, contracts):
        raise _Refused(BAD_PARAMETERS)
    return {"method": method, "params": parameters}


def _id_of(call: Any) -> str | int | None:
    """A caller's own name for the call, where it is one that we repeat."""
    name = call.get("id") if isinstance(call, dict) else None
    if isinstance(name, bool) or not isinstance(name, str | int):
        return None
    return name if len(str(name)) <= MAX_ID_CHARACTERS else None


def _nothing(parameters: Sequence[Any], _contracts: Contracts) -> bool:
    return len(parameters) == 0


def _block_without_transactions(parameters: Sequence[Any], _contracts: Contracts) -> bool:
    return len(parameters) == 2 and _is_block(parameters[0]) and parameters[1] is False


def _transaction(parameters: Sequence[Any], _contracts: Contracts) -> bool:
    return len(parameters) == 1 and _is(_HASH, parameters[0])


def _our_code(parameters: Sequence[Any], contracts: Contracts) -> bool:
    return len(parameters) == 2 and _is_ours(parameters[0], contracts) and _is_block(parameters[1])


def _our_view(parameters: Sequence[Any], contracts: Contracts) -> bool:
    """`to` and `data` alone: no sender, value or gas, and no third parameter, which would change state."""
    if len(parameters) != 2 or not isinstance(parameters[0], dict) or not _is_block(parameters[1]):
        return False
    message: Mapping[str, Any] = parameters[0]
    if set(message) not in ({"to", "data"}, {"to", "input"}):
        return False
    data = message.get("data", message.get("input"))
    is_short = _is(_DATA, data) and len(data) <= 2 + 2 * MAX_DATA_BYTES
    return is_short and _is_ours(message["to"], contracts)


def _is_ours(address: Any, contracts: Contracts) -> bool:
    return isinstance(address, str) and address.lower() in contracts


def _is_block(value: Any) -> bool:
    return value in _BLOCKS if isinstance(value, str) and value.isalpha() else _is(_QUANTITY, value)


def _is(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


METHODS: Mapping[str, Check] = {
    "eth_chainId": _nothing,
    "eth_blockNumber": _nothing,
    "eth_getBlockByNumber": _block_without_transactions,
    "eth_call": _our_view,
    "eth_getCode": _our_code,
    "eth_getTransactionReceipt": _transaction,
    "eth_getTransactionByHash": _transaction,
}


def _ask(services: Services, calls: Sequence[Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
    """The endpoint's answers by our ids; none where it gives none that can be read."""
    if services.relay is None:
        return {}
    body = calls[0] if len(calls) == 1 else calls  # some endpoints take no batches
    try:
        found = json.loads(services.relay.post(json.dumps(body).encode()))
    except (ConnectionError, ValueError, RecursionError):
        return {}
    answers = found if isinstance(found, list) else [found]
    return {
        given["id"]: given for given in answers if isinstance(given, dict) and type(given.get("id")) is int
    }


def _told(name: str | int | None, given: Mapping[str, Any] | None) -> dict[str, Any]:
    if given is None:
        return _error(name, CHAIN_SILENT)
    if "result" in given:
        return {"jsonrpc": "2.0", "id": name, "result": given["result"]}
    return _error(name, REVERTED if _is_revert(given.get("error")) else CHAIN_SILENT)


def _is_revert(error: Any) -> bool:
    if not isinstance(error, dict):
        return False
    return error.get("code") == REVERTED or "revert" in str(error.get("message")).lower()


def _error(name: str | int | None, code: int) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": name, "error": {"code": code, "message": _MESSAGES[code]}}
