import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoice_service.ledger.entry import ENTRY_BYTES, BadEntry, Entry, Kind

ENTRIES = st.builds(
    Entry,
    st.sampled_from(Kind),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=20, max_size=20),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=32, max_size=32),
    st.integers(0, 2**64 - 1),
)


@given(ENTRIES)
def test_an_entry_reads_back(entry: Entry) -> None:
    data = entry.encode()
    assert len(data) == ENTRY_BYTES == 133
    assert Entry.decode(data) == entry


@pytest.mark.parametrize(
    "data",
    [b"", bytes(133), b"SLENTRY1" + bytes(124), b"SLENTRY2\x01" + bytes(124), b"SLENTRY1\x08" + bytes(124)],
)
def test_what_is_no_entry(data: bytes) -> None:
    with pytest.raises(BadEntry):
        Entry.decode(data)
