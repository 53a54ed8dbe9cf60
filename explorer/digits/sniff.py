"""What a file is, by its first bytes: the formats that are read, and plain names for those that are not."""

from __future__ import annotations

READABLE = "PNG, JPEG, WebP, BMP, GIF or TIFF"

EXTENSIONS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WebP",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}

_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
)

_OTHERS = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript drawing"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x00\x00\x01\x00", "an icon (ICO)"),
    (b"\x00\x00\x02\x00", "a cursor (CUR)"),
    (b"8BPS", "a Photoshop file (PSD)"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile (WMF)"),
    (b"\x01\xda", "an SGI picture"),
    (b"\x89HDF", "an HDF5 data file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"RIFF", "a sound or video file"),
    (b"ID3", "a sound file"),
    (b"OggS", "a sound or video file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"P1", "a PBM picture"),
    (b"P2", "a PGM picture"),
    (b"P3", "a PPM picture"),
    (b"P4", "a PBM picture"),
    (b"P5", "a PGM picture"),
    (b"P6", "a PPM picture"),
)

_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")


def picture_format(data: bytes) -> str | None:
    """Pillow's name of the picture format that the bytes begin as, or None where it is none of those read."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    return next((kind for start, kind in _PICTURES if data.startswith(start)), None)


def what_it_is(data: bytes) -> str:
    """'a PDF document', 'an SVG drawing', … for bytes that are not a picture of a format that is read."""
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        if brand in (b"avif", b"avis"):
            return "an AVIF picture"
        return "a HEIF picture (HEIC)" if brand in _HEIF_BRANDS else "a video file"
    if data[257:262] == b"ustar":
        return "a tar archive"
    for start, kind in _OTHERS:
        if data.startswith(start):
            return kind
    return _text_kind(data[:4096])


def _text_kind(head: bytes) -> str:
    """SVG, HTML, other text, or unknown; ``head`` may end inside a character."""
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = head.decode(encoding, errors="ignore")
    lost = len(head) - len(text.encode(encoding))
    if lost > 3 or any(ord(character) < 32 and character not in "\t\n\r\f" for character in text) or not text:
        return "a file of an unknown kind"
    lowered = text.lstrip().lower()
    if "<svg" in lowered:
        return "an SVG drawing"
    return "a web page (HTML)" if lowered.startswith(("<!doctype html", "<html")) else "a text file"
