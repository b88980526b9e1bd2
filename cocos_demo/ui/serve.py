"""From the words after `python app.py` to a served page: for this machine alone, for others by a password, or as a Space."""

import argparse
import getpass
import ipaddress
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

PASSWORD = "COCOS_DEMO_PASSWORD"
LEAST = 8  # characters of a password
SESSIONS = 100  # visitors whose pages the app remembers
LOCAL = "127.0.0.1"


class ServeError(ValueError):
    """The app cannot be served like this; the message says how it can."""


@dataclass(frozen=True)
class Options:
    """Where the page is served, and for whom."""

    host: str = LOCAL
    port: int = 7860
    user: str = "demo"
    password: str | None = None  # None: no password is asked for
    exemplars: Path | None = None  # a folder of pictures to be offered before the samples
    space: bool = False  # a Hugging Face Space: public because its owner chose so

    @property
    def public(self) -> bool:
        """Whether other people than the one at this machine are served."""
        return self.space or not is_local(self.host)


def is_local(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def options(argv: list[str] | None = None) -> Options:
    """The words of the command line (sys.argv's if None) and the environment -> Options; asks for a password where one is needed.
    A mistake ends the program with one line."""
    parser = argparse.ArgumentParser(prog="python app.py", description="The demo, in a browser.")
    parser.add_argument("--host", help=f"address to serve at: {LOCAL}, this machine alone, if not said; 0.0.0.0 lets others in")
    parser.add_argument("--port", help="7860 if not said; the variable GRADIO_SERVER_PORT does the same")
    parser.add_argument("--user", default="demo", help=f"name for the password, which is asked for, or taken from {PASSWORD}")
    parser.add_argument("--exemplars", metavar="FOLDER", help="pictures of your own, offered as exemplars before the samples")
    given = parser.parse_args(argv)
    try:
        return chosen(given.host, given.port, given.user, os.environ, given.exemplars)
    except ServeError as error:
        sys.exit(f"error: {error}")


def chosen(host: str | None, port: str | None, user: str, environ, exemplars: str | None = None) -> Options:
    """As `options`, of given words and variables. Raises ServeError."""
    asked = port or environ.get("GRADIO_SERVER_PORT", "7860")
    if not asked.isdigit() or not 0 < int(asked) < 65536:
        raise ServeError(f"{'--port' if port else 'GRADIO_SERVER_PORT'} must be a number from 1 to 65535, not {asked!r}")
    folder = exemplars and Path(exemplars).expanduser()
    if folder and not folder.is_dir():
        raise ServeError(f"--exemplars: there is no folder {folder}")
    space = bool(environ.get("SPACE_ID"))
    host = host or environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if space else LOCAL)
    if space or is_local(host):
        return Options(host, int(asked), user, exemplars=folder or None, space=space)
    password = environ.get(PASSWORD) or ask(host)
    if len(password) < LEAST:
        raise ServeError(f"a password of at least {LEAST} characters is needed to serve others at {host}")
    return Options(host, int(asked), user, password, folder or None)


def ask(host: str) -> str:
    """A password that is typed twice. Raises ServeError."""
    if not sys.stdin.isatty():
        raise ServeError(f"to serve others at {host} a password is needed: put it into the variable {PASSWORD}")
    first = getpass.getpass(f"A password for those who come to {host} (at least {LEAST} characters): ")
    if getpass.getpass("Once more: ") != first:
        raise ServeError("the two passwords differ")
    return first


def warning(given: Options) -> str:
    """What to know before others are let in; empty where none are."""
    if given.space or not given.public:
        return ""
    return (f"warning: everyone who reaches {given.host}:{given.port} and knows the password can use this machine's processor.\n"
            "The page is not encrypted: serve it within a network that you trust, or behind a server that adds HTTPS.\n"
            f"The user's name is {given.user}.")


def run(build: Callable, given: Options) -> None:
    """Lay the page out and serve it until Ctrl-C or SIGTERM."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the files of this run are removed
    try:
        demo = start(build, given)
    except ServeError as error:
        sys.exit(str(error))
    said = warning(given), f"The demo is at http://{given.host}:{given.port}  (Ctrl-C ends it)"
    print("\n".join(filter(None, said)), flush=True)
    demo.block_thread()


def start(build: Callable, given: Options):
    """Lay the page out and serve it from a thread of its own -> the gr.Blocks. Raises ServeError where the port is taken, or
    no exemplar is left of the folder that was named."""
    from starlette.middleware import Middleware

    from cocos_demo import precision
    from cocos_demo.datasets.retrieval import RetrievalError
    from cocos_demo.device import pick_device
    from cocos_demo.ui import answers, lane, look, offered, visits
    from cocos_demo.ui.common import SAMPLES

    folder = visits.own_folder()
    visits.OWN_FOLDERS = not given.public
    try:
        for line in chain(offered.check_samples(), offered.offer(given.exemplars) if given.exemplars else ()):
            print(line, flush=True)
    except RetrievalError as error:
        raise ServeError(f"--exemplars: {error}") from None
    demo = build()
    lane.prepare(demo)
    answers.prepare(demo)
    try:
        demo.launch(
            server_name=given.host, server_port=given.port, auth=given.password and [(given.user, given.password)],
            auth_message="Whoever runs this demo has given you a name and a password.",
            theme=look.THEME, css=look.CSS, js=look.script(), max_file_size="40mb", allowed_paths=[str(SAMPLES)],
            footer_links=["api", "settings"], prevent_thread_lock=True, quiet=True, ssr_mode=False,
            state_session_capacity=SESSIONS, app_kwargs={"middleware": [Middleware(answers.Door, folders=[folder, SAMPLES])]},
        )  # fmt: skip
    except OSError:
        raise ServeError(f"port {given.port} of {given.host} is taken, or no address of this machine; "
                         "choose another: python app.py --port 7861") from None
    precision.chosen.measure_aside(pick_device()[0])
    visits.watch(folder, lambda: [path for one in demo.blocks.values() for path in getattr(one, "keep_in_cache", ())])
    return demo
