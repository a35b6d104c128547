"""The ranged file reads what is asked for and remembers a little."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.media.probe import probe
from shared.media.ranged import RangedFile, ShortRead
from tests.media.making import film, shots, tone


class Store:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.asked: list[tuple[int, int]] = []

    def read(self, start: int, count: int) -> bytes:
        self.asked.append((start, count))
        return self.data[start : start + count]


MOVES = st.lists(st.tuples(st.integers(0, 3), st.integers(-40, 260), st.integers(-1, 90)), max_size=30)


@settings(max_examples=150, deadline=None)
@given(size=st.integers(0, 200), block=st.integers(1, 70), kept=st.integers(1, 4), moves=MOVES)
def test_it_reads_like_the_same_bytes_in_memory(size: int, block: int, kept: int, moves: list) -> None:
    data = bytes(n % 251 for n in range(size))
    ours, theirs = RangedFile(Store(data).read, size, block_bytes=block, kept_blocks=kept), io.BytesIO(data)
    for whence, offset, count in moves:
        if whence < 3:
            target = offset + (0, theirs.tell(), size)[whence]
            if target < 0:
                with pytest.raises(ValueError):
                    ours.seek(offset, whence)
            else:
                assert ours.seek(offset, whence) == theirs.seek(target)
        assert ours.read(count) == theirs.read(count)
        assert ours.tell() == theirs.tell()


def test_a_block_is_fetched_once_while_it_is_remembered() -> None:
    store = Store(bytes(100))
    file = RangedFile(store.read, 100, block_bytes=30, kept_blocks=2)
    file.read(20)
    file.read(20)
    file.seek(5)
    file.read(3)
    assert store.asked == [(0, 30), (30, 30)]


def test_a_store_that_gives_too_little_is_a_fault_of_the_store() -> None:
    file = RangedFile(lambda start, count: b"x", 100)
    with pytest.raises(ShortRead):
        file.read(10)


def test_a_film_with_its_index_at_the_end_is_probed_without_reading_it_all_twice() -> None:
    data = film(shots(60, 60), sound=tone(300, 4.8), codec_options={"b": "6000000", "preset": "ultrafast"})
    store = Store(data)
    info = probe(RangedFile(store.read, len(data), block_bytes=64 * 1024, kept_blocks=4))
    assert info.duration == pytest.approx(4.8, abs=0.1)
    assert sum(count for _, count in store.asked) <= 2.5 * len(data)
