"""One process of a training that the tests start: `python worker.py options.json`. It may be told to come to grief.

{"args": of TrainArgs, "trouble": {"rank", "step", "what": "SIGINT" | "SIGTERM" | "SIGKILL" | "hang" | "broken"}}
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from cocos_demo.cli import explain
from cocos_demo.objectives import Weights
from cocos_demo.training import TrainArgs, Trainer


def main(path: str) -> int:
    told = json.loads(Path(path).read_text())
    given, trouble = told["args"], told.get("trouble", {})
    args = TrainArgs(**given | {"data": tuple(map(Path, given["data"])), "out": Path(given["out"]),
                                "weights": Weights(**given["weights"])})

    def after_step(state: dict) -> None:
        if (int(os.environ.get("RANK", 0)), state["step"]) != (trouble.get("rank"), trouble.get("step")):
            return
        if trouble["what"] == "hang":
            time.sleep(90)
            return
        os.kill(os.getpid(), getattr(signal, trouble["what"]))

    try:
        trainer = Trainer(args)
        trainer.run(after_step)
        trainer.processes.close()
    except KeyboardInterrupt:
        print("stopped after step", trainer.step)
        return 130
    except Exception as error:
        print("error:", explain(error) or repr(error), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
