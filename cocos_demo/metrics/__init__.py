"""Figures of merit, each a pure function of pictures, features or places.

`places`: landmarks and PCK. `pictures`: how like a picture is to the one it should be. `distributions`: how like a set of
pictures is to a set of photos. `perception`: what a perceptual network makes of content, style and likeness.
"""

from .distributions import fid, frechet_distance, sliced_wasserstein, swd
from .errors import MetricMissing
from .perception import (
    LPIPS_LAYERS,
    SEMANTIC,
    STYLE,
    load_lpips,
    mean_cosine,
    perceptual_distance,
    position_cosine,
    region_cosine,
)
from .pictures import l1, psnr, relative_error, ssim
from .places import LEFT_EYE, RIGHT_EYE, grown_places, landmark_distance, pck, pixel_centres, predicted_places

__all__ = [
    "LEFT_EYE", "LPIPS_LAYERS", "MetricMissing", "RIGHT_EYE", "SEMANTIC", "STYLE", "fid", "frechet_distance", "grown_places",
    "l1", "landmark_distance", "load_lpips", "mean_cosine", "pck", "perceptual_distance", "pixel_centres", "position_cosine",
    "predicted_places", "psnr", "region_cosine", "relative_error", "sliced_wasserstein", "ssim", "swd",
]  # fmt: skip
