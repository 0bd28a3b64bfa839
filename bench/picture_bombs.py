"""Files that look like pictures and cost whoever looks at them: made here, small to write down, large to read."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image

MB = 2**20


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def drawn(kind: str, **how: object) -> bytes:
    out = io.BytesIO()
    Image.radial_gradient("L").resize((64, 64)).convert("RGB").save(out, kind, **how)
    return out.getvalue()


def filled(head: bytes, part: bytes, tail: bytes, size: int) -> bytes:
    """A picture with so much of one part in its middle."""
    return head + part * ((size - len(head) - len(tail)) // len(part)) + tail


def jpeg_of_segments(size: int = 24 * MB, part: bytes = b"\xff\xfe\0\x02") -> bytes:
    picture = drawn("JPEG")
    return filled(picture[:2], part, picture[2:], size)


def jpeg_of_fill_bytes(size: int = 24 * MB) -> bytes:
    return jpeg_of_segments(size, b"\xff\xff\xfe\0\x02")


def jpeg_of_scans(size: int = 24 * MB) -> bytes:
    """A progressive picture of 49 megapixels, each of whose last scans runs over all of it and says nothing new."""
    picture = Image.new("L", (7000, 7000))
    out = io.BytesIO()
    picture.save(out, "JPEG", progressive=True, quality=30)
    whole = out.getvalue()
    last = whole.rindex(b"\xff\xda")
    return filled(whole[:last], whole[last:-2], b"\xff\xd9", max(size, 2 * len(whole)))


def png_of_chunks(size: int = 24 * MB) -> bytes:
    picture = drawn("PNG")
    return filled(picture[:33], chunk(b"teXt"), picture[33:], size)


def png_of_pixel_chunks(size: int = 24 * MB) -> bytes:
    picture = drawn("PNG")
    return filled(picture[:-12], chunk(b"IDAT"), picture[-12:], size)


def gif_of_extensions(size: int = 24 * MB) -> bytes:
    picture = drawn("GIF")
    return filled(picture[:-1], b"\x21\xfe\0", picture[-1:], size)


def gif_of_blocks(size: int = 24 * MB) -> bytes:
    """One comment in blocks of one byte."""
    picture = drawn("GIF")
    return filled(picture[:-1] + b"\x21\xfe", b"\x01x", b"\0" + picture[-1:], size)


def gif_of_frames(size: int = 24 * MB) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0" * 6
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    return filled(head, frame, b"\x3b", size)


def webp_of_chunks(size: int = 24 * MB) -> bytes:
    picture = drawn("WEBP")
    whole = filled(picture[:12] + picture[12:], b"junk\0\0\0\0", b"", size)
    return whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:]


def png_of_pixels(side: int = 7000) -> bytes:
    """49 megapixels in a few kilobytes."""
    out = io.BytesIO()
    Image.new("P", (side, side), 3).save(out, "PNG", optimize=True, transparency=1)
    return out.getvalue()


def gif_of_a_thousand_frames() -> bytes:
    frames = [Image.new("P", (700, 700), at % 200) for at in range(1000)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=20)
    return out.getvalue()


def webp_of_pixels() -> bytes:
    """A canvas of 16,383 by 16,383 with nothing on it."""
    picture = drawn("WEBP")
    side = struct.pack("<I", 16_382)[:3]
    head = b"VP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + side + side
    body = b"WEBP" + head + picture[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def box(name: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", 8 + len(content)) + name + content


def heic(*lists: bytes) -> bytes:
    """A HEIC of such lists, and of the size that they say."""
    handler = box(b"hdlr", bytes(8), b"pict", bytes(13))
    return box(b"ftyp", b"heic\0\0\0\0heic") + box(b"meta", bytes(4), handler, *lists)


def heic_of_boxes(size: int = 24 * MB) -> bytes:
    return filled(heic(), box(b"free"), b"", size)


def heic_of_nested_boxes(size: int = 24 * MB) -> bytes:
    """Each box holds the next; the last is empty."""
    depth = size // 8
    heads = b"".join(struct.pack(">I4s", 8 * left, b"moov") for left in range(depth, 0, -1))
    return box(b"ftyp", b"heic\0\0\0\0heic") + heads


def heic_of_items(size: int = 24 * MB) -> bytes:
    entry = box(b"infe", b"\2\0\0\0\0\1\0\0hvc1\0")
    return heic(box(b"iinf", bytes(6), entry * (size // len(entry))))


def heic_of_extents(size: int = 24 * MB) -> bytes:
    """All items share the same bytes."""
    item = struct.pack(">HHH", 1, 0, 65_535) + struct.pack(">II", 0, 64) * 65_535
    return heic(box(b"iloc", bytes(4), b"\x44\0", struct.pack(">H", 65_535), item * (size // len(item))))


def heic_of_tiles() -> bytes:
    """A grid of 256 × 256 tiles, each of 65,535 × 65,535 pixels, in a few bytes."""
    names = [struct.pack(">IHH", 2 << 24, at, 0) + kind + b"\0" for at, kind in ((1, b"grid"), (2, b"hvc1"))]
    size = box(b"ispe", bytes(4), struct.pack(">II", 65_535, 65_535))
    grid = struct.pack(">BBBBHH", 0, 0, 255, 255, 65_535, 65_535)
    return heic(
        box(b"iinf", bytes(4), b"\0\2", *(box(b"infe", name) for name in names)),
        box(b"iloc", b"\1\0\0\0\x44\0\0\1", struct.pack(">HHHHII", 1, 1, 0, 1, 0, len(grid))),
        box(b"iref", bytes(4), box(b"dimg", struct.pack(">HH", 1, 65_535), b"\0\2" * 65_535)),
        box(b"iprp", box(b"ipco", size)),
        box(b"idat", grid),
    )


def film_of_chunks(size: int = 24 * MB) -> bytes:
    """A track in pieces of one byte."""
    count = size // 4
    table = box(
        b"stbl", box(b"stsc", struct.pack(">IIIII", 0, 1, 1, 1, 1)), box(b"stsz", struct.pack(">III", 0, 1, count)),
        box(b"stco", struct.pack(">II", 0, count), bytes(4 * count)),
    )  # fmt: skip
    media = box(b"mdia", box(b"hdlr", bytes(8), b"vide", bytes(13)), box(b"minf", table))
    return box(b"ftyp", b"isom\0\0\0\0isom") + box(b"moov", box(b"trak", media))


def tiff_of_directories(size: int = 24 * MB) -> bytes:
    """Each leads to the next; the last, to the first."""
    count = size // 18
    lines = [struct.pack("<HHHIII", 1, 256, 3, 1, 9, 8 + 18 * (at % count)) for at in range(1, count + 1)]
    return b"II*\0\x08\0\0\0" + b"".join(lines)


def tiff_of_strips(size: int = 24 * MB) -> bytes:
    """All are the same byte."""
    count = size // 8
    places = struct.pack("<HHIIHHIII", 273, 4, count, 38, 279, 4, count, 38 + 4 * count, 0)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", 2) + places + bytes(8 * count)


def photoshop_of_resources(size: int = 24 * MB) -> bytes:
    resource = b"8BIM" + struct.pack(">HHI", 1058, 0, 0)
    count = size // len(resource)
    head = b"8BPS" + struct.pack(">H6xHIIHHI", 1, 3, 8, 8, 8, 3, 0)
    return head + struct.pack(">I", count * len(resource)) + resource * count


OF_PARTS = (
    jpeg_of_segments, jpeg_of_fill_bytes, jpeg_of_scans, png_of_chunks, png_of_pixel_chunks, gif_of_extensions,
    gif_of_blocks, gif_of_frames, webp_of_chunks, heic_of_boxes, heic_of_nested_boxes, heic_of_items, heic_of_extents,
    film_of_chunks, tiff_of_directories, tiff_of_strips, photoshop_of_resources,
)  # fmt: skip
