"""Reads the tensors of a checkpoint in PyTorch's older format: what was written before PyTorch 1.6.

Such a file is no archive but one row of bytes: a pickle of a magic number, one of the format's version, one
of the sizes of the writer's numbers, one of the tensors, one that lists the storages, and then the storages
themselves, each as a count and that many elements. The pickles run on the machine of `checkpoint.py`, with
four names in place of its nine. The elements come after the tensors that lie on them: arrays are made first
and filled at the end, and never more of them than the file has bytes.
"""

from __future__ import annotations

import pickletools
from typing import Any

import numpy as np

from visavis.errors import PackError
from visavis.packs.convert.checkpoint import (
    MAX_PICKLE_BYTES,
    MAX_TENSOR_BYTES,
    ORDERED_DICT,
    STORAGE_TYPES,
    TENSOR,
    Array,
    Machine,
    Name,
    damaged,
)

MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."
"""The pickles of 0x1950a86a20f9469cfc6c and of 1001, the version, as every writer makes them."""

SYSTEM = {
    "protocol_version": 1001,
    "little_endian": True,
    "type_sizes": {"short": 2, "int": 4, "long": 4},
}
"""What the third pickle says on every machine that weights are published from."""

NAMES = {ORDERED_DICT, TENSOR, "torch FloatStorage", "torch LongStorage"}
"""The four names that such a checkpoint may use."""


def read_old_checkpoint(source: bytes) -> dict[str, Array]:
    """Read the tensors of a PyTorch checkpoint that is no zip archive.

    Args:
        source: The file's bytes, from anywhere.

    Returns:
        Each tensor by its name: float32, or int64.

    Raises:
        PackError: `pack.unsafe` if a pickle uses an instruction or a name outside the few that it needs;
            `pack.damaged` if the file, or what it says about itself, doesn't hold.
    """
    return _Reader(source).read()


class _Reader:
    """Reads the row from its first byte to its last; `place` says how far it is."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._place = 0

    def read(self) -> dict[str, Array]:
        if not self._source.startswith(MAGIC):
            damaged("the checkpoint is not in PyTorch's older format", found=self._source[: len(MAGIC)])
        self._place = len(MAGIC)
        storages = _Storages(len(self._source))
        if self._run_pickle(storages) != SYSTEM:
            damaged("the checkpoint was written on a machine with other numbers", expected=SYSTEM)
        tensors = self._run_pickle(storages)
        if not isinstance(tensors, dict) or not all(isinstance(v, np.ndarray) for v in tensors.values()):
            damaged("the checkpoint is no dictionary of tensors")
        for array in storages.in_order(self._run_pickle(storages)):
            self._fill(array)
        if self._place != len(self._source):
            damaged("the checkpoint goes on after its end", found=len(self._source), expected=self._place)
        return tensors

    def _run_pickle(self, storages: _Storages) -> Any:
        """What the pickle that begins here leaves."""
        program = self._source[self._place : self._place + MAX_PICKLE_BYTES]
        last = -1
        try:
            for _, _, place in pickletools.genops(program):
                last = place or 0
        except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
            raise PackError("pack.damaged", "the checkpoint's pickle can't be read") from error
        self._place += last + 1
        return _OldMachine(storages).run(program[: last + 1])

    def _fill(self, array: Array) -> None:
        """Fill a storage with the elements that stand here, which must be as many as the tensors said."""
        start = self._place + 8
        count = int.from_bytes(self._source[self._place : start], "little", signed=True)
        if count != array.size:
            damaged("a storage has another size than stated", found=count, expected=array.size)
        self._place = start + array.nbytes
        if self._place > len(self._source):
            damaged("the checkpoint is cut off", found=len(self._source), expected=self._place)
        array[:] = np.frombuffer(self._source, array.dtype, count, start)


class _Storages:
    """Flat arrays that are still to be filled, in all no larger than the file."""

    def __init__(self, size: int) -> None:
        self._left = min(size, MAX_TENSOR_BYTES)
        self._arrays: dict[str, Array] = {}

    def storage(self, key: str, dtype: str, count: int) -> Array:
        """The storage of that key, a flat array of `count` elements."""
        if key not in self._arrays:
            self.take(count * np.dtype(dtype).itemsize)
            self._arrays[key] = np.zeros(count, dtype)
        array = self._arrays[key]
        if array.dtype != dtype or array.size != count:
            damaged(f"the storage {key} is stated in two ways", found=count, expected=array.size)
        return array

    def take(self, size: int) -> None:
        """Count the bytes of an array that is about to be made: in all no more than the file has."""
        self._left -= size
        if size < 0 or self._left < 0:
            damaged("the checkpoint's storages are larger than the checkpoint", found=size)

    def in_order(self, keys: Any) -> list[Array]:
        """The storages in the order of the list that stands in front of their elements."""
        if not isinstance(keys, list) or not all(type(key) is str for key in keys):
            damaged("the checkpoint has no list of its storages")
        if len(keys) != len(self._arrays) or set(keys) != self._arrays.keys():
            damaged("the checkpoint lists other storages than its tensors use", found=len(keys))
        return [self._arrays[key] for key in keys]


class _OldMachine(Machine):
    """The machine with fewer names, a list for the storages' keys, and references of six members."""

    def _step(self, instruction: str, argument: Any) -> None:
        stack = self._stack
        match instruction:
            case "NONE":
                stack.append(None)
            case "EMPTY_LIST":
                stack.append([])
            case "APPEND":
                self._extend(self._pop(1))
            case "APPENDS":
                self._extend(self._pop_to_mark())
            case "GLOBAL" if argument not in NAMES:
                found = argument.replace(" ", ".")
                raise PackError(
                    "pack.unsafe", "the checkpoint asks for what no checkpoint needs", found=found
                )
            case _:
                super()._step(instruction, argument)

    def _extend(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            damaged("the checkpoint's pickle extends no list")
        target += values

    def _storage(self, reference: Any) -> Array:
        # The fourth is the device that the tensor was on, the last which part of a storage it saw.
        match reference:
            case ("storage", Name(kind), str(key), str(), int(count), None) if kind in STORAGE_TYPES:
                return self._storages.storage(key, STORAGE_TYPES[kind], count)
            case _:
                raise PackError("pack.damaged", "the checkpoint's pickle asks for no storage")
