import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoice_service.domain.party import (
    INDIVIDUAL,
    USCC_ALPHABET,
    BadBuyer,
    Buyer,
    BuyerKind,
    is_uscc,
    make_buyer,
    uscc_check_character,
)

REAL = ["92532528MA6L45LX6L", "91440300708461136T"]


@pytest.mark.parametrize("code", REAL)
def test_real_codes(code: str) -> None:
    assert is_uscc(code)


@pytest.mark.parametrize("code", REAL)
def test_any_other_check_character_is_wrong(code: str) -> None:
    assert [c for c in USCC_ALPHABET if is_uscc(code[:17] + c)] == [code[17]]


@pytest.mark.parametrize("prefix", ["N2532528MA6L45LX6", "A1440300708461136", "Y1440300708461136"])
def test_letter_prefixed_codes_exist(prefix: str) -> None:
    assert is_uscc(prefix + uscc_check_character(prefix))


@given(st.text(USCC_ALPHABET, min_size=17, max_size=17), st.integers(0, 16), st.sampled_from(USCC_ALPHABET))
def test_one_wrong_character_is_noticed(first: str, place: int, other: str) -> None:
    code = first + uscc_check_character(first)
    changed = code[:place] + other + code[place + 1 :]
    assert is_uscc(changed) == (changed == code)


@pytest.mark.parametrize("code", ["", "9" * 17, "9" * 19, "I" * 18, "92532528ma6l45lx6l", "９" * 18])
def test_malformed_codes(code: str) -> None:
    assert not is_uscc(code)


def test_a_buyer_is_normalised() -> None:
    buyer = make_buyer("organization", "  普洱茶业有限公司 ", " 92532528-ma6l45lx6l ")
    assert buyer == Buyer(BuyerKind.ORGANIZATION, "普洱茶业有限公司", REAL[0])
    assert make_buyer("individual", "", None) == Buyer(BuyerKind.INDIVIDUAL, INDIVIDUAL, None)


@pytest.mark.parametrize(
    ("kind", "name", "tax_id", "field"),
    [
        ("company", "x", None, "kind"),
        ("organization", "", REAL[0], "name"),
        ("organization", "   ", REAL[0], "name"),
        ("organization", "甲" * 101, REAL[0], "name"),
        ("organization", "a\x00b", REAL[0], "name"),
        ("organization", "a\nb", REAL[0], "name"),
        ("organization", "a\u202eb", REAL[0], "name"),
        ("organization", "a\u200bb", REAL[0], "name"),
        ("organization", "a\ud800", REAL[0], "name"),
        ("organization", "甲公司", None, "tax_id"),
        ("organization", "甲公司", REAL[0][:-1] + "A", "tax_id"),
        ("individual", "张三", REAL[0], "tax_id"),
    ],
)
def test_what_is_refused(kind: str, name: str, tax_id: str | None, field: str) -> None:
    with pytest.raises(BadBuyer) as caught:
        make_buyer(kind, name, tax_id)
    assert set(caught.value.fields) == {field}


def test_a_name_of_a_hundred_characters_fits() -> None:
    assert make_buyer("individual", "甲" * 100, None).name == "甲" * 100
