"""metrics/ against hand-worked cases, closed forms, and the libraries' own implementations."""

import math

import pytest
import torch

from cocos_demo import metrics
from cocos_demo.features import VGG, FeaturesError, load_vgg
from cocos_demo.metrics import (
    LEFT_EYE,
    LPIPS_LAYERS,
    RIGHT_EYE,
    MetricMissing,
    frechet_distance,
    l1,
    landmark_distance,
    mean_cosine,
    pck,
    perceptual_distance,
    pixel_centres,
    position_cosine,
    predicted_places,
    psnr,
    region_cosine,
    relative_error,
    sliced_wasserstein,
    ssim,
    swd,
)
from cocos_demo.metrics.distributions import INCEPTION, laplacian_pyramid

# ---- places


def test_landmark_distance_is_in_eye_distances():
    truth = torch.zeros(478, 2)
    truth[LEFT_EYE], truth[RIGHT_EYE] = torch.tensor([0.6, 0.5]), torch.tensor([0.4, 0.5])
    assert landmark_distance(truth + torch.tensor([0.03, 0.04]), truth) == pytest.approx(0.05 / 0.2, rel=1e-4)


def test_pck_by_hand():
    truth = torch.zeros(2, 1, 4)
    places = torch.tensor([[[0.02, 0.04, 0.2, 0.0]], [[0.0, 0.0, 0.0, 0.9]]])
    visible = torch.tensor([[True, True, True, False]])
    assert pck(places, truth, visible, (0.03, 0.05, 0.1)) == pytest.approx({0.03: 1 / 3, 0.05: 2 / 3, 0.1: 2 / 3})


@pytest.mark.parametrize("soft", [True, False])
def test_identical_features_send_every_pixel_to_itself(soft):
    f = torch.randn(1, 64, 4, 4)
    torch.testing.assert_close(predicted_places(f, f, 16, 1000.0, soft)[0], pixel_centres(16, 16), atol=1e-4, rtol=0)


@pytest.mark.parametrize("soft", [True, False])
def test_a_shift_of_the_features_is_found(soft):
    wide = torch.randn(1, 64, 4, 5)
    places = predicted_places(wide[..., 1:], wide[..., :4], 16, 1000.0, soft)[0]  # x[u] = y[u + 1 cell to the right]
    expected = pixel_centres(16, 16) + torch.tensor([0.25, 0]).view(2, 1, 1)
    torch.testing.assert_close(places[..., :12], expected[..., :12], atol=1e-4, rtol=0)


# ---- pictures


def test_relative_error():
    target, exemplar = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    output = exemplar / 4
    assert relative_error(output, target, exemplar) == pytest.approx(0.25)
    assert relative_error(exemplar, target, exemplar) == 1 and relative_error(target, target, exemplar) == 0
    output[..., 0, 0] = 1
    mask = torch.zeros(1, 1, 2, 2, dtype=torch.bool)
    mask[..., 0, 0] = True
    assert relative_error(output, target, exemplar, mask) == 1


def test_l1_and_psnr_by_hand():
    target, output = torch.zeros(2, 3, 2, 2), torch.zeros(2, 3, 2, 2)
    output[0, :, 0, 0] = 0.4
    assert l1(output, target).tolist() == pytest.approx([0.1 * 127.5, 0])
    # Mean squared error 0.16 / 4 = 0.04 of a peak of 2: 10 log10(4 / 0.04) = 20 dB.
    assert psnr(output, target).tolist() == pytest.approx([20, math.inf])
    mask = torch.zeros(2, 1, 2, 2, dtype=torch.bool)
    mask[..., 0] = True  # the left column: half the pixels, the same error
    assert l1(output, target, mask).tolist() == pytest.approx([0.2 * 127.5, 0])
    assert psnr(output, target, mask)[0].item() == pytest.approx(20 - 10 * math.log10(2), abs=1e-4)


def test_ssim_by_hand():
    pytest.importorskip("torchmetrics")
    # Flat pictures have no variance: SSIM is the luminance term alone, (2 a b + c1) / (a^2 + b^2 + c1), c1 = 0.01^2.
    a, b, c1 = 0.1, 0.3, 0.0001
    flat = [torch.full((1, 3, 16, 16), 2 * value - 1) for value in (a, b)]
    assert ssim(*flat).item() == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1), abs=1e-4)
    photo = torch.rand(1, 3, 32, 32) * 2 - 1
    assert ssim(photo, photo).item() == pytest.approx(1, abs=1e-5)
    broken = photo.clone()
    broken[..., 24:] *= -1
    mask = torch.zeros(1, 1, 32, 32, dtype=torch.bool)
    mask[..., :16] = True  # no window about its pixels reaches column 24
    assert ssim(broken, photo, mask).item() == pytest.approx(1, abs=1e-5) and ssim(broken, photo).item() < 0.9


# ---- distributions


def _with_moments(mean, covariance, n):
    """n points in float64 whose sample mean and covariance are exactly these."""
    x = torch.randn(n, len(mean), dtype=torch.float64)
    x = x - x.mean(dim=0)
    x = x @ torch.linalg.inv(torch.linalg.cholesky(x.T @ x / (n - 1))).T
    return x @ torch.linalg.cholesky(covariance).T + mean


@pytest.mark.parametrize(("n", "m"), [(40, 40), (7, 300)])
def test_frechet_distance_of_two_gaussians(n, m):
    C_a, C_b = (r @ r.T + 0.1 * torch.eye(5, dtype=torch.float64) for r in torch.randn(2, 5, 5, dtype=torch.float64))
    mu_a, mu_b = torch.randn(2, 5, dtype=torch.float64)
    root = torch.linalg.eigvals(C_a @ C_b).sqrt().real.sum()
    expected = (mu_a - mu_b).square().sum() + C_a.trace() + C_b.trace() - 2 * root
    found = frechet_distance(_with_moments(mu_a, C_a, n), _with_moments(mu_b, C_b, m))
    assert found == pytest.approx(expected.item(), rel=1e-8)


def test_frechet_distance_with_fewer_pictures_than_features():
    # Two points a set, 2 d apart along one axis: variance 2 d^2 there and none elsewhere. Along one axis the distance is
    # (s_a - s_b)^2; along two different ones nothing is shared: s_a^2 + s_b^2.
    def pair(axis, d):
        points = torch.zeros(2, 10)
        points[:, axis] = torch.tensor([-d, d])
        return points

    assert frechet_distance(pair(0, 1.0), pair(0, 3.0)) == pytest.approx(2 * (3 - 1) ** 2)
    assert frechet_distance(pair(0, 1.0), pair(1, 3.0)) == pytest.approx(2 * 1 + 2 * 9)
    assert frechet_distance(pair(0, 1.0) + 1, pair(0, 1.0)) == pytest.approx(10)


def test_fid_says_where_its_weights_belong(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    with pytest.raises(MetricMissing, match=INCEPTION):
        metrics.fid(torch.zeros(2, 3, 16, 16), torch.zeros(2, 3, 16, 16))


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\3\4 cut"])
def test_broken_files_of_weights_are_told(tmp_path, monkeypatch, content):
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    for name in (INCEPTION, "vgg16-397923af.pth", "vgg19-dcbb9e9d.pth"):
        (tmp_path / "checkpoints" / name).write_bytes(content)
    with pytest.raises(MetricMissing, match=INCEPTION):
        metrics.fid(torch.zeros(2, 3, 16, 16), torch.zeros(2, 3, 16, 16))
    with pytest.raises(MetricMissing, match="vgg16-397923af.pth is cut short"):
        metrics.load_lpips()
    with pytest.raises(FeaturesError, match="vgg19-dcbb9e9d.pth is cut short"):
        load_vgg()


def test_fid_is_the_frechet_distance_of_inceptions_features(tmp_path, monkeypatch):
    extractor = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3").FeatureExtractorInceptionV3

    class Fresh(extractor):
        def load_state_dict(self, state):  # keep the random weights
            pass

    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    path = tmp_path / "checkpoints" / INCEPTION
    path.parent.mkdir()
    torch.save({}, path)
    net = Fresh("fresh", ["2048"], feature_extractor_weights_path=str(path))
    torch.save(net.state_dict(), path)
    outputs, photos = torch.rand(2, 3, 32, 32), -torch.rand(2, 3, 32, 32)
    features = [net(((x + 1) * 127.5).round().byte())[0] for x in (outputs, photos)]
    assert metrics.fid(outputs, photos) == pytest.approx(frechet_distance(*features), rel=1e-3)


def test_sliced_wasserstein_by_hand():
    line = torch.tensor([[0.0], [1.0], [5.0]], dtype=torch.float64)
    assert sliced_wasserstein(line, line[[2, 0, 1]] + 0.25) == pytest.approx(0.25)  # a shift of a line, in any order
    assert sliced_wasserstein(line, 2 * line) == pytest.approx((0 + 1 + 5) / 3)
    # A shift v is seen as |v . theta|, whose mean over directions in three dimensions is |v| / 2.
    points, v = torch.randn(50, 3, dtype=torch.float64), torch.tensor([1.0, 2.0, 2.0], dtype=torch.float64)
    assert sliced_wasserstein(points, points + v, directions=20_000) == pytest.approx(1.5, abs=0.03)
    with pytest.raises(ValueError, match="equally many"):
        sliced_wasserstein(points, points[1:])


def test_the_pyramid_adds_up_again():
    x = torch.randn(2, 3, 64, 64)
    levels = laplacian_pyramid(x)
    assert [level.shape[-1] for level in levels] == [64, 32, 16]
    flat = laplacian_pyramid(torch.full((1, 3, 64, 64), 0.3))
    assert all(level.abs().max() < 1e-6 for level in flat[:-1]) and torch.allclose(flat[-1], torch.tensor(0.3))
    cv2 = pytest.importorskip("cv2")
    down = cv2.pyrDown(x[0].permute(1, 2, 0).numpy())
    up = torch.from_numpy(cv2.pyrUp(down)).permute(2, 0, 1)
    # cv2 repeats the last row where it enlarges, so the last two differ; everywhere else it is the same pyramid.
    torch.testing.assert_close(levels[0][0, :, :-2, :-2], (x[0] - up)[:, :-2, :-2], atol=1e-5, rtol=0)


def test_swd_sees_detail_on_its_level_and_no_brightness():
    photos = torch.randn(6, 3, 64, 64)
    assert swd(photos, photos) == {64: 0, 32: 0, 16: 0}
    assert max(swd(photos * 0.5 + 0.3, photos).values()) < 0.01
    blurred = photos.clone()
    blurred[:, :, :, 32:] = 0
    assert swd(blurred, photos)[64] > 100
    with pytest.raises(ValueError, match="equally many"):
        swd(photos[1:], photos)


# ---- perception


def test_cosines_of_whole_layers_by_hand():
    f = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])  # (2, 1, 2): features (1, 0) and (0, 1)
    g = torch.tensor([[[2.0, 5.0]], [[0.0, 0.0]]])  # (2, 0) and (5, 0)
    assert position_cosine(f, g) == pytest.approx((1 + 0) / 2)
    assert mean_cosine(f, g) == pytest.approx(math.sqrt(0.5))  # of (1, 1) / 2 and (7, 0) / 2
    assert mean_cosine(f, f.flip(2)) == pytest.approx(1)  # it does not see the layout
    assert position_cosine(f, f.flip(2)) == pytest.approx(0)


def test_region_cosine_by_hand():
    f = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])
    g = torch.tensor([[[1.0, 1.0]], [[1.0, 0.0]]])  # cells (1, 1) and (1, 0)
    x = torch.tensor([[1, 1, 1, 2], [1, 1, 1, 2]])  # each cell is 2 x 2 pixels
    y = torch.tensor([[2, 2, 1, 1], [2, 2, 1, 1]])
    # Region 1: in f it has a whole cell (1, 0) and half a cell (0, 1), mean (2/3, 1/3); in g (1, 0). Region 2: (0, 1) and (1, 1).
    one, two = 2 / math.sqrt(5), math.sqrt(0.5)
    assert region_cosine(f, g, x, y) == pytest.approx((6 * one + 2 * two) / 8)
    assert region_cosine(f, g, x, y, ignore=(1,)) == pytest.approx(two)
    assert region_cosine(f, g, x, torch.where(y == 2, 7, y)) == pytest.approx(one)  # 2 is not in both
    assert math.isnan(region_cosine(f, g, x, y + 10))
    # The same numbers as spreading the features over the pixels, whatever the sizes.
    f, labels = torch.rand(4, 8, 8), torch.randint(3, (32, 32))
    spread = f.repeat_interleave(4, 1).repeat_interleave(4, 2)
    g = torch.rand(4, 32, 32)
    expected = sum(float((labels == k).float().mean()) * float(torch.cosine_similarity(
        spread[:, labels == k].mean(1), g[:, labels == k].mean(1), dim=0)) for k in range(3))
    assert region_cosine(f, g, labels, labels) == pytest.approx(expected, abs=1e-5)


def test_perceptual_distance_by_hand():
    f = {layer: torch.ones(4, 1, 1) for layer in LPIPS_LAYERS}
    g = {layer: torch.tensor([1.0, 0, 0, 0]).view(4, 1, 1) for layer in LPIPS_LAYERS}
    assert perceptual_distance(f, {layer: 9 * value for layer, value in f.items()}) == pytest.approx(0, abs=1e-6)
    assert perceptual_distance(f, g) == pytest.approx(5 * (2 - 2 * 0.5))  # cosine 1/2 at each of five layers
    heads = {layer: torch.tensor([4.0, 0, 0, 0]) for layer in LPIPS_LAYERS}
    assert perceptual_distance(f, g, heads) == pytest.approx(5 * 4 * (0.5 - 1) ** 2)


def test_lpips_is_torchmetrics_own(tmp_path, monkeypatch):
    lpips = pytest.importorskip("torchmetrics.functional.image.lpips")
    theirs = lpips._LPIPS(pretrained=True, net="vgg", pnet_rand=True)
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    with pytest.raises(MetricMissing, match="vgg16-397923af.pth"):
        metrics.load_lpips()
    (tmp_path / "checkpoints").mkdir()
    convolutions = [layer for part in theirs.net.children() for layer in part if isinstance(layer, torch.nn.Conv2d)]
    state = {f"features.{i}.{name}": getattr(conv, name) for i, conv in enumerate(convolutions) for name in ("weight", "bias")}
    torch.save(state | {"classifier.0.weight": torch.zeros(1)}, tmp_path / "checkpoints" / "vgg16-397923af.pth")
    net, heads = metrics.load_lpips()
    assert isinstance(net, VGG)
    a, b = torch.rand(2, 1, 3, 32, 32) * 2 - 1
    features = [{layer: f[0] for layer, f in net(x, LPIPS_LAYERS).items()} for x in (a, b)]
    assert perceptual_distance(*features, heads) == pytest.approx(theirs(a, b).item(), rel=1e-3)
