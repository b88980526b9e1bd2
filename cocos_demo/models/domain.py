"""Domain-adversarial alignment (Ganin and Lempitsky 2015; named on CoCosNet's slides): the other way to make x_S and y_S lie
in one domain.

A classifier learns to tell features of condition maps from features of photos. Gradient reversal stands between: forward it
is the identity, backward it turns the sign, so that one optimiser trains the classifier to tell the domains apart and the
adaptors to leave it nothing to tell.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .correspondence import normalise
from .layers import conv


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradient, None


def reverse_gradient(x: Tensor, strength: float = 1.0) -> Tensor:
    """x itself; the gradient that comes back is multiplied by -strength. Ganin and Lempitsky 2015, Eq. 14."""
    return _Reversal.apply(x, strength)


class DomainClassifier(nn.Module):
    """Features of S (B, C, h, w) -> logits (B, 1, ceil(h/4), ceil(w/4)), one for each region: above 0 for a condition map.

    It sees the features as they are compared, centred and of unit length (Eq. 3), so neither can they hide by shrinking nor
    does it win by their length. Regions, not single positions: where a feature lies beside which is part of its domain.
    """

    def __init__(self, channels: int, width: int = 32):
        super().__init__()
        self.layers = nn.Sequential(conv(channels, width, stride=2, spectral=False), nn.LeakyReLU(0.2),
                                    conv(width, width, stride=2, spectral=False), nn.LeakyReLU(0.2),
                                    conv(width, 1, 1, spectral=False))

    def forward(self, f: Tensor) -> Tensor:
        # Unit vectors over C channels have entries of about 1 / sqrt(C); the first layer is made for entries of about 1.
        return self.layers(normalise(f) * f.shape[1] ** 0.5)


def domain_adversarial(classifier: DomainClassifier, x_S: Tensor, y_S: Tensor) -> Tensor:
    """The classifier's cross entropy on x_S (B, C, h, w), which it is to call 1, and y_S (B, C, h', w'), 0; mean over both.

    log 2 where it can only guess. Minimising it trains the classifier and, through the reversal, sets x_S and y_S against it.
    """
    logits = [classifier(reverse_gradient(f)).float() for f in (x_S, y_S)]
    terms = [F.binary_cross_entropy_with_logits(a, torch.full_like(a, label)) for a, label in zip(logits, (1.0, 0.0))]
    return (terms[0] + terms[1]) / 2
