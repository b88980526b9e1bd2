"""What each system minimises: the terms of its objective on one batch, and their weights."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import losses
from .datasets.corruption import Corruption, corrupt
from .datasets.pairs import Batch
from .features import VGG
from .models.cocosnet import CoCosNet, Correspondence
from .models.cocosnet_v2 import CoCosNetV2
from .models.correspondence import warp
from .models.domain import domain_adversarial
from .models.layers import resize
from .models.mclnet import MCLNet
from .models.published_v2 import PublishedCoCosNetV2
from .models.segin import SEGIN
from .models.semantic import paste, vgg16_base
from .models.spade import SPADENet

# lambda_l of Eq. 8: deeper layers count more, as in Johnson et al. 2016 and the released code. Names both VGGs have.
LAMBDAS = {"relu1_2": 1 / 32, "relu2_2": 1 / 16, "relu3_2": 1 / 8, "relu4_2": 1 / 4, "relu5_2": 1.0}
# omega_l of Eq. 11: relu2_2 to relu5_2.
OMEGAS = {"relu2_2": 1.0, "relu3_2": 2.0, "relu4_2": 4.0, "relu5_2": 8.0}
RELEASED_OMEGAS = {layer: OMEGAS[layer] for layer in ("relu3_2", "relu4_2", "relu5_2")}
FEATURE = "relu3_2"  # Phi of SEGIN's Eq. 6
CONTEXT_STRIDE = 8  # for Eq. 11 finer layers are pooled to an eighth of the picture, as the released code pools relu2_2


class ObjectiveError(ValueError):
    """An objective that cannot be computed; the message says what to change."""


@dataclass
class Weights:
    """psi of Eq. 14. Defaults: the released code's for portraits, which were chosen for another VGG's scale.

    The extras are 0 in the paper's objective. `form`: how the terms are computed, as the paper writes them or as the released
    code does (squares in Eq. 10, no relu2_2 and another centre in Eq. 11, sums over D's layers, Eq. 9 as a mean over channels).
    """

    feat: float = 10.0  # psi_1, Eq. 8
    perc: float = 0.01  # psi_2, Eq. 10 (L1; the released 0.001 weighs a squared error)
    context: float = 10.0  # psi_3, Eq. 11
    adv: float = 10.0  # psi_4, Eq. 13
    domain: float = 10.0  # psi_5, Eq. 9
    domain_adv: float = 0.0  # the slides' other way, for a network with domain="adversarial"; then domain is usually 0
    reg: float = 1.0  # psi_6, Eq. 12
    d_feat: float = 10.0  # feature matching in D, on the slides
    kl: float = 0.05  # SPADE's style encoder alone (Park et al. 2019)
    mapping: float = 1.0  # CoCosNet v2 alone, Eq. 13 and 14
    mcl: float = 1.0  # MCL-Net alone, Algorithm 1 ...
    margin: float = 0.4  # ... its m, an angle in radians; 0: InfoNCE, Eq. 1 ...
    scale: float = 30.0  # ... and its s, one over the temperature; the paper gives none
    recon: float = 100.0  # SEGIN alone, w_1 of its Eq. 11, as given; Eq. 5 is a mean, as all the others here
    feature: float = 5.24  # ... w_2: given as 5e-6 for a sum, over 256 x 64 x 64 numbers of relu3_2 at 256 px
    gan: float = 1.0  # ... w_3, not given: "w_1 = w_4 = 100, w_2 = 5e-6, w_4 = 1" is read as w_4 = 100 and w_3 = 1 ...
    seg: float = 100.0  # ... w_4; a GAN term a hundred times L_seg would outweigh all others
    attention: float = 10.0  # ... w_5
    tv: float = 10.0  # ... w_6: as a sum over the pixels, as Eq. 8 writes it, it would be a thousand times all others
    pixel: float = 0.0  # extra: L1 of the picture, where the target is known
    warp: float = 0.0  # extra: L1 of the warp, where the target is known
    warped_condition: float = 0.0  # extra: the exemplar's condition, warped, against x_A
    warped_labels: float = 0.0  # extra: the same for label maps, as a likelihood
    detail: float = 0.0  # extra: Eq. 8 at relu1_2 and relu2_2 alone, the cheap layers
    form: losses.Form = "paper"
    perc_layer: Literal["relu4_2", "relu5_2"] = "relu4_2"  # of Eq. 10

    def __post_init__(self):
        for one in fields(self):
            value = getattr(self, one.name)
            if one.type is float and not value >= 0:  # so that it catches nan too
                raise ValueError(f"the weight {one.name} must be at least 0, got {value}")

    @property
    def omegas(self) -> dict[str, float]:
        """omega_l of Eq. 11 in this form."""
        return RELEASED_OMEGAS if self.form == "released" else OMEGAS

    @property
    def layers(self) -> tuple[str, ...]:
        """The VGG layers that the terms with a weight above 0 read."""
        wanted = {*(LAMBDAS if self.feat else ()), *(self.omegas if self.context else ()),
                  *([self.perc_layer] if self.perc else []), *(["relu1_2", "relu2_2"] if self.detail else [])}
        return tuple(sorted(wanted))


# The released training commands' weights, for the released form of the terms; the paper gives no numbers. Their Eq. 8 counts
# a pseudo pair 1 / (batch on a GPU), 4 there, and others not at all; ours averages over the batch, others as 0.
_EVERYWHERE = dict(context=10.0, adv=10.0, domain=10.0, d_feat=10.0, form="released")
PUBLISHED = {
    "ade20k": Weights(feat=1.0, perc=0.01, perc_layer="relu5_2", reg=0.0, warped_labels=100.0, **_EVERYWHERE),
    "celebahq": Weights(feat=10.0, perc=0.001, reg=0.1, warped_labels=100.0, **_EVERYWHERE),
    "celebahqedge": Weights(feat=10.0, perc=0.001, reg=1.0, **_EVERYWHERE),
    "deepfashion": Weights(feat=10.0, perc=0.001, reg=0.0, warp=100.0, **_EVERYWHERE),
}


def published(task: str) -> Weights:
    """The released weights of a task. Raises ObjectiveError for one that there is not."""
    if task not in PUBLISHED:
        raise ObjectiveError(f"there are no published weights for {task!r}; there are for {', '.join(PUBLISHED)}")
    return replace(PUBLISHED[task])


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
            terms["perc"] = losses.perceptual(phi, phi_x, w.perc_layer, w.form)  # Eq. 10
        if w.context:  # Eq. 11
            terms["context"] = losses.exemplar_contextual(_pooled(phi, size), _pooled(phi_y, size), w.omegas, w.form)
    if adversarial:
        fake = discriminator(batch.x_A, image)
        if w.adv:
            terms["adv"] = losses.hinge_generator(fake)  # Eq. 13
        if w.d_feat:
            with torch.no_grad():
                real = discriminator(batch.x_A, batch.x_B)
            terms["d_feat"] = losses.discriminator_features(real, fake, known, w.form)
    if w.pixel:
        terms["pixel"] = losses.pixel(image, batch.x_B, known)
    return terms


def cocosnet(net: CoCosNet, discriminator: nn.Module, vgg: VGG | None, batch: Batch, w: Weights,
             adversarial: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """CoCosNet, Eq. 14: one forward pass -> the picture and the terms, unweighted, by their names in `Weights`.

    Terms of weight 0 are left out. The adversarial terms come only where `adversarial`. Where no term looks at the picture,
    G does not run and the picture is the warp: the correspondence is trained alone.
    """
    image, match, terms = _warped(net, discriminator, vgg, batch, w, adversarial)
    if w.domain:
        terms["domain"] = losses.domain_alignment(match.x_S, net.y_S(batch.x_B, batch.x_A), w.form)  # Eq. 9
    return image, terms


def mclnet(net: MCLNet, discriminator: nn.Module, vgg: VGG | None, batch: Batch, w: Weights,
           adversarial: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """MCL-Net, Eq. 8, as `cocosnet`: L_fcst is `domain`, L_mcl `mcl`, L_cyc `reg`, L_pse `warp`, which is 0 unless given, L_perc
    `perc`, L_cxt `context`, L_adv `adv`. `feat` and `d_feat` are CoCosNet's, and not in Eq. 8. No weight is in the paper.
    """
    image, match, terms = _warped(net, discriminator, vgg, batch, w, adversarial)
    if w.domain or w.mcl:
        of_Y = net.y_S(batch.x_B, batch.x_A)  # E_Z(Y)
    if w.domain:
        terms["domain"] = losses.domain_alignment(match.x_S, of_Y, w.form)  # Eq. 3
    if w.mcl:  # as condition and ground truth would be compared, self-correlation maps included
        terms["mcl"] = losses.marginal_contrastive(*net.compared(match.x_S, of_Y, batch.x_A, batch.x_A), w.margin, w.scale)
    return image, terms


def _warped(net: CoCosNet, discriminator: nn.Module, vgg: VGG | None, batch: Batch, w: Weights,
            adversarial: bool) -> tuple[Tensor, Correspondence, dict[str, Tensor]]:
    """The terms that look at the picture, at the warp, or at what is warped beside it."""
    s, n = net.config.stride, batch.x_A.shape[1]
    if w.domain_adv and net.config.domain != "adversarial":
        raise ObjectiveError("domain_adv needs a classifier of domains; give the network the choice domain=adversarial")
    # What the weights are to move beside the picture: conditions over 3 s pixels, about the centre of each position of S,
    # and the labels at that position.
    blurred = [F.avg_pool2d(c, 3 * s, s, s) for c in (batch.x_A, batch.y_A)]  # (B, N, size/s, size/s)
    labels = [F.interpolate(c, scale_factor=1 / s, mode="nearest") for c in (batch.x_A, batch.y_A)]
    along = ([blurred[1]] if w.warped_condition else []) + ([labels[1]] if w.warped_labels else [])
    inputs = (batch.x_A, batch.y_B, batch.y_A, torch.cat(along, dim=1) if along else None)
    if w.layers or w.pixel or adversarial:
        out = net(*inputs)
        image, match = out.image.float(), out.match
    else:
        match = net.correspond(*inputs)
        image = match.warped
    terms = _painted(image, discriminator, vgg, batch, w, adversarial)
    if w.domain_adv:
        terms["domain_adv"] = domain_adversarial(net.domain_classifier, match.x_S, match.y_S)
    if w.reg:
        back = warp(match.fy, match.fx, match.coarse, net.config.alpha)  # r_y->x->y
        terms["reg"] = losses.cycle_consistency(back, F.avg_pool2d(batch.y_B, s))  # Eq. 12
    if w.warp:
        terms["warp"] = losses.pixel(match.warped, batch.x_B, batch.known)
    if w.warped_condition:
        terms["warped_condition"] = losses.warped_condition(match.along[:, :n], blurred[0])
    if w.warped_labels:
        terms["warped_labels"] = losses.warped_labels(match.along[:, -n:], *labels)
    return image, match, terms


def cocosnet_v2(net: CoCosNetV2 | PublishedCoCosNetV2, discriminator: nn.Module, vgg: VGG | None, batch: Batch, w: Weights,
                adversarial: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """CoCosNet v2, Eq. 19, as `cocosnet`: L_align is `domain`, L_corr `warp`, L_map `mapping`, L_sem `perc`, L_app `context` and
    `feat`, L_adv `adv`. Eq. 11, Eq. 12 and the extra `warped_condition` are means over the levels, so that a weight does not
    depend on their number (the released network moves values along with its first level alone). `reg`, the cycle of the first
    level by the features that it compares, is the released code's; pseudo pairs are compared with x_B, which Eq. 16 writes as
    the exemplar.
    """
    blurred_x, blurred_y = ([F.avg_pool2d(c, 3 * s, s, s) for s in net.config.strides if w.warped_condition]
                            for c in (batch.x_A, batch.y_A))
    inputs = (batch.x_A, batch.y_B, batch.y_A, blurred_y)
    if w.layers or w.pixel or adversarial:
        out = net(*inputs)
        image, match = out.image.float(), out.match
    else:
        match = net.correspond(*inputs)
        image = resize(match.warps[-1], batch.x_B.shape[2:])
    terms = _painted(image, discriminator, vgg, batch, w, adversarial)
    if w.domain:
        terms["domain"] = torch.stack([losses.domain_alignment(x, x_B, w.form) for x, x_B
                                       in zip(match.x, net.y_S(batch.x_B, batch.x_A))]).mean()  # Eq. 11
    if w.reg:
        (fx, fy), y_1 = match.compared(0), resize(batch.y_B, match.warps[0].shape[2:])
        terms["reg"] = losses.cycle_consistency(warp(fy, fx, match.warps[0], net.config.alpha), y_1)
    if w.warp:  # Eq. 12
        terms["warp"] = torch.stack([losses.pixel(r, resize(batch.x_B, r.shape[2:]), resize(batch.known, r.shape[2:]))
                                     for r in match.warps]).mean()
    if w.mapping and net.R is not None:  # Eq. 13, 14
        terms["mapping"] = sum(losses.pixel(net.R(f[-1]), resize(picture, f[-1].shape[2:]))
                               for f, picture in ((match.x, batch.x_B), (match.y, batch.y_B)))
    if w.warped_condition:
        terms["warped_condition"] = torch.stack([losses.warped_condition(moved, x_A)
                                                 for moved, x_A in zip(match.along, blurred_x)]).mean()
    return image, terms


def spade(net: SPADENet, discriminator: nn.Module, vgg: VGG | None, batch: Batch, w: Weights,
          adversarial: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """The baseline, as `cocosnet`: the same terms on the picture, and the divergence of the style code.

    The terms on a correspondence (domain, domain_adv, reg, warp and its extras) have nothing to look at here and are left out,
    so the weights of a CoCosNet run can be given as they are.
    """
    mu, logvar = net.E(batch.y_B)
    dice = batch.generators()
    noise = None if dice is None else torch.stack([torch.randn(mu.shape[1], generator=one) for one in dice])  # (B, code)
    image = net.paint(batch.x_A, net.draw(mu, logvar, noise)).float()
    terms = _painted(image, discriminator, vgg, batch, w, adversarial)
    if w.kl:
        terms["kl"] = losses.kl_divergence(mu, logvar)
    return image, terms


def segin(net: SEGIN, discriminator: nn.Module, vgg: VGG | None, batch: Batch, w: Weights,
          adversarial: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """SEGIN, Eq. 11, as `cocosnet`. Its own terms alone: L_recon is `recon`, L_F `feature`, L_GAN `gan`, L_seg `seg`, L_segAtt
    `attention`, L_tv `tv`. The auxiliary image is matched with the batch's exemplar and corrupted; the terms that compare with y
    do so where it is known.
    """
    y, known, foreground = batch.x_B, batch.known, batch.foreground
    with torch.no_grad():
        xi, grid = net.matcher(batch.x_A, net.drawn(batch.x_A), batch.y_B)
        W = paste(batch.y_B, corrupt(xi, grid, Corruption(), batch.generators()), grid, net.matcher.k)
    image, mask = net.paint(batch.x_A, W, batch.y_B)
    image, terms = image.float(), {}
    if w.recon:
        terms["recon"] = losses.pixel(image, y, known)  # Eq. 5
    if w.feature:
        layers = {FEATURE: 1.0}
        phi = vgg16_base(str(image.device))
        with torch.no_grad():
            truth = phi(y, tuple(layers))
        terms["feature"] = losses.feature_matching(phi(image, tuple(layers)), truth, layers, known)  # Eq. 6
    if adversarial and w.gan:
        terms["gan"] = losses.log_generator(discriminator(batch.x_A, image))  # Eq. 7
    if w.tv:
        terms["tv"] = losses.total_variation(image)  # Eq. 8
    if mask is not None and (w.seg or w.attention):
        if foreground is None:
            raise ObjectiveError("the terms seg and attention compare with the foreground, and this batch tells none")
        if w.seg:
            terms["seg"] = losses.segmentation(mask, foreground)  # Eq. 9
        if w.attention:
            terms["attention"] = losses.segmentation_attention(mask, image, foreground, y, known)  # Eq. 10
    return image, terms


@dataclass(frozen=True)
class Objective:
    """What a system minimises, and what plays against it."""

    terms: Callable  # one of the functions above
    adversarial: tuple[str, ...] = ("adv", "d_feat")  # the weights of the terms that need D
    loss_D: Callable = losses.hinge_discriminator
    discriminator: dict = field(default_factory=dict)  # options of D
    perceptual: bool = True  # whether the terms read the network of `train --features`
    foreground: bool = False  # whether they read the batch's foreground

    def needs_D(self, w: Weights) -> bool:
        """Whether any term that needs D has a weight."""
        return any(getattr(w, name) > 0 for name in self.adversarial)


def shares(terms: dict[str, float], w: Weights) -> dict[str, float]:
    """What each term is of the total, by absolute values, the largest first; 1 in sum."""
    parts = {name: abs(getattr(w, name) * value) for name, value in terms.items() if hasattr(w, name)}
    total = sum(parts.values()) or 1.0
    return {name: part / total for name, part in sorted(parts.items(), key=lambda one: -one[1])}


OBJECTIVES = {"cocosnet": Objective(cocosnet), "cocosnet_v2": Objective(cocosnet_v2), "mclnet": Objective(mclnet),
              "segin": Objective(segin, ("gan",), losses.log_discriminator, dict(scales=1, norm=False), perceptual=False,
                                 foreground=True),
              "spade": Objective(spade)}
