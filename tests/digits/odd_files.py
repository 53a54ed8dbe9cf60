"""Files that decoders trip on, made here: each with what must become of it."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms, ImageDraw

READ = ""  # the file is read; else the refusal holds these words


def digit(mode: str = "RGB", size: tuple[int, int] = (60, 80)) -> Image.Image:
    """A dark 7 on light paper, leaning, so that every turn and mirror image of it differs."""
    image = Image.new("L", size, 240)
    width, height = size
    pen = ImageDraw.Draw(image)
    corners = [(0.25 * width, 0.2 * height), (0.75 * width, 0.2 * height), (0.4 * width, 0.8 * height)]
    pen.line(corners, fill=20, width=max(2, width // 12))
    return image.convert(mode)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(width: int, height: int, *, pixels: bytes = b"", depth: int = 8, colour: int = 2, more: bytes = b"") -> bytes:
    """A PNG with any claim about its size."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND")


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def oriented(tag: int, kind: str = "JPEG") -> bytes:
    """A file that shows :func:`digit` upright once its orientation tag is obeyed."""
    exif = Image.Exif()
    exif[0x0112] = tag
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = digit() if tag == 1 else digit().transpose(undo[tag])
    options = {"quality": 95} if kind == "JPEG" else {}
    return saved(image, kind, exif=exif, **options)


def _large_and_turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 5
    image = digit("RGBA", (4_000, 4_000))
    image.putalpha(200)
    return saved(image, "PNG", exif=exif, compress_level=1)


def _deep(dtype: str) -> Image.Image:
    return Image.fromarray(np.asarray(digit("L")).astype(dtype))


def _bmp_bomb() -> bytes:
    return b"BM" + struct.pack("<IIIIiiHHIIiiII", 0, 0, 54, 40, 60_000, 60_000, 1, 24, *[0] * 6)


def _gif_bomb() -> bytes:
    screen = struct.pack("<HHBBB", 60_000, 60_000, 0, 0, 0)
    return b"GIF89a" + screen + b"," + struct.pack("<HHHHB", *[0] * 5) + b"\x02\x00;"


def _tiled_tiff_bomb() -> bytes:
    """A TIFF of 8 × 8 pixels in one tile of 65,520 × 65,520."""
    tags = [(256, 3, 8), (257, 3, 8), (258, 3, 8), (259, 3, 8), (262, 3, 1), (277, 3, 1)]
    tags += [(322, 3, 65520), (323, 3, 65520), (324, 4, 8), (325, 4, 16)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\x00" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0)


def _zip(content: bytes) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("inner.zip", content)
    return buffer.getvalue()


def _frames(kind: str) -> bytes:
    first = digit("L")
    return saved(first, kind, save_all=True, append_images=[Image.new("L", first.size, 255)] * 3)


def _palette_with_transparency() -> bytes:
    image = digit("L").point(lambda value: 0 if value > 128 else 1).convert("P")
    image.putpalette([255, 0, 255, 10, 10, 10] + [0] * 762)
    return saved(image, "PNG", transparency=bytes([0, 255]))


def _png_text_bomb() -> bytes:
    text = chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(b"a" * 80_000_000))
    rows = b"".join(b"\x00" + b"\xff" * 30 for _ in range(10))
    return png(10, 10, pixels=rows, more=text)


def _many_scans() -> bytes:
    data = saved(digit(), "JPEG", progressive=True)
    start = data.index(b"\xff\xda")
    return data[:start] + data[start:-2] * 60 + data[-2:]


def _lab() -> bytes:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return saved(ImageCms.profileToProfile(digit(), srgb, lab, outputMode="LAB"), "TIFF")


_MAKERS: dict[str, tuple[Callable[[], bytes], str]] = {
    # modes and depths
    "grey.png": (lambda: saved(digit("L"), "PNG"), READ),
    "one_bit.png": (lambda: saved(digit("1"), "PNG"), READ),
    "one_bit_fax.tif": (lambda: saved(digit("1"), "TIFF", compression="group4"), READ),
    "sixteen_bit.png": (lambda: saved(_deep("uint16"), "PNG"), READ),
    "sixteen_bit.tif": (lambda: saved(_deep(">u2"), "TIFF"), READ),
    "integers.tif": (lambda: saved(_deep("int32"), "TIFF"), READ),
    "floats.tif": (lambda: saved(_deep("float32"), "TIFF"), READ),
    "cmyk.jpg": (lambda: saved(digit("CMYK"), "JPEG"), READ),
    "cmyk.tif": (lambda: saved(digit("CMYK"), "TIFF"), READ),
    "ycbcr.tif": (lambda: saved(digit("YCbCr"), "TIFF"), READ),
    "lab.tif": (_lab, READ),
    "grey_alpha.png": (lambda: saved(digit("LA"), "PNG"), READ),
    "rgba.webp": (lambda: saved(digit("RGBA"), "WEBP"), READ),
    "palette.bmp": (lambda: saved(digit("P"), "BMP"), READ),
    "palette_with_transparency.png": (_palette_with_transparency, READ),
    "colour_key.png": (lambda: saved(digit(), "PNG", transparency=(240, 240, 240)), READ),
    # several pictures
    "animated.gif": (lambda: _frames("GIF"), READ),
    "animated.webp": (lambda: _frames("WEBP"), READ),
    "animated.png": (lambda: _frames("PNG"), READ),
    "pages.tif": (lambda: _frames("TIFF"), READ),
    # names and sizes
    "a_jpeg.png": (lambda: saved(digit(), "JPEG"), READ),
    "no_extension": (lambda: saved(digit(), "PNG"), READ),
    "one_pixel.png": (lambda: saved(Image.new("RGB", (1, 1)), "PNG"), "1 × 1"),
    "no_pixels.gif": (lambda: b"GIF89a\x00\x00\x00\x00\x00\x00\x00;", "damaged"),
    # too large
    "bomb_20000.png": (lambda: png(20_000, 20_000), "more than the 16 megapixels"),
    "bomb_5000.png": (lambda: png(5_000, 5_000), "5,000 × 5,000"),
    "bomb_bmp.bmp": (_bmp_bomb, "16 mega"),
    "bomb_gif.gif": (_gif_bomb, "16 mega"),
    "bomb_webp.webp": (lambda: saved(Image.new("L", (6_000, 3_000)), "WEBP", lossless=True, method=0), "12 mega"),
    "bomb_tile.tif": (_tiled_tiff_bomb, "damaged"),
    "bomb_text.png": (_png_text_bomb, "damaged"),
    "bomb_scans.jpg": (_many_scans, "layers"),
    "large_file.png": (lambda: saved(digit(), "PNG") + bytes(22_000_000), "22.0 MB"),
    "large_but_allowed.png": (lambda: saved(digit(size=(4_000, 3_900)), "PNG", compress_level=1), READ),
    "large_and_turned.png": (_large_and_turned, READ),
    "large_and_deep.tif": (lambda: saved(digit("I", (4_000, 4_000)), "TIFF", compression="tiff_lzw"), READ),
    "large.webp": (lambda: saved(digit("RGBA", (4_000, 3_000)), "WEBP", lossless=True, method=0), READ),
    # cut off, damaged
    "cut_off.png": (lambda: saved(digit(), "PNG")[:-60], "damaged"),
    "cut_off.jpg": (lambda: saved(digit(), "JPEG")[:-200], "damaged"),
    "cut_off.webp": (lambda: saved(digit(), "WEBP")[:-60], "damaged"),
    "cut_off.gif": (lambda: saved(digit("P"), "GIF")[:-100], "damaged"),
    "cut_off.bmp": (lambda: saved(digit(), "BMP")[:-60], "damaged"),
    "cut_off.tif": (lambda: saved(digit(), "TIFF")[:-60], "damaged"),
    "only_a_signature.png": (lambda: b"\x89PNG\r\n\x1a\n", "damaged"),
    "no_pixel_data.png": (lambda: png(60, 80), "damaged"),
    # not pictures that are read
    "zero_bytes.png": (lambda: b"", "empty"),
    "drawing.svg": (lambda: b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
    "document.pdf": (lambda: b"%PDF-1.7\n1 0 obj", "a PDF document"),
    "archive.zip": (lambda: _zip(_zip(b"nothing")), "a ZIP archive"),
    "text.jpg": (lambda: "Größe: a seven\n".encode(), "a text file"),
    "text_utf16.txt": (lambda: "seven\n".encode("utf-16"), "a text file"),
    "page.html": (lambda: b"<!DOCTYPE html><html></html>", "a web page"),
    "photo.heic": (lambda: b"\x00\x00\x00\x18ftypheic" + bytes(12), "a HEIF picture"),
    "photo.avif": (lambda: b"\x00\x00\x00\x18ftypavif" + bytes(12), "an AVIF picture"),
    "clip.mp4": (lambda: b"\x00\x00\x00\x18ftypisom" + bytes(12), "a video file"),
    "icon.ico": (lambda: saved(digit(), "ICO"), "an icon"),
    "picture.ppm": (lambda: saved(digit(), "PPM"), "a PPM picture"),
    "picture.jp2": (lambda: b"\x00\x00\x00\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
    "sound.wav": (lambda: b"RIFF\x24\x00\x00\x00WAVEfmt ", "a sound or video file"),
    "program": (lambda: b"\x7fELF" + bytes(60), "a program"),
    "noise": (lambda: np.random.default_rng(0).integers(0, 256, 500, dtype=np.uint8).tobytes(), "unknown kind"),
}

NAMES = tuple(_MAKERS) + tuple(f"orientation_{tag}.jpg" for tag in range(1, 9))


def make(name: str) -> tuple[bytes, str]:
    """A file's bytes and the words of its refusal ('' where it must be read)."""
    if name.startswith("orientation_"):
        return oriented(int(name[12])), READ
    maker, expected = _MAKERS[name]
    return maker(), expected


def all_files() -> Iterator[tuple[str, bytes, str]]:
    for name in NAMES:
        yield (name, *make(name))
