"""What a safetensors file says of its tensors, read without any library that could open it."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import NamedTuple

LENGTH = struct.Struct("<Q")
"""The format begins with the length of its header, which is JSON."""
LARGEST_HEADER = 100_000_000
"""Bytes: what the format itself allows."""
METADATA = "__metadata__"


class TensorAbout(NamedTuple):
    """One tensor, by the header."""

    dtype: str
    """As the format calls it: `F32`, `BF16`, `U8`."""
    shape: tuple[int, ...]
    start: int
    """Of its bytes in the file."""
    end: int

    @property
    def numbers(self) -> int:
        """How many it holds."""
        return math.prod(self.shape)


def tensors_in(file: Path) -> dict[str, TensorAbout]:
    """Every tensor of a file by its name. Raises OSError, and ValueError for a broken header."""
    with file.open("rb") as stream:
        head = stream.read(LENGTH.size)
        if len(head) < LENGTH.size:
            raise ValueError("it is too short")
        (length,) = LENGTH.unpack(head)
        if length > LARGEST_HEADER:
            raise ValueError("its header is longer than the format allows")
        header = json.loads(stream.read(length))
    if not isinstance(header, dict):
        raise ValueError("its header is broken")  # noqa: TRY004 - a file's content, not an argument
    first = LENGTH.size + length
    try:
        return {k: _about(v, first) for k, v in header.items() if k != METADATA}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError("its header is broken") from error


def _about(told: dict[str, object], first: int) -> TensorAbout:
    """Raises what `tensors_in` expects for a tensor without dtype, shape or place."""
    dtype, shape, offsets = told["dtype"], told["shape"], told["data_offsets"]
    if not isinstance(dtype, str) or not isinstance(shape, list) or not isinstance(offsets, list):
        raise TypeError
    start, end = (int(offset) for offset in offsets)
    if end < start or any(not isinstance(side, int) for side in shape):
        raise ValueError
    return TensorAbout(dtype, tuple(shape), first + start, first + end)
