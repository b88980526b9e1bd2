"""What each system minimises: the terms of its objective on one batch, and their weights."""

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import losses
from .datasets.pairs import Batch
from .features import VGG
from .models.correspondence import cycle, warp
from .models.cocosnet import CoCosNet, Translation

# lambda_l of Eq. 8: deeper layers count more, as in Johnson et al. 2016 and the released code. Names both VGGs have.
LAMBDAS = {"relu1_2": 1 / 32, "relu2_2": 1 / 16, "relu3_2": 1 / 8, "relu4_2": 1 / 4, "relu5_2": 1.0}
# omega_l of Eq. 11: relu2_2 to relu5_2.
OMEGAS = {"relu2_2": 1.0, "relu3_2": 2.0, "relu4_2": 4.0, "relu5_2": 8.0}
CONTEXT_POSITIONS = 32  # finer maps are pooled to 32 x 32 for Eq. 11 (the released code pools them too)


@dataclass
class Weights:
    """psi of Eq. 14. Defaults: the released code's for portraits. The last four are extras, 0 in the paper's objective."""

    feat: float = 10.0  # psi_1, Eq. 8
    perc: float = 0.01  # psi_2, Eq. 10 (L1; the released 0.001 weighs a squared error)
    context: float = 10.0  # psi_3, Eq. 11
    adv: float = 10.0  # psi_4, Eq. 13
    domain: float = 10.0  # psi_5, Eq. 9
    reg: float = 1.0  # psi_6, Eq. 12
    d_feat: float = 10.0  # feature matching in D, on the slides
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


def _pooled(phi: dict[str, Tensor]) -> dict[str, Tensor]:
    return {layer: F.adaptive_avg_pool2d(f, CONTEXT_POSITIONS) if min(f.shape[2:]) > CONTEXT_POSITIONS else f
            for layer, f in phi.items()}


def cocosnet(net: CoCosNet, discriminator: nn.Module, vgg: VGG | None, batch: Batch, w: Weights,
             adversarial: bool) -> tuple[Translation, dict[str, Tensor]]:
    """CoCosNet, Eq. 14: one forward pass -> the translation and its terms, unweighted, by their names in `Weights`.

    Terms of weight 0 are left out. The adversarial terms come only where `adversarial`.
    """
    out = net(batch.x_A, batch.y_B, batch.y_A)
    x_hat, paired, s = out.image.float(), batch.paired, net.config.stride
    terms = {}
    if w.layers:
        phi = vgg(x_hat, w.layers)
        with torch.no_grad():
            phi_x = vgg(batch.x_B, w.layers)
            phi_y = vgg(batch.y_B, w.layers) if w.context else {}
        if w.feat:
            terms["feat"] = losses.feature_matching(phi, phi_x, LAMBDAS, paired)  # Eq. 8
        if w.detail:
            terms["detail"] = losses.feature_matching(phi, phi_x, {"relu1_2": 1.0, "relu2_2": 1.0}, paired)
        if w.perc:
            terms["perc"] = losses.perceptual(phi, phi_x)  # Eq. 10
        if w.context:
            terms["context"] = losses.exemplar_contextual(_pooled(phi), _pooled(phi_y), OMEGAS)  # Eq. 11
    if w.domain:
        terms["domain"] = losses.domain_alignment(out.x_S, net.y_S(batch.x_B, batch.x_A))  # Eq. 9
    if w.reg:
        y_small = F.avg_pool2d(batch.y_B, s)
        terms["reg"] = losses.cycle_consistency(cycle(out.x_S, out.y_S, y_small, net.config.alpha), y_small)  # Eq. 12
    if adversarial:
        fake = discriminator(batch.x_A, out.image)
        if w.adv:
            terms["adv"] = losses.hinge_generator(fake)  # Eq. 13
        if w.d_feat:
            with torch.no_grad():
                real = discriminator(batch.x_A, batch.x_B)
            terms["d_feat"] = losses.discriminator_features(real, fake, paired)
    if w.pixel:
        terms["pixel"] = losses.pixel(x_hat, batch.x_B, paired)
    if w.warp:
        terms["warp"] = losses.pixel(out.warped, batch.x_B, paired)
    if w.warped_condition:
        blurred = [F.avg_pool2d(c, 2 * s + 1, s, s) for c in (batch.x_A, batch.y_A)]  # (B, N, size/s, size/s)
        terms["warped_condition"] = losses.warped_condition(warp(out.x_S, out.y_S, blurred[1], net.config.alpha), blurred[0])
    return out, terms


OBJECTIVES = {"cocosnet": cocosnet}
