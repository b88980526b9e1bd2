"""Files are written beside their place and moved there when whole, so that nothing half-written is ever found."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def beside(path: str | Path) -> Iterator[Path]:
    """`with beside(path) as partial:` write to `partial`; it becomes `path` at the end, and is removed if anything fails.

    Makes the folder where it is missing. `partial` has the same ending as `path`. Raises OSError (full disk, no permission).
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{os.getpid()}.partial.{path.name}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
