"""The browser's verifier, run by Node on the vectors of Python's: once for each back end of cryptography."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.unit.ledger.vectors import FOLDER, load

RUNNER = Path(__file__).with_name("vectors.mjs")
FILES = {path.name for path in FOLDER.glob("*.json")}


@pytest.mark.parametrize("backend", ["noble", "webcrypto"])
def test_the_vectors_are_what_the_browser_says(node: Path, library: Path, backend: str) -> None:
    answer = subprocess.run(
        [node, RUNNER, library, FOLDER, backend], capture_output=True, text=True, check=False, timeout=60
    )
    assert answer.returncode == 0, answer.stderr
    ran = [json.loads(line) for line in answer.stdout.splitlines()]
    failures = [f"{case['file']}, {case['name']}: {case['failure']}" for case in ran if case["failure"]]
    assert not failures, "\n".join(failures)
    assert {case["file"] for case in ran} >= FILES - ({"tiles.json"} if backend == "webcrypto" else set())
    names = {case["name"] for case in ran if case["file"] == "evidence.json"}
    evidence = load("evidence.json")
    assert names == {case["name"] for case in evidence["cases"] + evidence["texts"]}
    links = load("link.json")
    of_links = [case for case in ran if case["file"] == "link.json"]
    assert len(of_links) == sum(len(links[kind]) for kind in ("good", "cases", "bad", "scanned"))
