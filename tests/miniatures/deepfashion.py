"""A made-up DeepFashion of a few pictures, in the published layout: right paths, sizes and formats; nobody real in it."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

BODY = Path(__file__).parents[2] / "data" / "samples" / "figures" / "rendered_05_1.jpg"
PICTURES = (  # path within img/, side by side with where its pose comes from
    ("WOMEN/Dresses/id_00000002/02_1_front.jpg", "txt"),
    ("WOMEN/Dresses/id_00000002/02_2_side.jpg", "txt"),
    ("WOMEN/Dresses/id_00000002/03_1_front.jpg", "json 25"),
    ("WOMEN/Tees_Tanks/id_00000031/01_1_front.jpg", "json 18"),
    ("WOMEN/Tees_Tanks/id_00000031/01_3_back.jpg", "txt"),
    ("MEN/Denim/id_00000019/01_1_front.jpg", "txt"),
    ("MEN/Denim/id_00000019/01_7_additional.jpg", "mediapipe"),
)
# A standing figure, x and y in a hundredth of the square, in the order of OpenPose's 18 joints.
STANDING = np.array([(50, 12), (50, 22), (43, 22), (40, 34), (38, 45), (57, 22), (60, 34), (62, 45), (45, 48), (44, 68), (44, 88),
                     (55, 48), (56, 68), (56, 88), (48, 10), (52, 10), (46, 11), (54, 11)])  # fmt: skip


def build(root: Path, high: bool = False) -> Path:
    """Write it, in low or in high resolution -> root."""
    width, height = (750, 1101) if high else (256, 256)
    counts = 1024 if high else 256
    for number, (path, pose) in enumerate(PICTURES):
        file = root / ("img_highres" if high else "img") / path
        file.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.new("RGB", (width, height), (240, 240, 240))
        if pose == "mediapipe":
            body = Image.open(BODY).convert("RGB").resize((width, width))
            picture.paste(body, (0, (height - width) // 2))
        else:
            colour = tuple(np.random.default_rng(number).integers(0, 200, 3).tolist())
            picture.paste(colour, (width // 3, height // 8, 2 * width // 3, height))
        picture.save(file, quality=90)
        stem = root / "pose" / path.removesuffix(".jpg")
        stem.parent.mkdir(parents=True, exist_ok=True)
        if pose == "txt":
            write_txt(stem, STANDING * counts // 100)
        elif pose.startswith("json"):
            write_json(stem, STANDING * (width, height) / 100, int(pose.split()[1]))
    return root


def write_txt(stem: Path, joints: np.ndarray, absent: tuple[int, ...] = (10,)) -> None:
    """The pose as the authors of CoCosNet published it, and a second person of whom little is seen."""
    seen = [joint for joint in range(18) if joint not in absent]
    candidate = [[*joints[joint], 0.9, i] for i, joint in enumerate(seen)] + [[3, 4, 0.4, len(seen)]]
    found = [seen.index(joint) if joint in seen else -1 for joint in range(18)]
    subset = [[*([-1] * 17), len(seen), 0.5, 1], [*found, 20.5, len(seen)]]
    np.savetxt(f"{stem}_candidate.txt", candidate)
    np.savetxt(f"{stem}_subset.txt", subset)


def write_json(stem: Path, joints: np.ndarray, points: int) -> None:
    """The pose as OpenPose writes it, with 18 or 25 points; the last joint is not seen."""
    seen = np.column_stack([joints, np.r_[np.full(17, 0.8), 0]]) * np.r_[np.ones(17), 0][:, None]
    if points == 25:
        seen = np.vstack([seen[:8], [[1, 1, 0.8]], seen[8:], np.ones((6, 3))])
    people = [{"pose_keypoints_2d": (0.1 * seen).ravel().tolist()}, {"pose_keypoints_2d": seen.ravel().tolist()}]
    Path(f"{stem}_keypoints.json").write_text(json.dumps({"version": 1.3, "people": people}))


def write_lists(root: Path) -> None:
    """train.txt and val.txt as CoCosNet's: with backslashes."""
    lines = ["img\\" + path.replace("/", "\\") for path, _ in PICTURES]
    (root / "train.txt").write_text("\n".join(lines[:4]) + "\n")
    (root / "val.txt").write_text("\n".join(lines[5:]))


def write_partition(root: Path) -> None:
    """Eval/list_eval_partition.txt as DeepFashion's."""
    (root / "Eval").mkdir()
    status = ("train", "train", "train", "query", "gallery", "train", "train")
    rows = [f"img/{path:<60} {path.split('/')[2]}   {word}" for (path, _), word in zip(PICTURES, status)]
    header = [str(len(rows)), "image_name item_id evaluation_status"]
    (root / "Eval" / "list_eval_partition.txt").write_text("\n".join([*header, *rows]))
