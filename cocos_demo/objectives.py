"""What each system minimises: the terms of its objective on one batch, and their weights."""

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import losses
from .datasets.pairs import Batch
from .features import VGG
from .models.cocosnet import CoCosNet
from .models.correspondence import warp
from .models.spade import SPADENet

# lambda_l of Eq. 8: deeper layers count more, as in Johnson et al. 2016 and the released code. Names both VGGs have.
LAMBDAS = {"relu1_2": 1 / 32, "relu2_2": 1 / 16, "relu3_2": 1 / 8, "relu4_2": 1 / 4, "relu5_2": 1.0}
# omega_l of Eq. 11: relu2_2 to relu5_2.
OMEGAS = {"relu2_2": 1.0, "relu3_2": 2.0, "relu4_2": 4.0, "relu5_2": 8.0}
CONTEXT_STRIDE = 8  # for Eq. 11 finer layers are pooled to an eighth of the picture, as the released code pools relu2_2


@dataclass
class Weights:
    """psi of Eq. 14. Defaults: the released code's for portraits, which were chosen for another VGG's scale.

    The last four are extras, 0 in the paper's objective.
    """

    feat: float = 10.0  # psi_1, Eq. 8
    perc: float = 0.01  # psi_2, Eq. 10 (L1; the released 0.001 weighs a squared error)
    context: float = 10.0  # psi_3, Eq. 11
    adv: float = 10.0  # psi_4, Eq. 13
    domain: float = 10.0  # psi_5, Eq. 9
    reg: float = 1.0  # psi_6, Eq. 12
    d_feat: float = 10.0  # feature matching in D, on the slides
    kl: float = 0.05  # SPADE's style encoder alone (Park et al. 2019)
    pixel: float = 0.0  # extra: L1 of the picture, where the target is known
    warp: float = 0.0  # extra: L1 of the warp, where the target is known
    warped_condition: float = 0.0  # extra: the exemplar's condition, warped, against x_A
    detail: float = 0.0  # extra: Eq. 8 at relu1_2 and relu2_2 alone, the cheap layers

    def __post_init__(self):
        for field in fields(self):
            if getattr(self, field.name) < 0:
                raise ValueError(f"the weight {field.name} must be at least 0, got {getattr(self, field.name)}")

    @property
    def layers(self) -> tuple[str, ...]:
        """The VGG layers that the terms with a weight above 0 read."""
        wanted = {*(LAMBDAS if self.feat else ()), *(OMEGAS if self.context else ()), *(["relu4_2"] if self.perc else []),
                  *(["relu1_2", "relu2_2"] if self.detail else [])}
        return tuple(sorted(wanted))


def _pooled(phi: dict[str, Tensor], size: int) -> dict[str, Tensor]:
    strides = {layer: CONTEXT_STRIDE * f.shape[3] // size for layer, f in phi.items()}
    return {layer: F.avg_pool2d(f, strides[layer]) if strides[layer] > 1 else f for layer, f in phi.items()}


def _painted(image: Tensor, discriminator: nn.Module, vgg: VGG | None, batch: Batch, w: Weights,
             adversarial: bool) -> dict[str, Tensor]:
    """The terms that look at the picture alone (B, 3, S, S), whatever system painted it."""
    known, size = batch.known, batch.x_B.shape[3]
    terms = {}
    if w.layers:
        phi = vgg(image, w.layers)
        with torch.no_grad():
            phi_x = vgg(batch.x_B, w.layers)
            phi_y = vgg(batch.y_B, w.layers) if w.context else {}
        if w.feat:
            terms["feat"] = losses.feature_matching(phi, phi_x, LAMBDAS, known)  # Eq. 8
        if w.detail:
            terms["detail"] = losses.feature_matching(phi, phi_x, {"relu1_2": 1.0, "relu2_2": 1.0}, known)
        if w.perc:
            terms["perc"] = losses.perceptual(phi, phi_x)  # Eq. 10
        if w.context:  # Eq. 11
            terms["context"] = losses.exemplar_contextual(_pooled(phi, size), _pooled(phi_y, size), OMEGAS)
    if adversarial:
        fake = discriminator(batch.x_A, image)
        if w.adv:
            terms["adv"] = losses.hinge_generator(fake)  # Eq. 13
        if w.d_feat:
            with torch.no_grad():
                real = discriminator(batch.x_A, batch.x_B)
            terms["d_feat"] = losses.discriminator_features(real, fake, known)
    if w.pixel:
        terms["pixel"] = losses.pixel(image, batch.x_B, known)
    return terms


def cocosnet(net: CoCosNet, discriminator: nn.Module, vgg: VGG | None, batch: Batch, w: Weights,
             adversarial: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """CoCosNet, Eq. 14: one forward pass -> the picture and the terms, unweighted, by their names in `Weights`.

    Terms of weight 0 are left out. The adversarial terms come only where `adversarial`. Where no term looks at the picture,
    G does not run and the picture is the warp: the correspondence is trained alone.
    """
    s = net.config.stride
    # Over 3 s pixels, about the centre of each position of S.
    blurred = [F.avg_pool2d(c, 3 * s, s, s) for c in (batch.x_A, batch.y_A)]  # (B, N, size/s, size/s)
    inputs = (batch.x_A, batch.y_B, batch.y_A, blurred[1] if w.warped_condition else None)
    if w.layers or w.pixel or adversarial:
        out = net(*inputs)
        image, match = out.image.float(), out.match
    else:
        match = net.correspond(*inputs)
        image = match.warped
    terms = _painted(image, discriminator, vgg, batch, w, adversarial)
    if w.domain:
        terms["domain"] = losses.domain_alignment(match.x_S, net.y_S(batch.x_B, batch.x_A))  # Eq. 9
    if w.reg:
        back = warp(match.fy, match.fx, match.coarse, net.config.alpha)  # r_y->x->y
        terms["reg"] = losses.cycle_consistency(back, F.avg_pool2d(batch.y_B, s))  # Eq. 12
    if w.warp:
        terms["warp"] = losses.pixel(match.warped, batch.x_B, batch.known)
    if w.warped_condition:
        terms["warped_condition"] = losses.warped_condition(match.along, blurred[0])
    return image, terms


def spade(net: SPADENet, discriminator: nn.Module, vgg: VGG | None, batch: Batch, w: Weights,
          adversarial: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """The baseline, as `cocosnet`: the same terms on the picture, and the divergence of the style code.

    The terms on a correspondence (domain, reg, warp, warped_condition) have nothing to look at here and are left out, so
    the weights of a CoCosNet run can be given as they are.
    """
    mu, logvar = net.E(batch.y_B)
    image = net.paint(batch.x_A, net.draw(mu, logvar)).float()
    terms = _painted(image, discriminator, vgg, batch, w, adversarial)
    if w.kl:
        terms["kl"] = losses.kl_divergence(mu, logvar)
    return image, terms


OBJECTIVES = {"cocosnet": cocosnet, "spade": spade}
