"""How like the photo the warp and the output are, for pairs of one person, where the exemplar's looks are the photo's."""

from ..metrics import l1, psnr, ssim
from .pairs import Answers

MEASURES = {"L1": l1, "PSNR": psnr, "SSIM": ssim}  # grey values, dB, 1 for equal pictures


def likeness(answers: Answers, left_out: frozenset[str] = frozenset()) -> dict[str, float]:
    """Means over the pairs, for the warp (if there is one), the output, and the exemplar itself as the trivial answer.

    Over the whole picture, and over the figure where it is known. As in MCL-Net's Table 4.
    """
    pictures = {"warp": answers.warps, "output": answers.outputs, "exemplar itself": answers.exemplars}
    places = {"": None} if answers.figures is None else {"": None, " over the figure": answers.figures}
    return {f"{name}: {measure}{where}": float(function(batch, answers.photos, mask).mean())
            for name, batch in pictures.items() if batch is not None
            for measure, function in MEASURES.items() if measure not in left_out
            for where, mask in places.items()}
