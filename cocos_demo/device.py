"""Which processor computes, chosen once, with the reason in words."""

import sys
from pathlib import Path

import torch


class DeviceError(ValueError):
    """The device asked for is not there."""


def pick_device(name: str = "auto") -> tuple[torch.device, str]:
    """"auto", "cpu", "cuda", "cuda:1" or "mps" -> (device, reason); auto takes cuda, then mps, then cpu.

    Raises DeviceError for a device that was asked for by name and is not there or does not compute.
    """
    if name != "auto":
        trouble = _trouble(name)
        if trouble:
            raise DeviceError(f"device {name!r}: {trouble}. Use auto, or cpu, which is always there.")
        return torch.device(name), f"{_title(name)}, as asked"
    troubles = []
    for candidate in ("cuda", "mps"):
        trouble = _trouble(candidate)
        if not trouble:
            return torch.device(candidate), _title(candidate)
        troubles.append(f"{candidate}: {trouble}")
    return torch.device("cpu"), "; ".join(troubles)


def forget_peak(device: torch.device) -> None:
    """From here on `peak_memory` counts anew: on NVIDIA, and on Linux for the processor."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif device.type == "cpu" and Path("/proc/self/clear_refs").exists():
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:  # a system that does not let it be: the peak is then the program's since its start
            pass


def peak_memory(device: torch.device) -> int | None:
    """The most memory held since `forget_peak`, in bytes: of a GPU what torch took, of the processor all of the program's.

    None where it is not known. On Linux by the program's own high-water mark: the ru_maxrss of a child begins with that of the
    process that started it.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if device.type != "cpu":
        return None
    status = Path("/proc/self/status")
    if status.is_file():
        line = next((line for line in status.read_text().splitlines() if line.startswith("VmHWM:")), None)
        if line:
            return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _trouble(name: str) -> str:
    """Why torch cannot compute on `name`; empty when it can."""
    kind = name.split(":")[0]
    if kind not in ("cpu", "cuda", "mps"):
        return "unknown"
    if kind == "cuda" and not torch.cuda.is_available():
        return "no NVIDIA GPU found" if torch.version.cuda else "this torch was built without it"
    if kind == "mps" and not torch.backends.mps.is_available():
        return "no Apple GPU found" if torch.backends.mps.is_built() else "this torch was built without it"
    try:  # a driver too old or a card too old for this torch shows only when something is computed
        torch.ones(1, device=name).add(1).item()
    except (RuntimeError, AssertionError) as error:
        return str(error).strip().splitlines()[0]
    return ""


def _title(name: str) -> str:
    if name.startswith("cuda"):
        return torch.cuda.get_device_name(name)
    return "Apple GPU" if name == "mps" else "the processor"
