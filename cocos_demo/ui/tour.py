"""The guided tour of a first visit: which controls it names, and what it says of each."""

import json
from pathlib import Path

# CSS selector of a control of the Translate tab -> one sentence.
STEPS = {
    "#photo": "Begin with a photo: click a sample below it, upload your own, or use the camera.",
    "#editor": "This is all that the network sees of it. Draw or erase here, and the picture will follow.",
    "#exemplar": "The exemplar gives the look: its colours, its light, its clothes or skin.",
    "#translate": "This button has the picture painted: it comes below, and the arrow on it saves it.",
    "[role=tablist]": "Each tab looks closer: what came from where, how matches are found, edits, makeup, other systems.",
}


def script() -> str:
    """The tour, to be run once the page is there; it is told in the page what was closed before."""
    return f"const STEPS = {json.dumps(list(STEPS.items()))};\n{Path(__file__).with_suffix('.js').read_text(encoding='utf-8')}"
