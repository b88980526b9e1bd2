"""App and command line without a network, in one process: `unshare -rn python tests/offline.py FOLDER`.

Where the process has its own network (unshare -n), loopback is brought up here. In any case connections and name
look-ups that leave the machine are refused and remembered. Prints "nothing was asked for" at the end, or fails.
"""

import os
import socket
import struct
import sys
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCAL = ("127.0.0.1", "localhost", "::1", "0.0.0.0", "", None)
asked = []


def loopback_up() -> None:
    """What `ip link set lo up` does (SIOCSIFFLAGS, IFF_UP | IFF_RUNNING)."""
    import fcntl  # not on Windows

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))


def guard() -> None:
    """Refuse and remember whatever is not this machine."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self, address):
        if isinstance(address, tuple) and address[0] not in LOCAL:
            asked.append(address)
            raise OSError(f"no network: {address}")
        return connect(self, address)

    def guarded_look_up(host, *args, **kwargs):
        if (host.decode() if isinstance(host, bytes) else host) not in LOCAL:
            asked.append(host)
            raise socket.gaierror(f"no network: {host}")
        return look_up(host, *args, **kwargs)

    socket.socket.connect, socket.getaddrinfo = guarded_connect, guarded_look_up


def main(folder: Path) -> None:
    if "--isolated" in sys.argv:
        loopback_up()
    guard()
    sys.path.insert(0, str(ROOT))
    photos, portraits = ROOT / "data" / "samples" / "photos", ROOT / "data" / "samples" / "portraits"
    photo, exemplar = str(photos / "P009_studio_portrait.jpg"), str(portraits / "P001_happy.jpg")

    from cocos_demo.cli import main as command

    assert command(["translate", photo, exemplar, "-o", str(folder / "command.png")]) == 0

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    os.environ["GRADIO_SERVER_PORT"] = str(port)
    import app

    threading.Thread(target=app.main, args=([],), daemon=True).start()
    address = f"http://127.0.0.1:{port}"
    for _ in range(120):
        try:
            urllib.request.urlopen(address, timeout=5).read()
            break
        except OSError:
            time.sleep(0.5)

    from gradio_client import Client, handle_file

    given = handle_file(photo), handle_file(exemplar)
    picture = Client(address, verbose=False).predict(*given, api_name="/translate")[0]
    Path(folder / "app.png").write_bytes(Path(picture).read_bytes())
    assert not asked, f"asked for {asked}"
    print("nothing was asked for", flush=True)
    os._exit(0)  # the server's threads do not end by themselves


if __name__ == "__main__":
    main(Path(sys.argv[1]))
