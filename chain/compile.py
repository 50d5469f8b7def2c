"""Compile the contract with npm's solc into the committed artifact. `python -m chain.compile` rewrites it.

The artifact is a function of the source, the compiler's version and these settings alone: metadata is left
out of the bytecode, so that a test can compile again and compare.
"""

from __future__ import annotations

import functools
import json
import subprocess
from pathlib import Path
from typing import Any

from chain.node import ROOT, find_node

SOURCES = ROOT / "contracts" / "src"
ARTIFACT = ROOT / "chain" / "artifacts" / "InvoiceLedger.json"
SETTINGS = {
    # London: the newest that Anvil, Ganache, Besu and FISCO BCOS all run.
    "evmVersion": "london",
    # Against the older pipeline a claim costs 1.6 % less gas, and a head 1.2 % more.
    "viaIR": True,
    # Deployed once, appended to for ever: weigh running cost over the size of the code.
    "optimizer": {"enabled": True, "runs": 10_000},
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
}
_DRIVER = """
const fs = require('fs'), path = require('path'), solc = require('solc');
const find = name => ({ contents: fs.readFileSync(path.join('node_modules', name), 'utf8') });
const input = fs.readFileSync(0, 'utf8');
const output = JSON.parse(solc.compile(input, { import: find }));
console.log(JSON.stringify({ version: solc.version(), output }));
"""


class CompilationFailed(RuntimeError):
    """solc's own messages."""


def compile_contract(node: Path) -> dict[str, Any]:
    """{"contract", "compiler", "settings", "abi", "bytecode"}. Raises CompilationFailed."""
    answer = ask_solc(node, ["abi", "evm.bytecode.object"])
    compiled = answer["output"]["contracts"]["InvoiceLedger.sol"]["InvoiceLedger"]
    return {
        "contract": "InvoiceLedger",
        "compiler": answer["version"],
        "settings": SETTINGS,
        "abi": compiled["abi"],
        "bytecode": "0x" + compiled["evm"]["bytecode"]["object"],
    }


def ask_solc(node: Path, outputs: list[str]) -> dict[str, Any]:
    """{"version", "output"} of solc, with these outputs for every contract. Raises CompilationFailed."""
    request = {
        "language": "Solidity",
        "sources": {
            path.name: {"content": path.read_text("utf-8")} for path in sorted(SOURCES.glob("*.sol"))
        },
        "settings": {**SETTINGS, "outputSelection": {"*": {"*": outputs}}},
    }
    run = subprocess.run(
        [node, "-e", _DRIVER],
        input=json.dumps(request),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise CompilationFailed(run.stderr)
    answer: dict[str, Any] = json.loads(run.stdout)
    if messages := answer["output"].get("errors"):
        raise CompilationFailed("\n".join(message["formattedMessage"] for message in messages))
    return answer


@functools.cache
def artifact() -> dict[str, Any]:
    """The committed artifact, read once."""
    loaded: dict[str, Any] = json.loads(ARTIFACT.read_text("utf-8"))
    return loaded


def main() -> None:
    ARTIFACT.parent.mkdir(exist_ok=True)
    ARTIFACT.write_text(json.dumps(compile_contract(find_node()), indent=1) + "\n", "utf-8")
    print(f"Wrote {ARTIFACT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
