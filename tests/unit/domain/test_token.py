from invoice_service.domain.token import INVOICE, ORDER, TokenKey, fingerprint

KEY = TokenKey(bytes(32))


def test_a_token_is_the_same_each_time_and_different_by_kind_name_and_key() -> None:
    tokens = {
        KEY.derive(ORDER, "a"),
        KEY.derive(INVOICE, "a"),
        KEY.derive(ORDER, "b"),
        TokenKey(bytes([1]) * 32).derive(ORDER, "a"),
    }
    assert len(tokens) == 4
    assert KEY.derive(ORDER, "a") in tokens


def test_it_is_128_bits_and_fits_a_url() -> None:
    token = KEY.derive(ORDER, "a")
    assert len(token) == 22
    assert token.replace("-", "").replace("_", "").isalnum()


def test_the_key_does_not_show() -> None:
    assert "00" not in repr(KEY)
    assert len(fingerprint("x")) == 32
