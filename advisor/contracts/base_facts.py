"""What trainers and backends agree on: facts of the base beside an adapter, and its digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

BASE_FACTS = "base.json"
"""Keys: `model`, `base_digest`, `method`, `objective`, `precision`, `base_bits` (4, 8 or null) and
`double_quantisation`. Beside a combination also `tasks`: name -> folder of the runs it came from.
The one file that names places of this machine: no export takes it along."""
EDGE_BYTES = 1 << 20
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


def weights_digest(folder: Path) -> str:
    """Digest over names, sizes and both ends of a model folder's weights, 16 digits.

    Empty where there is no such folder or no weights in it. Tokenizer and configuration are left
    out: they may be written anew while the weights stay.
    """
    files = sorted({path for pattern in WEIGHTS for path in folder.glob(pattern)})
    digest = hashlib.sha256()
    for path in files:
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as stream:
            digest.update(stream.read(EDGE_BYTES))
            if size > EDGE_BYTES:
                stream.seek(max(EDGE_BYTES, size - EDGE_BYTES))
                digest.update(stream.read())
    return digest.hexdigest()[:16] if files else ""
