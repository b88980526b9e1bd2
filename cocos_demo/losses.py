"""Every loss as a function with its equation. Numbers of equations are CoCosNet's unless another paper is named.

Means are taken over all elements, so a weight keeps its meaning when the batch, the picture or the layer grows. Where the
released code computes a term in another way than the paper writes it, `form="released"` does as it does.
`Features` are dicts layer name -> (B, C, h, w), as `features.VGG` gives them.
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from .models.correspondence import normalise

Features = dict[str, Tensor]
Form = Literal["paper", "released"]


def _precise(t: Tensor) -> Tensor:
    """float32 also out of half-precision networks; float64 stays."""
    return t if t.dtype == torch.float64 else t.float()


def _mean_where(values: Tensor, known: Tensor | None) -> Tensor:
    """Mean of values (B, C, h, w) over the places where `known` (B, 1, H, W) in [0, 1] says so, sample by sample, then over B.

    A sample without such a place counts as 0. So each sample's part is the same whatever batch it is in, on however many
    machines, and a weight keeps its meaning.
    """
    if known is None:
        return values.mean()
    known = F.adaptive_avg_pool2d(known, values.shape[2:])  # (B, 1, h, w)
    total = (values.mean(dim=1, keepdim=True) * known).sum(dim=(1, 2, 3))  # (B,)
    return (total / known.sum(dim=(1, 2, 3)).clamp(min=1.0)).mean()


def feature_matching(phi_x_hat: Features, phi_x: Features, lambdas: dict[str, float], known: Tensor | None = None) -> Tensor:
    """Eq. 8, L_feat = sum_l lambda_l |phi_l(x_hat) - phi_l(x_B)|_1, on pseudo pairs.

    `known` (B, 1, H, W): 1 where x_B is what the exemplar's looks give, 0 elsewhere; None: everywhere.
    """
    return sum(lambda_l * _mean_where((_precise(phi_x_hat[layer]) - _precise(phi_x[layer])).abs(), known)
               for layer, lambda_l in lambdas.items())


def domain_alignment(x_S: Tensor, x_B_S: Tensor, form: Form = "paper") -> Tensor:
    """Eq. 9, L_domain: condition and photo of the same x, (B, C, H, W) each, are to coincide in S. Scalar in [0, 2].

    Both are centred and brought to unit length first, so shrinking the features cannot lower it. The sum over the channels is
    divided by sqrt(C), so that its range does not depend on C; released: not centred, mean over the channels.
    """
    if form == "released":
        a, b = (F.normalize(_precise(f), dim=1) for f in (x_S, x_B_S))
        return (a - b).abs().mean()
    return (normalise(_precise(x_S)) - normalise(_precise(x_B_S))).abs().sum(dim=1).mean() / x_S.shape[1] ** 0.5


def perceptual(phi_x_hat: Features, phi_x: Features, layer: str = "relu4_2", form: Form = "paper") -> Tensor:
    """Eq. 10, L_perc = |phi_l(x_hat) - phi_l(x_B)|_1 at a high layer: the output keeps the meaning of the input.

    Released: the squared difference.
    """
    difference = _precise(phi_x_hat[layer]) - _precise(phi_x[layer])
    return difference.square().mean() if form == "released" else difference.abs().mean()


class _BestAffinity(torch.autograd.Function):
    """max_j A_ij of Eq. 11: unit vectors q (B, N, C), k (B, M, C) -> (B, N), holding two blocks of (rows, M) and no more.

    With c_ij the cosines, * the nearest j and s_i = 1 / (bandwidth (1 - c_i* + 1e-3)), the softmax is largest at *, where it
    is 1 / Z_i with Z_i = sum_j exp((c_ij - c_i*) s_i). Written out by hand, backward too: what autograd keeps of each block,
    and the holes it leaves in memory, would add up to the matrix again.
    """

    @staticmethod
    def _exponents(q: Tensor, k: Tensor, bandwidth: float, out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of one block q (n, C): c_ij - c_i* (n, M) in `out`, s (n, 1), * (n, 1)."""
        cosines = torch.matmul(q, k.T, out=out[: len(q)])
        nearest, index = cosines.max(dim=1, keepdim=True)
        return cosines.sub_(nearest), 1 / (bandwidth * (1 - nearest + 1e-3)), index

    @staticmethod
    def forward(ctx, q: Tensor, k: Tensor, bandwidth: float, rows: int) -> Tensor:
        ctx.save_for_backward(q, k)
        ctx.bandwidth, ctx.rows = bandwidth, rows
        best, block = q.new_empty(q.shape[:2]), q.new_empty(min(rows, q.shape[1]), k.shape[1])
        for b in range(len(q)):
            for at in range(0, q.shape[1], rows):
                e, s, _ = _BestAffinity._exponents(q[b, at:at + rows], k[b], bandwidth, block)
                best[b, at:at + rows] = 1 / e.mul_(s).exp_().sum(dim=1)
        return best

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (q, k), rows = ctx.saved_tensors, ctx.rows
        q_grad, k_grad = torch.empty_like(q), torch.zeros_like(k) if ctx.needs_input_grad[1] else None  # exemplars need none
        blocks = [q.new_empty(min(rows, q.shape[1]), k.shape[1]) for _ in range(2)]
        for b in range(len(q)):
            for at in range(0, q.shape[1], rows):
                part = q[b, at:at + rows]
                e, s, index = _BestAffinity._exponents(part, k[b], ctx.bandwidth, blocks[0])
                w = torch.mul(e, s, out=blocks[1][: len(part)]).exp_()  # (n, M)
                Z, lean = w.sum(dim=1, keepdim=True), e.mul_(w).sum(dim=1, keepdim=True)  # (n, 1)
                # dZ/dc_j = w_j s, and at * also what c_i* does as the reference and within s: ds/dc_i* = bandwidth s^2.
                w.mul_(s).scatter_add_(1, index, ctx.bandwidth * s**2 * lean - s * Z)
                w.mul_(-gradient[b, at:at + rows, None] / Z**2)
                torch.matmul(w, k[b], out=q_grad[b, at:at + rows])
                if k_grad is not None:
                    k_grad[b].addmm_(w.T, part)
        return q_grad, k_grad, None, None


def contextual(fx: Tensor, fy: Tensor, bandwidth: float = 0.1, rows: int = 256,
               centre: Literal["positions", "channels"] = "positions") -> Tensor:
    """Eq. 11 at one layer, -log mean_i max_j A_ij, the contextual loss of Mechrez et al. 2018. Scalar >= 0, mean over B.

    fx (B, C, H, W), fy (B, C, H', W'): features of the output and of the exemplar. Both are centred by fy's mean over the
    `positions`, as Mechrez et al. do; with `centre` "channels" each position by fy's mean over the channels there, as released
    (both need one grid). d_ij = 1 - cos; d~_ij = d_ij / (min_k d_ik + 1e-3); A_ij = softmax_j((1 - d~_ij) / bandwidth).
    Never holds more than `rows` rows of an HW x H'W' matrix at once, in the backward pass either. In full precision.
    """
    if centre == "channels" and fx.shape[2:] != fy.shape[2:]:
        raise ValueError(f"centring over the channels needs maps on one grid, got {tuple(fx.shape)} and {tuple(fy.shape)}")
    with torch.autocast(fx.device.type, enabled=False):
        mu = _precise(fy).mean(dim=1 if centre == "channels" else (2, 3), keepdim=True)  # (B, C, 1, 1) or (B, 1, H, W)
        q, k = (F.normalize(_precise(f) - mu, dim=1).flatten(2).transpose(1, 2).contiguous() for f in (fx, fy))  # (B, HW, C)
        return -_BestAffinity.apply(q, k, bandwidth, rows).mean(dim=1).log().mean()


def exemplar_contextual(phi_x_hat: Features, phi_y: Features, omegas: dict[str, float], form: Form = "paper") -> Tensor:
    """Eq. 11, L_context = sum_l omega_l contextual(phi_l(x_hat), phi_l(y_B)): the output takes its looks from the exemplar."""
    centre = "channels" if form == "released" else "positions"
    return sum(omega_l * contextual(phi_x_hat[layer], phi_y[layer], centre=centre) for layer, omega_l in omegas.items())


def cycle_consistency(r_yxy: Tensor, y_B: Tensor) -> Tensor:
    """Eq. 12, L_reg = |r_y->x->y - y_B|_1: the exemplar, warped there and back, is itself. (B, K, h, w) each."""
    return (r_yxy - y_B).abs().mean()


def marginal_contrastive(x: Tensor, y: Tensor, margin: float = 0.4, scale: float = 30.0, positions: int = 4096,
                         generator: torch.Generator | None = None) -> Tensor:
    """MCL-Net, Algorithm 1 with its scale s, both directions: L_xy + L_yx. Scalar >= 0, mean over the positions, then over B.

    x, y (B, C, H, W): features of the condition and of the ground truth. Each x_i is to be nearer to y_i, its positive, than to
    any y_j, by the angle `margin` (radians): -log of exp(s cos(theta_ii + m)) against the sum of exp(s cos theta_ij), j != i,
    and itself; then the other way round. `margin` 0 is InfoNCE (Eq. 1) at the temperature 1 / `scale`.

    Holds the matrix of all positions twice, and five times in the backward pass: 20 N^2 bytes a picture, 320 MiB for 64 x 64.
    Where there are more than `positions`, so many of them are drawn, by `generator` (None: torch's own, which a training seeds
    at each step), the same in all pictures; they are each other's negatives.

    In full precision. For angles beyond pi - m the cosine grows again, as the algorithm has it; there and where features
    coincide or oppose, value and gradient are finite. Raises ValueError.
    """
    if x.dim() != 4 or x.shape != y.shape:
        raise ValueError(f"x and y must be (B, C, H, W), both of one shape, got {tuple(x.shape)} and {tuple(y.shape)}")
    if positions < 1:
        raise ValueError(f"positions must be at least 1, got {positions}")
    with torch.autocast(x.device.type, enabled=False):
        x, y = (F.normalize(_precise(f).flatten(2), dim=1) for f in (x, y))  # (B, C, N)
        if x.shape[2] > positions:
            drawn = torch.randperm(x.shape[2], generator=generator)[:positions].to(x.device)
            x, y = x[:, :, drawn], y[:, :, drawn]
        # sin theta_ii of unit vectors. sqrt(1 - cos^2) would be the same, but its gradient is infinite where they coincide.
        sin = torch.linalg.vector_norm(x - y, dim=1) * torch.linalg.vector_norm(x + y, dim=1) / 2  # (B, N)
        positive = scale * (math.cos(margin) * (x * y).sum(dim=1) - math.sin(margin) * sin)  # (B, N), s cos(theta_ii + m)
        logits = torch.diagonal_scatter((scale * x).transpose(1, 2) @ y, positive, dim1=1, dim2=2)  # (B, N, N)
        return (logits.logsumexp(dim=2) + logits.logsumexp(dim=1) - 2 * positive).mean()


def _verdicts(answers: list[list[Tensor]]) -> list[Tensor]:
    return [_precise(scale[-1]) for scale in answers]


def hinge_discriminator(real: list[list[Tensor]], fake: list[list[Tensor]]) -> Tensor:
    """Eq. 13, L_adv^D = -E[h(D(real))] - E[h(-D(x_hat))] with h(t) = min(0, t - 1); mean over the scales.

    The paper calls any sample of domain B y_B; D also sees a condition, so the real picture is the one it belongs to, x_B.
    """
    terms = [F.relu(1 - r).mean() + F.relu(1 + f).mean() for r, f in zip(_verdicts(real), _verdicts(fake), strict=True)]
    return sum(terms) / len(terms)


def hinge_generator(fake: list[list[Tensor]]) -> Tensor:
    """Eq. 13, L_adv^G = -E[D(x_hat)]; mean over the scales."""
    terms = [-f.mean() for f in _verdicts(fake)]
    return sum(terms) / len(terms)


def log_discriminator(real: list[list[Tensor]], fake: list[list[Tensor]]) -> Tensor:
    """SEGIN, Eq. 7, as D sees it: -E[log D(x, y)] - E[log(1 - D(x, N(x, W)))]; D is the sigmoid of the verdicts, mean over the
    scales.

    The paper leaves x out of the second term; D sees it beside either picture.
    """
    terms = [F.softplus(-r).mean() + F.softplus(f).mean() for r, f in zip(_verdicts(real), _verdicts(fake), strict=True)]
    return sum(terms) / len(terms)


def log_generator(fake: list[list[Tensor]]) -> Tensor:
    """SEGIN, Eq. 7, as N sees it: -E[log D(x, N(x, W))], which has the fixed points of E[log(1 - D)] and no vanishing gradient
    where D is sure (Goodfellow et al. 2014, section 3)."""
    terms = [F.softplus(-f).mean() for f in _verdicts(fake)]
    return sum(terms) / len(terms)


def total_variation(y_hat: Tensor) -> Tensor:
    """SEGIN, Eq. 8: the mean over the pixels, where the paper writes the sum, of the length of the gradient of the picture
    (B, 3, H, W), the channels' differences together; 0 beyond its last row and column. Scalar >= 0."""
    y_hat = _precise(y_hat)
    down, right = F.pad(y_hat.diff(dim=2), (0, 0, 0, 1)), F.pad(y_hat.diff(dim=3), (0, 1))  # (B, 3, H, W)
    return torch.linalg.vector_norm(torch.cat([down, right], dim=1), dim=1).mean()


def segmentation(mask: Tensor, foreground: Tensor) -> Tensor:
    """SEGIN, Eq. 9: L1 between the mask N_s(x) and the true foreground, (B, 1, H, W) each in [0, 1]."""
    return (_precise(mask) - foreground).abs().mean()


def segmentation_attention(mask: Tensor, y_hat: Tensor, foreground: Tensor, y: Tensor, known: Tensor | None = None) -> Tensor:
    """SEGIN, Eq. 10: L1 between the masked output and the masked truth; masks (B, 1, H, W), pictures (B, 3, H, W)."""
    return _mean_where((_precise(mask) * _precise(y_hat) - foreground * y).abs(), known)


def discriminator_features(real: list[list[Tensor]], fake: list[list[Tensor]], known: Tensor | None = None,
                           form: Form = "paper") -> Tensor:
    """L1 between D's hidden features of x_B and x_hat, mean over scales and layers (CoCosNet's slides; Wang et al. 2018).

    Released: the sum over the layers, everywhere, whether or not x_B is what the exemplar's looks give.
    """
    known = None if form == "released" else known
    terms = [_mean_where((_precise(f) - _precise(r).detach()).abs(), known)
             for r_scale, f_scale in zip(real, fake, strict=True) for r, f in zip(r_scale[:-1], f_scale[:-1], strict=True)]
    return sum(terms) / len(real if form == "released" else terms)


def kl_divergence(mu: Tensor, logvar: Tensor) -> Tensor:
    """SPADE's style encoder: KL(N(mu, e^logvar) | N(0, 1)), (B, code) each, summed over the code, mean over the batch.

    Park et al. 2019, Eq. 4 of its appendix (weight 0.05); its released code adds up the batch as well.
    """
    mu, logvar = _precise(mu), _precise(logvar)
    return 0.5 * (mu**2 + logvar.exp() - logvar - 1).sum(dim=1).mean()


# ---- Extras: not in the paper's Eq. 14; weight 0 in every table that speaks of the paper.


def warped_labels(r_A: Tensor, x_A: Tensor, y_A: Tensor) -> Tensor:
    """Extra, of the released code: the exemplar's label map, warped, is to name each position's class. Scalar >= 0.

    r_A (B, N, h, w): the warped one-hot map, for each position the share of every class; x_A, y_A (B, N, h, w), one-hot: what
    the classes are there, and those of the exemplar. -log of the right class' share, mean over the positions that count, then
    over B: class 0 (unknown, or background) does not, nor do classes that the exemplar has not.
    """
    label = x_A.argmax(dim=1, keepdim=True)  # (B, 1, h, w)
    share = _precise(r_A).gather(1, label).clamp(min=1e-10)
    there = y_A.amax(dim=(2, 3), keepdim=True).expand_as(x_A).gather(1, label) > 0.5
    counts = (there & (label > 0)).to(share.dtype)  # (B, 1, h, w)
    return ((-share.log() * counts).sum(dim=(1, 2, 3)) / counts.sum(dim=(1, 2, 3)).clamp(min=1.0)).mean()


def pixel(x_hat: Tensor, x_B: Tensor, known: Tensor | None = None) -> Tensor:
    """Extra: L1 between output (or warp) and photo, (B, 3, H, W) each, where `known`."""
    return _mean_where((_precise(x_hat) - x_B).abs(), known)


def warped_condition(r_A: Tensor, x_A: Tensor) -> Tensor:
    """Extra: the exemplar's condition map, warped like the exemplar, is to equal x_A. (B, N, h, w) each, in [0, 1].

    The released code's `warp_mask` for label maps, here for drawn ones. Lines cover few pixels, so the error is divided by
    the mean of both maps: 2 when nothing meets, 0 when all does.
    """
    error = (_precise(r_A) - x_A).abs().mean(dim=(1, 2, 3))  # (B,)
    mass = (_precise(r_A) + x_A).mean(dim=(1, 2, 3))
    return (2 * error / mass.clamp(min=1e-6)).mean()
