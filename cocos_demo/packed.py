"""Weights in a file: NAME.safetensors, or NAME.safetensors.xz, the same packed, a seventh smaller with nothing lost.

All that ships is packed; what people train or import stays plain, and both are read everywhere. `xz -dk FILE` unpacks;

    python -m cocos_demo.packed FILE.safetensors ...

packs, and removes each plain file once its packed one has been read back. With `--round 8` before the files, weights in half
precision keep eight significant digits (binary, of eleven), as bfloat16 has them, and the files are another fifth smaller. With
`--share OTHER.safetensors.xz`, tensors that OTHER holds as well, to the bit, are left out of the files and read from OTHER, which
must lie beside them: a network trained upon another whose matching was frozen is half as large.
"""

import hashlib
import json
import lzma
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save, save_file
from torch import Tensor

from .files import beside

PLAIN, PACKED = ".safetensors", ".safetensors.xz"
# Of a weight's two bytes the upper one, sign, exponent and the first digits, is alike in all weights, the lower one is noise.
# lp and pb of 1 tell the two apart, and lc of 0 does not expect a byte to say anything about the next: -14.5 %, not -9.7 %.
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6, "lc": 0, "lp": 1, "pb": 1}]
LONGEST = 100_000_000  # bytes of a header, as safetensors has it
SHARED = "shared"  # in the header: whose tensors are not in this file, their names, and their SHA-256


class WeightsError(RuntimeError):
    """A file of weights cannot be read: it is cut short, broken, or something else; the message says which."""


def name(path: str | Path) -> str:
    """What the weights in a file are called: its name without folder and ending."""
    return Path(path).name.removesuffix(".xz").removesuffix(PLAIN)


def files(folder: Path) -> dict[str, Path]:
    """The weights in a folder, name -> file, by name; the plain file where both are there. Hidden ones are left out."""
    found = {}
    for ending in (PACKED, PLAIN):
        found |= {name(path): path for path in folder.glob(f"[!.]*{ending}")}
    return dict(sorted(found.items()))


def metadata(path: str | Path) -> dict[str, str]:
    """What is said about the weights; of a packed file no more than the header is unpacked. Raises WeightsError, OSError."""
    return {key: words for key, words in _header(path).items() if key != SHARED}


def shared_with(path: str | Path) -> str | None:
    """The name of the weights, beside these, that hold a part of their tensors. Raises WeightsError, OSError."""
    with _told():
        return json.loads(_header(path).get(SHARED, "{}")).get("by")


def _header(path: str | Path) -> dict[str, str]:
    with _told():
        if not _is_packed(path):
            with safe_open(path, framework="pt") as file:
                return file.metadata() or {}
        with open(path, "rb") as file:
            with lzma.open(file) as unpacked:
                length = int.from_bytes(unpacked.read(8), "little")
                if length > LONGEST:
                    raise ValueError("the header is too long")
                header = json.loads(unpacked.read(length))
            file.seek(-2, os.SEEK_END)
            if file.read() != b"YZ":  # the last bytes of every xz file
                raise EOFError("it is cut short")
        return header.get("__metadata__", {})


def tensors(path: str | Path) -> dict[str, Tensor]:
    """The weights, name -> tensor, with those that lie in the file they are shared with. Raises WeightsError, OSError."""
    with _told():
        said = _header(path).get(SHARED)
        return _own(path) if said is None else _own(path) | _lent(Path(path).parent, **json.loads(said))


def _own(path: str | Path) -> dict[str, Tensor]:
    """The weights that lie in this very file."""
    with _told():
        if _is_packed(path):
            return load(lzma.decompress(Path(path).read_bytes()))
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}


def _lent(folder: Path, by: str, names: list[str], sha256: str) -> dict[str, Tensor]:
    """The tensors of these names out of the weights called `by` in a folder. Raises WeightsError where they are others now."""
    there = files(folder)
    if by not in there:
        raise WeightsError(f"it shares tensors with {by}{PACKED}, which is not beside it")
    theirs = _own(there[by])
    lent = {key: theirs[key] for key in names if key in theirs}
    if _digest(lent) != sha256:
        raise WeightsError(f"it shares tensors with {by}, and the {by} beside it is another")
    return lent


def _digest(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for key, tensor in sorted(tensors.items()):
        digest.update(key.encode() + tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def share(path: str | Path, other: str | Path) -> None:
    """Leave out of `path` what `other`, a file beside it, holds to the bit as well; read again, nothing is missing.

    Raises WeightsError where they have nothing in common or do not lie in one folder, OSError.
    """
    mine, theirs = tensors(path), _own(other)
    alike = (key for key in mine.keys() & theirs.keys() if mine[key].dtype == theirs[key].dtype)
    both = sorted(key for key in alike if torch.equal(mine[key], theirs[key]))
    if not both or Path(path).resolve().parent != Path(other).resolve().parent or name(path) == name(other):
        raise WeightsError(f"{path} shares nothing with {other}: it must lie beside it and have tensors of the same values")
    said = {"by": name(other), "names": both, "sha256": _digest({key: mine[key] for key in both})}
    write(path, {key: t for key, t in mine.items() if key not in both}, metadata(path) | {SHARED: json.dumps(said)})


def write(path: str | Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write weights beside `path`, then rename into place; packed where `path` ends so. Raises OSError."""
    with beside(path) as partial:
        if _is_packed(path):
            partial.write_bytes(lzma.compress(save(tensors, metadata=metadata), filters=FILTERS))
        else:
            save_file(tensors, partial, metadata=metadata)


def pack(path: str | Path) -> Path:
    """Put NAME.safetensors.xz in the place of NAME.safetensors -> its path. Raises WeightsError, OSError."""
    path = Path(path)
    if path.suffix != PLAIN:
        raise WeightsError(f"{path} is not called NAME{PLAIN}")
    tensors(path)  # weights, not something else
    whole, packed = path.read_bytes(), path.with_name(path.name + ".xz")
    with beside(packed) as partial:
        partial.write_bytes(lzma.compress(whole, filters=FILTERS))
        if lzma.decompress(partial.read_bytes()) != whole:
            raise WeightsError(f"{path} was packed and did not come back the same; the plain file stays")
    path.unlink()
    return packed


def rounded(tensors: dict[str, Tensor], digits: int) -> dict[str, Tensor]:
    """The same with each number in half precision rounded to `digits` significant binary digits, 1 to 11; others are left alone.

    The error is at most 2^-digits of the number. Raises ValueError for another count.
    """
    if not 1 <= digits <= 11:
        raise ValueError(f"half precision has 11 significant digits; {digits} cannot be kept")
    step = 1 << (11 - digits)

    def to_step(t: Tensor) -> Tensor:  # the bits of a number grow with it, so that they can be rounded as a whole number is
        bits = t.view(torch.int16).to(torch.int32)
        return (bits.add(step // 2).div(step, rounding_mode="floor") * step).to(torch.int16).view(torch.float16)

    return {name: to_step(t.contiguous()) if t.dtype == torch.float16 else t for name, t in tensors.items()}


def _is_packed(path: str | Path) -> bool:
    return str(path).endswith(PACKED)


@contextmanager
def _told() -> Iterator[None]:
    """Whatever a broken file leads its readers to is told as WeightsError."""
    try:
        yield
    except (SafetensorError, lzma.LZMAError, EOFError, ValueError, TypeError, AttributeError) as error:
        raise WeightsError(str(error)) from None


if __name__ == "__main__":
    words, options = sys.argv[1:], {}
    while words[:1] in (["--round"], ["--share"]):
        option, options[option], *words = words
    for plain in words:
        if "--round" in options:
            write(plain, rounded(tensors(plain), int(options["--round"])), metadata(plain))
        if "--share" in options:
            share(plain, options["--share"])
        print("wrote", pack(plain))
