#!/usr/bin/env python3
"""Makes tests/data/pictures: one small picture of each kind, and what Pillow makes of it.

Run with Pillow 13.0.0 and numpy 2.4.6:  make_image_files.py FOLDER

expected.json holds, for each picture, the means of the 8×8 blocks of the upright picture over white,
resized to 72×48 with LANCZOS; rgb.raw is that picture whole for rgb.png.
"""
import json
import pathlib
import sys

import numpy as np
from PIL import Image, ImageCms, ImageOps

WIDTH, HEIGHT = 96, 64
SMALL = (72, 48)


def pattern(width=WIDTH, height=HEIGHT):
    y, x = np.mgrid[0:height, 0:width]
    planes = [x * 255 // (width - 1), y * 255 // (height - 1), ((x // 16 + y // 16) % 2) * 255]
    return np.stack(planes, -1).astype("uint8")


def unturned(orientation):
    """The pattern, stored so that it is upright only after that orientation of EXIF."""
    image = Image.fromarray(pattern())
    inverse = {2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM, 5: Image.TRANSPOSE,
               6: Image.ROTATE_90, 7: Image.TRANSVERSE, 8: Image.ROTATE_270}[orientation]
    image = image.transpose(inverse)
    exif = image.getexif()
    exif[0x112] = orientation
    return image, exif


def make(folder):
    plain = Image.fromarray(pattern())
    alpha = np.dstack([pattern(), np.full((HEIGHT, WIDTH), 255, "uint8")])
    alpha[:, :32, 3] = 0
    alpha[:, 32:48, 3] = 128
    plain.save(folder / "rgb.png")
    plain.save(folder / "plain.jpg", quality=95, subsampling=0)
    plain.save(folder / "progressive.jpg", quality=95, subsampling=0, progressive=True)
    plain.save(folder / "lossy.webp", quality=98)
    plain.save(folder / "lossless.webp", lossless=True)
    Image.fromarray(alpha).save(folder / "alpha.png")
    Image.fromarray(alpha).save(folder / "alpha.webp", lossless=True, exact=True)
    Image.fromarray(pattern()[:, :, 0]).save(folder / "grey.png")
    Image.fromarray(pattern()[:, :, 0]).save(folder / "grey.jpg", quality=95)
    Image.fromarray(pattern()[:, :, 0].astype("uint16") * 257).save(folder / "deep.png")
    plain.convert("P", palette=Image.ADAPTIVE).save(folder / "palette.png")
    plain.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    plain.save(folder / "profile.jpg", quality=95, subsampling=0, icc_profile=lab)
    plain.save(folder / "profile.png", icc_profile=lab)
    plain.save(folder / "profile.webp", lossless=True, icc_profile=lab)
    for orientation in range(2, 9):
        image, exif = unturned(orientation)
        image.save(folder / f"turned{orientation}.jpg", quality=95, subsampling=0, exif=exif)
    image, exif = unturned(6)
    image.save(folder / "turned.png", exif=exif)
    image.save(folder / "turned.webp", lossless=True, exif=exif)
    plain.save(folder / "jpeg_in.png", format="JPEG", quality=95, subsampling=0)
    plain.save(folder / "animated.webp", save_all=True, append_images=[Image.fromarray(255 - pattern())], lossless=True)
    plain.save(folder / "indexed.gif")


def seen(path):
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode == "I;16":
        image = Image.fromarray((np.asarray(image) // 257).astype("uint8"))
    if image.mode in ("RGBA", "P", "LA"):
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB").resize(SMALL, Image.LANCZOS)


def main():
    folder = pathlib.Path(sys.argv[1])
    make(folder)
    expected = {}
    for path in sorted(folder.iterdir()):
        if path.suffix not in (".png", ".jpg", ".webp") or path.stem == "animated":
            continue
        blocks = np.asarray(seen(path)).astype("float64").reshape(6, 8, 9, 8, 3).mean(axis=(1, 3))
        expected[path.name] = [round(value, 1) for value in blocks.ravel().tolist()]
    (folder / "expected.json").write_text(json.dumps(expected, indent=0).replace(",\n", ",") + "\n")
    (folder / "rgb.raw").write_bytes(np.asarray(seen(folder / "rgb.png")).tobytes())


main()
