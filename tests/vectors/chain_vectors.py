"""Vectors of what goes over the wire to a chain, and of what is signed about invoices."""

from __future__ import annotations

from typing import Any

import sha3
from coincurve import PrivateKey

from invoice_service.flow.issue import make_claim_key
from invoice_service.ledger import tree
from tests.unit.ledger.evidence_files import BLOCK_MS, Issuer

Vectors = dict[str, Any]


def chain_vectors(issuer: Issuer) -> Vectors:
    """What goes over the wire: calls by their selectors, answers as 32-byte words."""
    log_id, root = issuer.epoch.log_id, issuer.head
    words = (issuer.size, BLOCK_MS // 1000, 7)
    return {
        "about": "data and result of eth_call to the contract, in hex without 0x. Times are seconds here.",
        "calls": [
            {
                "name": "epochNonce()",
                "data": _selector("epochNonce()").hex(),
                "result": issuer.epoch.nonce.hex(),
            },
            {
                "name": "anchoredAt(bytes32,bytes32)",
                "data": (_selector("anchoredAt(bytes32,bytes32)") + log_id + root).hex(),
                "result": b"".join(word.to_bytes(32, "big") for word in words).hex(),
            },
            {
                "name": "head(bytes32)",
                "data": (_selector("head(bytes32)") + log_id).hex(),
                "result": (issuer.size.to_bytes(32, "big") + root).hex(),
            },
            {
                "name": "statusOf(bytes32,address)",
                "data": (
                    _selector("statusOf(bytes32,address)")
                    + issuer.id
                    + _word(issuer.entries[3].claim_address)
                ).hex(),
                "result": b"".join(map(_word, (1, 2, BLOCK_MS // 1000, COMPANY))).hex(),
            },
            {
                "name": "verifyInclusion(bytes32,bytes32,bytes32,uint64,bytes32[])",
                "data": _inclusion_data(issuer, 3).hex(),
                "result": _word(1).hex(),
            },
        ],
        "messages": [_message(issuer, kind, **values) for kind, values in _messages(issuer)],
        "signers": _signers(bytes.fromhex(_message(issuer, "Handover", claimant=COMPANY, **TERMS)["digest"])),
    }


def _inclusion_data(issuer: Issuer, index: int) -> bytes:
    """The list stands behind the five words, which say where: 160 bytes after the selector."""
    path = tree.path_in(issuer.leaves, index)
    words = [issuer.epoch.log_id, issuer.head, issuer.leaves[index], _word(index), _word(5 * 32)]
    selector = _selector("verifyInclusion(bytes32,bytes32,bytes32,uint64,bytes32[])")
    return selector + b"".join([*words, _word(len(path)), *path])


ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # of secp256k1
COMPANY = bytes([4]) * 20  # an account's address
TERMS = {"nonce": 5, "deadline": BLOCK_MS // 1000 + 3600}


def _messages(issuer: Issuer) -> list[tuple[str, dict[str, Any]]]:
    """What is signed about invoices (SPEC.md section 7): members in the order of their types."""
    claimed = [issuer.entries[n].claim_address for n in (1, 3)]
    note = bytes([5]) * 32
    return [
        ("Handover", {"claimant": COMPANY, **TERMS}),
        ("Claim", {"claimAddresses": claimed, **TERMS}),
        ("Release", {"claimAddresses": claimed, **TERMS}),
        ("Consent", {
            "claimAddress": claimed[0], "note": note, "whole": True, "notes": 2,
            "deadline": TERMS["deadline"],
        }),
    ]  # fmt: skip


_TYPES = {
    "claimant": "address", "nonce": "uint256", "deadline": "uint256", "claimAddresses": "address[]",
    "claimAddress": "address", "note": "bytes32", "whole": "bool", "notes": "uint256",
}  # fmt: skip


def _message(issuer: Issuer, kind: str, **values: Any) -> Vectors:
    """By EIP-712, word for word."""
    fields = {"issuerId": "bytes32"} | {name: _TYPES[name] for name in values}
    of_type = f"{kind}({','.join(f'{type_} {name}' for name, type_ in fields.items())})"
    words = [_keccak(of_type.encode()), issuer.id, *map(_word, values.values())]
    digest = _keccak(b"\x19\x01" + _domain(issuer) + _keccak(b"".join(words)))
    claim_key = make_claim_key((2).to_bytes(32, "big"))[0]
    signature = PrivateKey(claim_key).sign_recoverable(digest, hasher=None)
    r, s, odd = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    return {
        "type": of_type,
        "values": {"issuerId": issuer.id.hex()} | {name: _shown(value) for name, value in values.items()},
        "digest": digest.hex(),
        "signature": {"key": claim_key.hex(), "r": r.hex(), "vs": (s | odd << 255).to_bytes(32, "big").hex()},
    }


def _signers(digest: bytes) -> list[Vectors]:
    """Who signed, by `r` and `vs` alone.

    An s in the upper half that fits beside the recovery bit is too rare to be found. But a key can be made
    for it: with the curve's own point for R, whose y is even, s = digest + r · key.
    """
    r = int.from_bytes(PrivateKey.from_int(1).public_key.format()[1:], "big")
    high = (1 << 255) - 1
    key = PrivateKey.from_int((high - int.from_bytes(digest, "big")) * pow(r, -1, ORDER) % ORDER)
    signer = _keccak(key.public_key.format(compressed=False)[1:])[12:].hex()
    made = {
        "s in the lower half": (r, ORDER - high | 1 << 255, signer),
        "s in the upper half": (r, high, None),
        "r is zero": (0, 1, None),
        "s is zero": (r, 0, None),
        "r beyond the order": (ORDER, 1, None),
    }
    return [
        {"name": name, "digest": digest.hex(), "r": _word(r).hex(), "vs": _word(vs).hex(), "signer": who}
        for name, (r, vs, who) in made.items()
    ]


def _domain(issuer: Issuer) -> bytes:
    of_type = (
        b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
    )
    epoch = issuer.epoch
    words = [_keccak(of_type), _keccak(b"InvoiceLedger"), _keccak(b"1"), _word(epoch.chain_id)]
    return _keccak(b"".join([*words, _word(epoch.contract), epoch.nonce]))


def _word(value: Any) -> bytes:
    """32 bytes; of a list the hash over its words."""
    if isinstance(value, list):
        return _keccak(b"".join(map(_word, value)))
    return int(value).to_bytes(32, "big") if isinstance(value, int) else bytes(value).rjust(32, b"\0")


def _shown(value: Any) -> Any:
    if isinstance(value, list):
        return [one.hex() for one in value]
    return value.hex() if isinstance(value, bytes) else value


def _keccak(data: bytes) -> bytes:
    return sha3.keccak_256(data).digest()


def _selector(function: str) -> bytes:
    return sha3.keccak_256(function.encode()).digest()[:4]
