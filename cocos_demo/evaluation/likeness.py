"""How like the photo the warp and the output are, for pairs of one person, where the exemplar's looks are the photo's."""

from torch import Tensor

from ..metrics import l1, psnr, ssim
from .pairs import Answers

MEASURES = {"L1": l1, "PSNR": psnr, "SSIM": ssim}  # grey values, dB, 1 for equal pictures


def measured(pictures: Tensor, photos: Tensor, figures: Tensor | None,
             left_out: frozenset[str] = frozenset()) -> dict[str, float]:
    """Means over pictures (N, 3, S, S) in [-1, 1], over the whole of each, and over the figure (N, 1, S, S) where it is known."""
    places = {"": None} if figures is None else {"": None, " over the figure": figures}
    return {f"{measure}{where}": float(function(pictures, photos, mask).mean())
            for measure, function in MEASURES.items() if measure not in left_out for where, mask in places.items()}


def likeness(answers: Answers, left_out: frozenset[str] = frozenset()) -> dict[str, float]:
    """Of the warp (if there is one), the output, and the exemplar itself as the trivial answer. As in MCL-Net's Table 4."""
    pictures = {"warp": answers.warps, "output": answers.outputs, "exemplar itself": answers.exemplars}
    return {f"{name}: {measure}": value for name, batch in pictures.items() if batch is not None
            for measure, value in measured(batch, answers.photos, answers.figures, left_out).items()}
