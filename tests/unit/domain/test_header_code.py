"""The code that WeChat and Alipay show for an invoice header: read whoever wrote it, slips refused."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoice_service.domain.crc import crc16
from invoice_service.domain.header_code import CRC_WRONG, FIELD, NOT_ONE, UNREADABLE, read
from invoice_service.domain.party import INDIVIDUAL, BadBuyer, Buyer, BuyerKind, name_problem
from tests.header_codes import NAME, USCC, crc_of, header_code, packed

COMPANY = Buyer(BuyerKind.ORGANIZATION, NAME, USCC)


def problem(code: str) -> str:
    with pytest.raises(BadBuyer) as refused:
        read(code)
    return refused.value.fields.get(FIELD, "")


def test_the_published_check_value() -> None:
    assert crc16(b"123456789") == 0xFEE8


@given(st.binary(max_size=200))
def test_the_crc_is_that_of_the_tax_administrations_program(data: bytes) -> None:
    assert f"{crc16(data):X}" == crc_of(data)


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "gb18030"])
@pytest.mark.parametrize("crc_encoding", ["utf-8", "gbk"])
def test_utf_8_and_gbk_are_read_whatever_the_crc_was_taken_of(encoding: str, crc_encoding: str) -> None:
    assert read(header_code(encoding=encoding, crc_encoding=crc_encoding)) == COMPANY


def test_a_code_is_read_as_it_is_copied() -> None:
    code = header_code()
    broken = "\n".join(code[at : at + 76] for at in range(0, len(code), 76))
    assert read(f"  {broken}\r\n") == COMPANY
    assert read(code.replace("=", "")) == COMPANY
    assert read(header_code(crc=None, bank="")) == COMPANY


def test_a_person_has_no_tax_number_and_a_name_outside_gbk_counts() -> None:
    assert read(header_code("李秀英", "", "", "")) == Buyer(BuyerKind.INDIVIDUAL, "李秀英", None)
    assert read(header_code("", "", "", "")).name == INDIVIDUAL
    assert read(header_code("𠮷田商店")).name == "𠮷田商店"


@given(st.integers(0, 0xFFFF).map(lambda crc: f"{crc:04X}"))
def test_only_the_right_check_digits_are_taken(crc: str) -> None:
    right = {header_code(crc_encoding=encoding) for encoding in ("gbk", "utf-8")}
    if header_code(crc=crc) in right or header_code(crc=crc.lstrip("0")) in right:
        assert read(header_code(crc=crc)) == COMPANY
    else:
        assert problem(header_code(crc=crc)) == CRC_WRONG


def test_a_slip_anywhere_in_the_text_is_noticed() -> None:
    crc = crc_of("</>".join([NAME, USCC, "", "", ""]).encode("gbk"))
    assert read(header_code(address="", bank="", crc=crc)) == COMPANY
    for name in (NAME.replace("茶", "查"), NAME[::-1], NAME + " "):
        assert problem(header_code(name, address="", bank="", crc=crc)) == CRC_WRONG


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("", NOT_ONE),
        ("https://example.com", NOT_ONE),
        ("01,32,,20882408051806541460,0.01,20240805,,649C", NOT_ONE),
        (header_code().replace("$01", "$02"), NOT_ONE),
        (header_code()[:-1], NOT_ONE),
        ("$01****$", NOT_ONE),
        ("$01A$", UNREADABLE),
        ("$01$", UNREADABLE),
        ("$01//79$", UNREADABLE),
        (packed("a</>b</>c</>d"), UNREADABLE),
        (packed("a</>b</>c</>d</>e</>F00D"), UNREADABLE),
        (packed("a</>b</>c</>d</>"), UNREADABLE),
        (packed("a</>b</>c</>d</>12345"), UNREADABLE),
        (header_code(address="路" * 1_000), NOT_ONE),
    ],
)
def test_anything_else_is_refused_in_words(code: str, expected: str) -> None:
    assert problem(code) == expected


@pytest.mark.parametrize("name", ["茶\u202e业", "茶\u200b业", "茶\x00业", "长" * 101])
def test_a_name_that_no_invoice_can_carry_is_refused_by_name(name: str) -> None:
    with pytest.raises(BadBuyer) as refused:
        read(header_code(name, address="", bank=""))
    assert list(refused.value.fields) == ["name"]


def test_a_wrong_tax_number_is_refused_by_name() -> None:
    with pytest.raises(BadBuyer) as refused:
        read(header_code(tax_id="110101199003070011"))
    assert list(refused.value.fields) == ["tax_id"]


@given(st.text(max_size=200), st.text(max_size=40))
def test_nothing_that_can_be_written_does_anything_but_be_read_or_refused(name: str, address: str) -> None:
    code = header_code(name, address=address, bank="")
    if "</>" in name + address:
        assert problem(code) == UNREADABLE
    elif name_problem(unicodedata.normalize("NFC", name.strip())):
        with pytest.raises(BadBuyer, match="buyer's details"):
            read(code)
    else:
        assert read(code).tax_id == USCC
