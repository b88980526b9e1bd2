"""Exemplar-based image translation by cross-domain correspondence.

    from cocos_demo import Translator
    picture = Translator.load("portrait")("photo.jpg", "exemplar.jpg").image
"""

from importlib import import_module

__version__ = "0.1.0"

# Name -> module: fetched at first use, so that `import cocos_demo` loads neither torch nor mediapipe.
_LAZY = {"Matcher": "cocos_demo.matcher", "Translator": "cocos_demo.translator"}

__all__ = ["Matcher", "Translator", "__version__"]


def __getattr__(name: str):
    if name not in _LAZY:
        raise AttributeError(f"module 'cocos_demo' has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__():
    return sorted({*globals(), *_LAZY})
