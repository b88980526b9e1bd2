"""What a visit leaves, and how it goes away: files in a folder of the app's own, and results that are kept to be asked again."""

import atexit
import functools
import os
import shutil
import tempfile
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path

AGE = 2 * 3600  # seconds after which a file that nobody asked for again is removed
UNUSED = 900  # seconds after which a result that nobody asked for again is forgotten
EVERY = 60  # seconds between two looks

OWN_FOLDERS = True  # whether folders of this machine may be named: not where others than its owner are served

_kept: set[str] = set()
_recents: "weakref.WeakSet[Recent]" = weakref.WeakSet()


class Recent:
    """A function whose last `size` results are kept, each until nobody has asked for it for `UNUSED` seconds."""

    def __init__(self, function: Callable, size: int):
        functools.update_wrapper(self, function)
        self._function, self._size, self._lock = function, size, threading.Lock()
        self._known: OrderedDict[tuple, tuple[float, object]] = OrderedDict()  # arguments -> last asked for, result
        _recents.add(self)

    def __call__(self, *given):
        with self._lock:
            if given in self._known:
                _, result = self._known.pop(given)
                self._known[given] = time.monotonic(), result
                return result
        result = self._function(*given)
        with self._lock:
            self._known[given] = time.monotonic(), result
            while len(self._known) > self._size:
                self._known.popitem(last=False)
        return result

    def __len__(self) -> int:
        return len(self._known)

    def forget(self, unused: float) -> None:
        """Forget what was last asked for more than `unused` seconds ago."""
        with self._lock:
            for given, (asked, _) in list(self._known.items()):
                if time.monotonic() - asked > unused:
                    del self._known[given]


def recent(size: int) -> Callable[[Callable], Recent]:
    """As functools.lru_cache(size), for what is made of a visitor's pictures."""
    return lambda function: Recent(function, size)


def keep(path: str) -> str:
    """The path, never swept from now on: a picture of the app's own."""
    _kept.add(str(Path(path).resolve()))
    return path


def own_folder() -> Path:
    """A new folder for all files of this run, removed at its end; the one that GRADIO_TEMP_DIR names, where it is set, stays."""
    if not os.environ.get("GRADIO_TEMP_DIR"):
        os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="cocos_demo_")
        atexit.register(shutil.rmtree, os.environ["GRADIO_TEMP_DIR"], ignore_errors=True)
    return Path(os.environ["GRADIO_TEMP_DIR"]).resolve()


def sweep(folder: Path, kept: Iterable[str] = (), age: float = AGE) -> int:
    """Remove files of a folder that are older than `age` seconds, and folders left empty -> how many files. `kept` ones stay."""
    stay, removed = _kept | {str(Path(path).resolve()) for path in kept}, 0
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder before itself
        try:
            if path.is_dir() and not path.is_symlink():
                if time.time() - path.stat().st_mtime > age:
                    path.rmdir()
            elif str(path) not in stay and time.time() - path.lstat().st_mtime > age:
                path.unlink()
                removed += 1
        except OSError:  # not empty, or gone by itself
            continue
    return removed


def watch(folder: Path, kept: Callable[[], Iterable[str]]) -> None:
    """From now on, in the background: old files of the folder are removed, results that nobody asks for forgotten."""

    def look() -> None:
        while True:
            time.sleep(EVERY)
            sweep(folder, kept())
            for one in list(_recents):
                one.forget(UNUSED)

    threading.Thread(target=look, name="visits", daemon=True).start()
