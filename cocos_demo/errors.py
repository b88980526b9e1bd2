"""Tells a person's mistake from ours, for the command line and the app."""

import errno


def explain(error: BaseException) -> str | None:
    """One line for the person whose photo, path or option caused `error`; None when the fault is the program's.

    Every exception class defined in this package carries a message for people (PhotoError, ConditionError, ...).
    """
    if type(error).__module__.split(".")[0] == "cocos_demo":
        return " ".join(str(error).split())
    if type(error).__name__ == "OutOfMemoryError" or isinstance(error, MemoryError):
        return "not enough memory for this; close other programs, or use the device cpu"
    if isinstance(error, OSError) and error.errno is not None:
        where = error.filename2 or error.filename
        reason = {
            errno.ENOSPC: "the disk is full",
            errno.EDQUOT: "the disk quota is used up",
            errno.EACCES: "no permission to read or write it",
            errno.EPERM: "no permission to read or write it",
            errno.EROFS: "it is on a read-only disk",
            errno.ENOENT: "no such file or folder",
            errno.ENOTDIR: "a part of the path is a file, not a folder",
            errno.EISDIR: "it is a folder, not a file",
            errno.EEXIST: "something else has this name",
        }.get(error.errno, error.strerror or type(error).__name__)
        return f"{where}: {reason}" if where else reason
    return None
