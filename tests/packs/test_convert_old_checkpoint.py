from __future__ import annotations

import pickle
import struct
import tracemalloc
from typing import Any

import numpy as np
import pytest
from tests.packs.test_convert_checkpoint import (
    BIG,
    DEEP,
    FALSE,
    FLOAT,
    HOOKS,
    LONG,
    QINT8,
    Exploit,
    archive,
    calling,
    name,
    number,
    numbers,
    state,
    text,
    tup,
)

from visavis.errors import PackError
from visavis.packs.convert import old_checkpoint
from visavis.packs.convert.checkpoint import MAX_PICKLE_BYTES
from visavis.packs.convert.old_checkpoint import read_old_checkpoint

MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2)
SYSTEM = {
    "protocol_version": 1001,
    "little_endian": True,
    "type_sizes": {"short": 2, "int": 4, "long": 4},
}
SIX = np.arange(6, dtype="<f4").tobytes()


def storage(kind: bytes = FLOAT, key: str = "0", count: int = 6, view: bytes = b"N") -> bytes:
    return tup(text("storage"), kind, text(key), text("cuda:0"), number(count), view) + b"Q"


def tensor(
    held: bytes | None = None,
    offset: Any = 0,
    size: tuple[Any, ...] = (2, 3),
    stride: tuple[Any, ...] = (3, 1),
) -> bytes:
    arguments = tup(held or storage(), number(offset), numbers(size), numbers(stride), FALSE, HOOKS)
    return name("torch._utils", "_rebuild_tensor_v2") + arguments + b"R"


def elements(raw: bytes = SIX, count: int = 6) -> bytes:
    return struct.pack("<q", count) + raw


def checkpoint(
    program: bytes | None = None,
    keys: object = ("0",),
    rest: bytes | None = None,
    *,
    magic: bytes = MAGIC,
    system: object = SYSTEM,
) -> bytes:
    """A whole file, made by Python's own pickle but for the tensors."""
    listed = pickle.dumps(list(keys) if isinstance(keys, tuple) else keys, 2)
    tensors = state(a=tensor()) if program is None else program
    return magic + pickle.dumps(system, 2) + tensors + listed + (elements() if rest is None else rest)


def code_of(content: bytes) -> str | None:
    """The code of the error that reading ends in, if it does; other errors pass through."""
    try:
        read_old_checkpoint(content)
    except PackError as error:
        return error.code
    return None


# What is read


def test_tensors_are_read_by_name() -> None:
    program = state(
        whole=tensor(),
        part=tensor(offset=2, size=(1, 3), stride=(99, 1)),
        steps=tensor(storage(LONG, "94625836731344", 1), size=(), stride=()),
    )
    # The storages may come in another order than the tensors.
    rest = elements(np.array([7], "<i8").tobytes(), 1) + elements()
    read = read_old_checkpoint(checkpoint(program, ("94625836731344", "0"), rest))
    assert {key: value.tolist() for key, value in read.items()} == {
        "whole": [[0, 1, 2], [3, 4, 5]],
        "part": [[2, 3, 4]],
        "steps": 7,
    }
    assert {key: value.dtype for key, value in read.items()} == {
        "whole": np.float32,
        "part": np.float32,
        "steps": np.int64,
    }


def test_the_state_of_the_dictionary_is_ignored() -> None:
    program = state(a=tensor())[:-1] + b"}" + text("_metadata") + b"}s" + b"b."
    assert list(read_old_checkpoint(checkpoint(program))) == ["a"]


def test_a_checkpoint_may_be_empty() -> None:
    assert read_old_checkpoint(checkpoint(state(), (), b"")) == {}


# What is refused


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(calling("os", "system"), id="os.system"),
        pytest.param(calling("builtins", "eval"), id="eval"),
        pytest.param(calling("torch", "load"), id="another name of torch"),
        pytest.param(calling("torch._utils", "_rebuild_parameter"), id="a name of the newer format"),
        pytest.param(state(a=tensor(storage(QINT8, count=24))), id="a storage of the newer format"),
        pytest.param(b"\x80\x02(S'true'\nios\nsystem\n.", id="INST"),
        pytest.param(b"\x80\x02(" + HOOKS + text("true") + b"o.", id="OBJ"),
        pytest.param(b"\x80\x02" + HOOKS + b")\x81.", id="NEWOBJ"),
        pytest.param(b"\x80\x02\x82\x01.", id="EXT1"),
        pytest.param(b"\x80\x02P1\n.", id="PERSID"),
        *(
            pytest.param(pickle.dumps({"a": Exploit()}, protocol), id=f"os.system in protocol {protocol}")
            for protocol in range(6)
        ),
    ],
)
def test_a_pickle_that_does_more_is_unsafe(program: bytes) -> None:
    assert code_of(checkpoint(program)) == "pack.unsafe"


def test_every_pickle_is_watched() -> None:
    assert code_of(checkpoint(system=Exploit())) == "pack.unsafe"
    assert code_of(checkpoint(keys=Exploit())) == "pack.unsafe"


DAMAGED = {
    "nothing": b"",
    "the newer format": archive(state(a=tensor())),
    "a pickle of something else": pickle.dumps({"a": 1}, 2),
    "a magic number alone": MAGIC,
    "another magic number": checkpoint(magic=pickle.dumps(0x1950A86A20F9469CFC6D, 2) + MAGIC[15:]),
    "another version": checkpoint(magic=MAGIC[:15] + pickle.dumps(1002, 2)),
    "a writer of big-endian numbers": checkpoint(system=SYSTEM | {"little_endian": False}),
    "a writer of other sizes": checkpoint(system=SYSTEM | {"type_sizes": {"short": 2, "int": 4, "long": 8}}),
    "a writer that says nothing": checkpoint(system={}),
    "a list where the writer's numbers belong": checkpoint(system=[]),
    "no dictionary": checkpoint(b"\x80\x02]."),
    "an entry of text": checkpoint(state(a=text("tensor"))),
    "an entry of a dictionary": checkpoint(state(a=tensor(), b=HOOKS)),
    "a storage listed twice": checkpoint(keys=("0", "0"), rest=elements() * 2),
    "a storage that nobody listed": checkpoint(keys=(), rest=b""),
    "a listed storage that nobody uses": checkpoint(keys=("0", "1"), rest=elements() * 2),
    "a list of other things": checkpoint(keys=[0]),
    "a key within a key": checkpoint(keys=[["0"]]),
    "no list": checkpoint(keys={"0": "0"}),
    "fewer elements than stated": checkpoint(rest=elements(SIX[:20], 5)),
    "more elements than stated": checkpoint(rest=elements(SIX + SIX[:4], 7)),
    "a count below zero": checkpoint(rest=elements(count=-6)),
    "a count of 2^62": checkpoint(rest=elements(count=1 << 62)),
    "half a count": checkpoint(rest=b"\x06\0\0\0"),
    "an element that is cut": checkpoint(rest=elements(SIX[:-1])),
    "a byte too many": checkpoint(rest=elements() + b"\0"),
    "another file behind it": checkpoint(rest=elements() + checkpoint()),
    "a storage larger than the file": checkpoint(state(a=tensor(storage(count=BIG)))),
    "a storage of less than nothing": checkpoint(state(a=tensor(storage(count=-6)))),
    "storages larger than the file together": checkpoint(
        state(**{f"t{i}": tensor(storage(key=str(i), count=60)) for i in range(60)})
    ),
    "a storage of two types": checkpoint(state(a=tensor(), b=tensor(storage(LONG)))),
    "a storage of two sizes": checkpoint(state(a=tensor(), b=tensor(storage(count=7)))),
    "a part of a storage": checkpoint(state(a=tensor(storage(view=tup(text("1"), number(0), number(6)))))),
    "a reference of the newer format": checkpoint(
        state(a=tensor(tup(text("storage"), FLOAT, text("0"), text("cpu"), number(6)) + b"Q"))
    ),
    "a reference that is text": checkpoint(state(a=tensor(text("storage") + b"Q"))),
    "a tensor past the end": checkpoint(state(a=tensor(offset=1))),
    "a tensor before the start": checkpoint(state(a=tensor(offset=-1))),
    "a tensor of 2^93 elements": checkpoint(state(a=tensor(size=(BIG,) * 3, stride=(BIG, BIG, 1)))),
    "a tensor of one value repeated": checkpoint(state(a=tensor(stride=(0, 0)))),
    "a transposed tensor": checkpoint(state(a=tensor(stride=(1, 2)))),
    "a list that grows something else": checkpoint(b"\x80\x02)" + text("0") + b"a."),
    "a deeply nested entry": checkpoint(state(a=DEEP)),
    "a deeply nested key": checkpoint(b"\x80\x02}" + DEEP + tensor() + b"s."),
    "a tuple doubled forty times": checkpoint(b"\x80\x02)" + b"q\0h\0h\0\x86" * 40 + b"."),
    "a pickle without an end": checkpoint(state(a=tensor())[:-1]),
    "an unknown instruction": checkpoint(b"\x80\x02\xff."),
    "a number as long as four gigabytes": checkpoint(b"\x80\x02\x8b\xff\xff\xff\x7f."),
    "text as long as four gigabytes": checkpoint(b"\x80\x02X\xff\xff\xff\xff."),
    "a pickle that is too long": checkpoint(state(a=tensor(), **{"b" * MAX_PICKLE_BYTES: tensor()})),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_what_does_not_hold_is_damaged(content: bytes) -> None:
    assert code_of(content) == "pack.damaged"


def test_memory_stays_within_a_few_files() -> None:
    """However large the storages are said to be, and however many tensors lie on one of them."""
    floats = np.zeros(1 << 18, "<f4")
    many = {f"t{i}": tensor(storage(count=1 << 18), size=(1 << 18,), stride=(1,)) for i in range(1000)}
    whole = checkpoint(state(**many), rest=elements(floats.tobytes(), 1 << 18))
    for content, expected in (
        (whole, None),
        (checkpoint(state(a=tensor(storage(count=BIG))), rest=floats.tobytes()), "pack.damaged"),
    ):
        tracemalloc.start()
        code = code_of(content)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert code == expected
        assert peak < 4 * len(content)


def test_storages_count_against_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    content = checkpoint(state(a=tensor(), b=tensor(storage(key="1"))), ("0", "1"), elements() + elements())
    monkeypatch.setattr(old_checkpoint, "MAX_TENSOR_BYTES", 48)
    assert code_of(content) is None
    monkeypatch.setattr(old_checkpoint, "MAX_TENSOR_BYTES", 47)
    assert code_of(content) == "pack.damaged"


WHOLE = checkpoint(
    state(a=tensor(), b=tensor(storage(LONG, "1", 1), size=(), stride=())),
    ("0", "1"),
    elements() + elements(bytes(8), 1),
)


def test_a_cut_file_is_damaged_wherever_it_is_cut() -> None:
    assert code_of(WHOLE) is None
    for length in range(len(WHOLE)):
        assert code_of(WHOLE[:length]) == "pack.damaged", length


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_an_altered_byte_never_ends_in_another_error(flip: int) -> None:
    refused = 0
    for position in range(len(WHOLE)):
        altered = bytearray(WHOLE)
        altered[position] ^= flip
        code = code_of(bytes(altered))
        assert code in {None, "pack.damaged", "pack.unsafe"}
        refused += code is not None
    # Names of tensors and devices, and the elements themselves, may change unnoticed.
    assert refused > len(WHOLE) / 2
