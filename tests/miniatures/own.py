"""A folder of one's own in miniature: portraits of several people, and all that can lie among them."""

import shutil

import numpy as np
from made_up import SAMPLES
from PIL import Image


def people(root, by_folder=True, shots=2, size=320):
    """Portraits of three people, root/P001/1.jpg ... or root/P001_1.jpg ... -> the folder."""
    for person, source in (("Ann", "P001_happy"), ("Bea", "P005_neutral"), ("Zoë", "P006_playful")):
        for shot in range(shots):
            picture = Image.open(SAMPLES / "portraits" / f"{source}.jpg").convert("RGB")
            picture = picture.resize((size, size)).rotate(4 * shot)
            path = root / person / f"photo {shot}.jpg" if by_folder else root / f"{person}_{shot}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path, quality=90 + shot)
    return root


def trouble(root):
    """What can be wrong with single files, into a folder of `people` by sub-folders -> file: what its reason says."""
    good = root / "Ann" / "photo 0.jpg"
    shutil.copy(good, root / "Bea" / "copy.jpg")
    (root / "Ann" / "cut.jpg").write_bytes(good.read_bytes()[:3000])
    (root / "Ann" / "empty.jpg").touch()
    (root / "Ann" / "notes.txt").write_text("Ann in May")
    (root / "Bea" / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    (root / "Bea" / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    (root / "Bea" / "renamed.jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    (root / "Zoë" / "raw.CR2").write_bytes(b"II*\0" + bytes(40))
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90, 3), np.uint8)).save(root / "Zoë" / "nobody.png")
    (root / "Zoë" / "gone.jpg").symlink_to(root / "nowhere.jpg")
    (root / "again").symlink_to(root / "Ann", target_is_directory=True)
    (root / ".DS_Store").write_bytes(b"x")
    (root / ".thumbs").mkdir()
    (root / ".thumbs" / "hidden.jpg").write_bytes(good.read_bytes())
    return {"Bea/copy.jpg": "the same file as Ann/photo 0.jpg", "Ann/cut.jpg": "damaged or cut short", "Ann/empty.jpg": "empty",
            "Ann/notes.txt": "not a picture that can be read", "Bea/clip.mp4": "a video", "Bea/phone.HEIC": "HEIC",
            "Bea/renamed.jpg": "HEIC", "Zoë/raw.CR2": "raw file", "Zoë/nobody.png": "No face", "Zoë/gone.jpg": "leads nowhere",
            "again": "link to a folder"}  # fmt: skip
