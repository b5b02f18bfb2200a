from __future__ import annotations

import io
import os
import pickle
import struct
import warnings
import zipfile
from typing import Any

import numpy as np
import pytest

from visavis.errors import PackError
from visavis.packs.convert import checkpoint
from visavis.packs.convert.checkpoint import read_checkpoint

# Pickles, instruction by instruction: what PyTorch writes, and what an attacker would


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def number(value: int | float) -> bytes:
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    return b"J" + struct.pack("<i", value)


def tup(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def numbers(values: tuple[Any, ...]) -> bytes:
    return tup(*map(number, values))


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


FLOAT, LONG, QINT8 = (name("torch", f"{kind}Storage") for kind in ("Float", "Long", "QInt8"))
HOOKS = name("collections", "OrderedDict") + b")R"
FALSE = b"\x89"


def storage(kind: bytes = FLOAT, key: str = "0", count: int = 6) -> bytes:
    return tup(text("storage"), kind, text(key), text("cpu"), number(count)) + b"Q"


def tensor(
    held: bytes | None = None,
    offset: Any = 0,
    size: tuple[Any, ...] = (2, 3),
    stride: tuple[Any, ...] = (3, 1),
) -> bytes:
    arguments = tup(held or storage(), number(offset), numbers(size), numbers(stride), FALSE, HOOKS)
    return name("torch._utils", "_rebuild_tensor_v2") + arguments + b"R"


def quantised(
    held: bytes, size: tuple[int, ...], stride: tuple[int, ...], scale: float = 0.5, zero_point: int = 0
) -> bytes:
    quantiser = tup(name("torch", "per_tensor_affine"), number(scale), number(zero_point))
    arguments = tup(held, number(0), numbers(size), numbers(stride), quantiser, FALSE, HOOKS)
    return name("torch._utils", "_rebuild_qtensor") + arguments + b"R"


def state(**entries: bytes) -> bytes:
    items = b"".join(text(key) + value for key, value in entries.items())
    return b"\x80\x02" + HOOKS + b"(" + items + b"u."


SIX = np.arange(6, dtype="<f4")


def archive(
    program: bytes | None, members: dict[str, bytes] | None = None, method: int = zipfile.ZIP_STORED
) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as file:
        if program is not None:
            file.writestr("net/data.pkl", program)
        for key, raw in ({"data/0": SIX.tobytes()} if members is None else members).items():
            file.writestr(f"net/{key}", raw)
    return content.getvalue()


def read(program: bytes, members: dict[str, bytes] | None = None) -> dict[str, Any]:
    return {key: value.tolist() for key, value in read_checkpoint(archive(program, members)).items()}


def code_of(content: bytes) -> str | None:
    """The code of the error that reading ends in, if it does; other errors pass through."""
    try:
        read_checkpoint(content)
    except PackError as error:
        return error.code
    return None


# What is read


def test_tensors_are_read_by_name() -> None:
    members = {"data/0": SIX.tobytes(), "data/1": np.array([7], "<i8").tobytes()}
    program = state(
        whole=tensor(),
        part=tensor(offset=2, size=(1, 3), stride=(99, 1)),
        scalar=tensor(storage(LONG, "1", 1), size=(), stride=()),
        parameter=name("torch._utils", "_rebuild_parameter") + tup(tensor(), FALSE, HOOKS) + b"R",
        marker=name("torch", "qint8"),
    )
    assert read(program, members) == {
        "whole": [[0, 1, 2], [3, 4, 5]],
        "part": [[2, 3, 4]],
        "scalar": 7,
        "parameter": [[0, 1, 2], [3, 4, 5]],
    }


def test_a_quantised_layer_becomes_weight_and_bias() -> None:
    members = {"data/0": SIX.tobytes(), "data/1": np.array([-128, 0, 3, 127], np.int8).tobytes()}
    weight = quantised(storage(QINT8, "1", 4), (2, 2), (2, 1), scale=0.5, zero_point=2)
    pair = tup(weight, tensor(size=(2,), stride=(1,)))
    assert read(state(**{"fc._packed_params._packed_params": pair}), members) == {
        "fc.weight": [[-65, -1], [0.5, 62.5]],  # 0.5 (q - 2)
        "fc.bias": [0, 1],
    }


def test_the_state_of_the_dictionary_is_ignored() -> None:
    program = state(a=tensor())[:-1] + b"}" + text("_metadata") + b"}s" + b"b."
    assert list(read(program)) == ["a"]


def test_a_memo_far_out_costs_no_memory() -> None:
    program = b"\x80\x02}r\xff\xff\xff\xff(" + text("a") + tensor() + b"u."
    assert list(read(program)) == ["a"]


# What is refused


class Exploit:
    def __reduce__(self) -> Any:
        return os.system, ("true",)


def calling(module: str, attribute: str) -> bytes:
    return state(a=name(module, attribute) + tup(text("true")) + b"R")


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(calling("os", "system"), id="os.system"),
        pytest.param(calling("builtins", "eval"), id="eval"),
        pytest.param(calling("torch", "load"), id="another name of torch"),
        pytest.param(calling("collections", "OrderedDict.fromkeys"), id="a method of an allowed name"),
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
    with pytest.raises(PackError) as caught:
        read_checkpoint(archive(program))
    assert caught.value.code == "pack.unsafe"


DEEP = b")" + b"\x85" * 200_000
BIG = 2**31 - 1

DAMAGED = {
    "no storage of that name": state(a=tensor(storage(key="1"))),
    "a way out of the archive": state(a=tensor(storage(key="../../../etc/passwd"))),
    "a storage of fewer elements": state(a=tensor(storage(count=5))),
    "a storage of more elements": state(a=tensor(storage(count=BIG))),
    "a storage of another type": state(a=tensor(storage(LONG))),
    "a storage on a GPU": state(a=tensor(storage().replace(text("cpu"), text("cuda")))),
    "a reference of another form": state(a=tensor(tup(text("module")) + b"Q")),
    "a tensor past the end": state(a=tensor(offset=1)),
    "a tensor before the start": state(a=tensor(offset=-1)),
    "a tensor larger than its storage": state(a=tensor(size=(3, 3))),
    "a tensor of 2^93 elements": state(a=tensor(size=(BIG, BIG, BIG), stride=(BIG, BIG, 1))),
    "a negative side": state(a=tensor(size=(-2, -3))),
    "half a side": state(a=tensor(size=(2.0, 3))),
    "a side that is true": state(a=tensor().replace(numbers((2, 3)), tup(b"\x88", number(3)))),
    "a transposed tensor": state(a=tensor(stride=(1, 2))),
    "a tensor of one value repeated": state(a=tensor(stride=(0, 0))),
    "fewer strides than sides": state(a=tensor(stride=(1,))),
    "too many dimensions": state(a=tensor(size=(1,) * 70, stride=(1,) * 70)),
    "a tensor as storage": state(a=tensor(tensor())),
    "text as storage": state(a=tensor(text("storage"))),
    "a float tensor called quantised": state(a=quantised(storage(), (2, 3), (3, 1))),
    "an infinite scale": state(a=quantised(storage(QINT8, count=24), (24,), (1,), scale=float("inf"))),
    "a scale that overflows": state(a=quantised(storage(QINT8, count=24), (24,), (1,), scale=1e300)),
    "a negative scale": state(a=quantised(storage(QINT8, count=24), (24,), (1,), scale=-1.0)),
    "a zero point of 128": state(a=quantised(storage(QINT8, count=24), (24,), (1,), zero_point=128)),
    "arguments that miss": state(a=name("torch._utils", "_rebuild_tensor_v2") + b")R"),
    "a call of a marker": state(a=name("torch", "qint8") + b")R"),
    "a call of text": state(a=text("eval") + b")R"),
    "an entry of text": state(a=text("tensor")),
    "a pair under another name": state(a=tup(tensor(), tensor())),
    "a pair of one": state(**{"a._packed_params._packed_params": tup(tensor())}),
    "a deeply nested entry": state(a=DEEP),
    "a deeply nested key": b"\x80\x02}" + DEEP + tensor() + b"s.",
    "a number as key": b"\x80\x02}" + number(1) + tensor() + b"s.",
    "a key without a value": b"\x80\x02}(" + text("a") + b"u.",
    "items for a tuple": b"\x80\x02)" + text("a") + tensor() + b"s.",
    "a list at the top": b"\x80\x02).",
    "nothing on the stack": b"\x80\x02.",
    "more taken than given": b"\x80\x02R.",
    "no mark": b"\x80\x02)t.",
    "nothing to remember": b"\x80\x02q\x00.",
    "nothing remembered": b"\x80\x02h\x00.",
    "no end": state(a=tensor())[:-1],
    "cut within a number": state(a=tensor())[:-40],
    "an unknown instruction": b"\x80\x02\xff.",
    "an empty pickle": b"",
    "text that is no UTF-8": b"\x80\x02X\x01\0\0\0\xff.",
    "a pickle that is too long": state(a=tensor(), **{"b" * checkpoint.MAX_PICKLE_BYTES: tensor()}),
}


@pytest.mark.parametrize("program", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_pickle_that_does_not_hold_is_damaged(program: bytes) -> None:
    with pytest.raises(PackError) as caught:
        read_checkpoint(archive(program))
    assert caught.value.code == "pack.damaged"


def with_two_pickles() -> bytes:
    content = io.BytesIO(archive(state(a=tensor())))
    with zipfile.ZipFile(content, "a") as file:
        file.writestr("other/data.pkl", state(a=tensor()))
    return content.getvalue()


def with_stated_size(size: int) -> bytes:
    """The member data/0 claims another size in both of its headers."""
    real, false = (struct.pack("<II", n, n) for n in (SIX.nbytes, size))
    content = archive(state(a=tensor(storage(count=size // 4))))
    assert content.count(real) == 2
    return content.replace(real, false)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"PK\x03\x04", id="a zip's first bytes"),
        pytest.param(pickle.dumps({"a": 1}), id="PyTorch's older format: no zip"),
        pytest.param(archive(None), id="no pickle"),
        pytest.param(with_two_pickles(), id="two pickles"),
        pytest.param(archive(state(a=tensor()), {}), id="no storages"),
        pytest.param(archive(state(a=tensor()), method=zipfile.ZIP_DEFLATED), id="compressed"),
        pytest.param(
            archive(
                state(a=tensor(storage(count=1 << 24))), {"data/0": bytes(1 << 26)}, zipfile.ZIP_DEFLATED
            ),
            id="a zip bomb",
        ),
        pytest.param(with_stated_size(1 << 20), id="a size beyond the file"),
        pytest.param(with_stated_size(4_000_000_000), id="a size of 4 GB"),
        pytest.param(
            archive(state(a=tensor()), {f"data/{i}": b"" for i in range(checkpoint.MAX_MEMBERS)}),
            id="too many members",
        ),
        pytest.param(archive(state(a=tensor())).replace(SIX.tobytes(), b"\1" * 24), id="altered bytes"),
    ],
)
def test_an_archive_that_does_not_hold_is_damaged(content: bytes) -> None:
    with pytest.raises(PackError) as caught:
        read_checkpoint(content)
    assert caught.value.code == "pack.damaged"


def test_one_storage_read_as_many_large_tensors_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "MAX_TENSOR_BYTES", 1 << 20)
    members = {"data/0": bytes(1 << 14)}
    large = quantised(storage(QINT8, "0", 1 << 14), (1 << 14,), (1,))
    # The storage takes 16 kB, and each tensor 64 kB as float32: 15 fit, 16 don't.
    assert len(read(state(**{f"t{i}": large for i in range(15)}), members)) == 15
    with pytest.raises(PackError) as caught:
        read(state(**{f"t{i}": large for i in range(16)}), members)
    assert caught.value.code == "pack.damaged"


WHOLE = archive(state(a=tensor(), b=quantised(storage(QINT8, "1", 4), (4,), (1,))), {
    "data/0": SIX.tobytes(),
    "data/1": b"\1\2\3\4",
})  # fmt: skip


def test_a_cut_archive_is_damaged_wherever_it_is_cut() -> None:
    for length in range(len(WHOLE)):
        with pytest.raises(PackError) as caught:
            read_checkpoint(WHOLE[:length])
        assert caught.value.code == "pack.damaged", length


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_an_altered_byte_never_ends_in_another_error(flip: int) -> None:
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # zipfile's, about names that occur twice
        for position in range(len(WHOLE)):
            altered = bytearray(WHOLE)
            altered[position] ^= flip
            code = code_of(bytes(altered))
            assert code in {None, "pack.damaged", "pack.unsafe"}
            refused += code is not None
    # Dates, permissions and the like may change unnoticed; the pickle and the tensors may not.
    assert refused > len(WHOLE) / 2


def test_altered_pickles_never_end_in_another_error() -> None:
    """As above with the archive's own checksums right, so that the pickle machine meets the harm."""
    program = state(a=tensor(), b=quantised(storage(QINT8, "1", 4), (4,), (1,)))
    members = {"data/0": SIX.tobytes(), "data/1": b"\1\2\3\4"}
    rng = np.random.default_rng(3)
    for _ in range(1500):
        altered = bytearray(program)
        for position in rng.integers(0, len(program), rng.integers(1, 4)):
            altered[position] = rng.integers(0, 256)
        assert code_of(archive(bytes(altered), members)) in {None, "pack.damaged", "pack.unsafe"}
