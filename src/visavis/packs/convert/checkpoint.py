"""Reads the tensors of a PyTorch checkpoint without PyTorch, and without running what its pickle could run.

A pickle is a program that may call anything. This module reads it with a machine of its own that knows the
instructions and the nine names that a checkpoint of tensors and dynamically quantised layers consists of, and
stops at everything else. Every number that the file states about itself is checked against the bytes that are
there. The format is what PyTorch 1.6 and later write: a zip archive of `data.pkl` and a raw member for each
storage.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from visavis.errors import PackError

MAX_MEMBERS = 4096
MAX_PICKLE_BYTES = 1 << 20
MAX_TENSOR_BYTES = 64 << 20
"""Limits; the largest file that visavis knows has 302 members, a pickle of 54 kB and tensors of 12 MB."""

MAX_SCALE = 1e30
"""Of a quantised tensor: beyond, values overflow float32; the files that visavis knows stay under 0.02."""

QUANTISED_PAIR = "._packed_params._packed_params"
"""How the entry ends that holds a quantised layer's weight and bias together."""

Array = NDArray[Any]


def read_checkpoint(source: bytes) -> dict[str, Array]:
    """Read the tensors of a zip-format PyTorch checkpoint.

    Args:
        source: The file's bytes, from anywhere.

    Returns:
        Each tensor by its name: float32, or int64. A quantised tensor comes as scale x (q - zero point); a
        quantised layer's pair becomes `<layer>.weight` and `<layer>.bias`. What is no tensor is left out.

    Raises:
        PackError: `pack.unsafe` if the pickle uses an instruction or a name outside the few that it needs;
            `pack.damaged` if the archive, or what it says about itself, doesn't hold.
    """
    with _open(source) as archive:
        storages = _Storages(archive)
        entries = Machine(storages).run(storages.read_pickle())
    if not isinstance(entries, dict):
        damaged("the checkpoint is no dictionary of tensors", found=type(entries).__name__)
    tensors: dict[str, Array] = {}
    for name, value in entries.items():
        match value:
            case np.ndarray():
                tensors[name] = value
            case (np.ndarray() as weight, np.ndarray() as bias) if name.endswith(QUANTISED_PAIR):
                layer = name.removesuffix(QUANTISED_PAIR)
                tensors |= {f"{layer}.weight": weight, f"{layer}.bias": bias}
            case Name():
                pass
            case _:
                damaged(f"the checkpoint's entry {name} is no tensor", found=type(value).__name__)
    return tensors


def damaged(message: str, *, found: object = None, expected: object = None) -> NoReturn:
    """Raise the error for a file that isn't what it should be."""
    raise PackError("pack.damaged", message, found=found, expected=expected)


def _open(source: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(source))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise PackError("pack.damaged", "the checkpoint is no readable zip archive") from error


class _Storages:
    """The members of the archive. Each is read once; all that is handed out counts against one limit."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            damaged("the checkpoint has too many members", found=len(members), expected=MAX_MEMBERS)
        self._members = {member.filename: member for member in members}
        pickles = [name for name in self._members if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(pickles) != 1:
            damaged("the checkpoint needs one data.pkl", found=len(pickles))
        self._pickle = pickles[0]
        self._root = self._pickle.removesuffix("data.pkl")
        self._arrays: dict[str, Array] = {}
        self._left = MAX_TENSOR_BYTES

    def read_pickle(self) -> bytes:
        return self._read(self._pickle, MAX_PICKLE_BYTES)

    def storage(self, key: str, dtype: str, count: int) -> Array:
        """The storage `data/<key>`, a flat array of exactly `count` elements."""
        if key not in self._arrays:
            self._arrays[key] = np.frombuffer(self._read(f"{self._root}data/{key}", self._left), np.uint8)
            self.take(self._arrays[key].nbytes)
        raw = self._arrays[key]
        if raw.nbytes != count * np.dtype(dtype).itemsize:
            damaged(f"the storage {key} has another size than stated", found=raw.nbytes, expected=count)
        return raw.view(dtype)

    def take(self, size: int) -> None:
        """Count memory for tensors: many of them may share, and each enlarge, one small storage."""
        self._left -= size
        if self._left < 0:
            damaged("the checkpoint's tensors are too large", expected=MAX_TENSOR_BYTES)

    def _read(self, name: str, limit: int) -> bytes:
        member = self._members.get(name)
        if member is None:
            damaged(f"the checkpoint lacks {name}")
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            damaged(f"the checkpoint's member {name} is compressed", expected="stored as it is")
        if member.file_size > limit:
            damaged(f"the checkpoint's member {name} is too large", found=member.file_size, expected=limit)
        try:
            return self._archive.read(member)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
            raise PackError("pack.damaged", f"the checkpoint's member {name} can't be read") from error


@dataclass(frozen=True, slots=True)
class Name:
    """A global of the pickle: a name to compare with, never the thing itself."""

    name: str


STORAGE_TYPES = {"torch FloatStorage": "<f4", "torch LongStorage": "<i8", "torch QInt8Storage": "|i1"}

ORDERED_DICT = "collections OrderedDict"
PER_TENSOR = "torch per_tensor_affine"
TENSOR = "torch._utils _rebuild_tensor_v2"
QUANTISED_TENSOR = "torch._utils _rebuild_qtensor"
PARAMETER = "torch._utils _rebuild_parameter"

NAMES = {*STORAGE_TYPES, ORDERED_DICT, PER_TENSOR, TENSOR, QUANTISED_TENSOR, PARAMETER, "torch qint8"}
"""The nine names that a checkpoint may use."""

_MARK = object()


class Storages(Protocol):
    """Where a pickle's tensors find their elements."""

    def storage(self, key: str, dtype: str, count: int) -> Array:
        """The storage of that key, a flat array of `count` elements."""

    def take(self, size: int) -> None:
        """Count the bytes of an array that is about to be made."""


class Machine:
    """Runs a pickle's instructions on a stack of plain values."""

    def __init__(self, storages: Storages) -> None:
        self._storages = storages
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self, program: bytes) -> object:
        """Run a program to its end and return what it leaves."""
        try:
            for instruction, argument, _ in pickletools.genops(program):
                self._step(instruction.name, argument)
            return self._stack.pop()
        except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
            raise PackError("pack.damaged", "the checkpoint's pickle can't be read") from error

    def _step(self, instruction: str, argument: Any) -> None:  # noqa: PLR0912 (one case for each instruction)
        stack = self._stack
        match instruction:
            case "PROTO" | "STOP":
                pass
            case "BININT" | "BININT1" | "BININT2" | "BINFLOAT" | "BINUNICODE":
                stack.append(argument)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(instruction == "NEWTRUE")
            case "EMPTY_TUPLE":
                stack.append(())
            case "EMPTY_DICT":
                stack.append({})
            case "MARK":
                stack.append(_MARK)
            case "TUPLE":
                stack.append(tuple(self._pop_to_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(self._pop(int(instruction[-1]))))
            case "SETITEM":
                self._set_items(self._pop(2))
            case "SETITEMS":
                self._set_items(self._pop_to_mark())
            case "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self._memo[argument])
            case "GLOBAL":
                stack.append(_name(argument))
            case "BINPERSID":
                stack.append(self._storage(stack.pop()))
            case "REDUCE":
                function, arguments = self._pop(2)
                stack.append(self._call(function, arguments))
            case "BUILD":
                # Only the top dictionary has a state, and nothing in it is about tensors.
                self._pop(1)
            case _:
                raise PackError(
                    "pack.unsafe", "the checkpoint's pickle does what no checkpoint needs", found=instruction
                )

    def _pop(self, count: int) -> list[Any]:
        if len(self._stack) < count:
            damaged("the checkpoint's pickle takes more than it gave")
        values = self._stack[-count:]
        del self._stack[-count:]
        return values

    def _pop_to_mark(self) -> list[Any]:
        values = []
        while (value := self._stack.pop()) is not _MARK:
            values.append(value)
        return values[::-1]

    def _set_items(self, pairs: list[Any]) -> None:
        target = self._stack[-1]
        # Text keys only: Python's hash of a deeply nested tuple overflows the stack of the process.
        if not isinstance(target, dict) or len(pairs) % 2 or not all(type(key) is str for key in pairs[::2]):
            damaged("the checkpoint's pickle fills no dictionary by name")
        target.update(zip(pairs[::2], pairs[1::2], strict=True))

    def _storage(self, reference: Any) -> Array:
        match reference:
            case ("storage", Name(kind), str(key), "cpu", int(count)) if kind in STORAGE_TYPES:
                return self._storages.storage(key, STORAGE_TYPES[kind], count)
            case _:
                damaged("the checkpoint's pickle asks for no storage")

    def _call(self, function: Any, arguments: Any) -> object:
        match function, arguments:
            case Name(name=name), () if name == ORDERED_DICT:
                return {}
            case Name(name=name), (storage, offset, size, stride, bool(), dict()) if name == TENSOR:
                return _view(storage, offset, size, stride)
            case Name(name=name), (storage, offset, size, stride, quantiser, bool(), dict()) if (
                name == QUANTISED_TENSOR
            ):
                return self._dequantise(_view(storage, offset, size, stride), quantiser)
            case Name(name=name), (np.ndarray() as tensor, bool(), dict()) if name == PARAMETER:
                return tensor
            case _:
                damaged("the checkpoint's pickle makes no tensor")

    def _dequantise(self, quantised: Array, quantiser: Any) -> Array:
        match quantiser:
            case (Name(name=name), float(scale), int(zero_point)) if name == PER_TENSOR:
                if not 0 < scale < MAX_SCALE:
                    damaged("a quantised tensor's scale is out of range", found=scale)
                if quantised.dtype != np.int8 or not -128 <= zero_point <= 127:
                    damaged("a quantised tensor is not of 8 bits", found=quantised.dtype)
                self._storages.take(4 * quantised.size)
                return (scale * (quantised.astype(np.float64) - zero_point)).astype(np.float32)
            case _:
                damaged("a tensor is quantised in an unknown way")


def _name(name: str) -> Name:
    if name not in NAMES:
        raise PackError(
            "pack.unsafe", "the checkpoint asks for what no checkpoint needs", found=name.replace(" ", ".")
        )
    return Name(name)


def _view(storage: Any, offset: Any, size: Any, stride: Any) -> Array:
    """A tensor on a storage: contiguous, in C order, and inside."""
    if not isinstance(storage, np.ndarray) or storage.ndim != 1:
        damaged("a tensor has no storage")
    if not _are_counts((offset,)) or not _are_counts(size) or not _are_counts(stride):
        damaged("a tensor's place is not stated in whole numbers")
    if len(size) > 8 or len(size) != len(stride):
        damaged("a tensor's shape and strides don't fit", found=(size, stride))
    step = 1
    for side, stated in zip(reversed(size), reversed(stride), strict=True):
        if side != 1 and stated != step:
            damaged("a tensor is not contiguous", found=stride)
        step *= side
    if offset + step > storage.size:
        damaged("a tensor reaches beyond its storage", found=offset + step, expected=storage.size)
    return storage[offset : offset + step].reshape(size)


def _are_counts(values: Any) -> bool:
    return isinstance(values, tuple) and all(type(value) is int and value >= 0 for value in values)
