"""Every member of an evidence file made odd in every way: the browser says of it what Python says."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from invoice_service.ledger import canonical
from invoice_service.ledger import evidence as ev
from tests.unit.ledger.evidence_files import Issuer, sign_statement

RUNNER = Path(__file__).with_name("verdicts.mjs")
ISSUER = Issuer()
GENUINE = ISSUER.evidence().to_json()
ODD = (
    None, True, 0, -1, 1.5, 2000.0, 2**53, 2**63, "", "00", "AB", "é", "\ud800", "x" * 300, [], {}, [None],
    {"a": 1}, {"é": 1},
)  # fmt: skip
Path_ = tuple[str | int, ...]


def places(value: Any, at: Path_ = ()) -> Iterator[Path_]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield (*at, key)
        yield from places(inner, (*at, key))


def put(document: Any, at: Path_, value: Any) -> Any:
    changed = copy.deepcopy(document)
    target = changed
    for key in at[:-1]:
        target = target[key]
    target[at[-1]] = value
    return changed


def changed_files() -> Iterator[dict[str, Any]]:
    """As anybody may change one; and with statements that the root itself signed, however odd."""
    for at in places(GENUINE):
        yield from (put(GENUINE, at, odd) for odd in ODD)
    statement = GENUINE["issuer"]["statement"]
    for at in places(statement):
        for odd in ODD:
            changed = put(statement, at, odd)
            try:
                canonical.encode(changed)
            except canonical.NotCanonical:
                continue  # it cannot be signed
            yield GENUINE | {"issuer": sign_statement(changed, ISSUER.root)}


def said_by_python(text: str) -> list[Any]:
    try:
        evidence = ev.parse(text.encode())
    except ev.NotEvidence:
        return ["unreadable", []]
    found = ev.verify(evidence, trusted_issuer=ISSUER.id, chain=None)
    told = {ev.PASSED: "passed", ev.FAILED: "failed", ev.OPEN: "open"}
    return [found.verdict, [[step.name, told[step.outcome]] for step in found.steps]]


def test_the_browser_says_what_python_says(node: Path, library: Path) -> None:
    texts = [json.dumps(document) for document in changed_files()]
    answer = subprocess.run(
        [node, RUNNER, library, ISSUER.id.hex()],
        input=json.dumps(texts), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    said = dict(zip(texts, json.loads(answer.stdout), strict=True))
    differences = {text: (found, said_by_python(text)) for text, found in said.items()}
    unlike = [(text[:3000], *pair) for text, pair in differences.items() if pair[0] != pair[1]]
    assert not unlike, unlike[0]
    verdicts = [found[0] for found in said.values()]
    assert len(verdicts) > 1_500
    assert {"genuine", "altered", "undecided", "unreadable"} <= set(verdicts)
