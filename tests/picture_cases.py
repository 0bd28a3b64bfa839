"""Pictures whose colours, turns or frames are told by more than their pixels: made by Pillow and by hand."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from itertools import product
from typing import Any

from PIL import Image

# What a picture shows, in rows of four fields of so many pixels.
FIELD, COLUMNS = 48, 4
COLOURS = [
    (220, 30, 30), (30, 200, 40), (40, 50, 210), (240, 240, 240),
    (12, 12, 12), (128, 128, 128), (224, 172, 140), (240, 150, 20),
    (50, 60, 50), (30, 190, 200), (190, 40, 180), (200, 210, 60),
]  # fmt: skip
SIZE = (COLUMNS * FIELD, len(COLOURS) // COLUMNS * FIELD)

Matrix = tuple[tuple[float, float, float], ...]
# Red, green and blue as XYZ under D50 (ICC.1:2022, annex E).
SRGB: Matrix = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
DISPLAY_P3: Matrix = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
ADOBE_RGB: Matrix = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
# No camera has it: red and blue change places, so that nobody overlooks whether it is used.
SWAPPED: Matrix = SRGB[::-1]


def fields(mode: str = "RGB", shift: int = 0) -> Image.Image:
    picture = Image.new("RGB", SIZE)
    for at in range(len(COLOURS)):
        left, top = at % COLUMNS * FIELD, at // COLUMNS * FIELD
        picture.paste(COLOURS[(at + shift) % len(COLOURS)], (left, top, left + FIELD, top + FIELD))
    return picture.convert(mode)


def see_through(mode: str = "RGBA") -> Image.Image:
    """The last row half clear, its first field wholly."""
    picture = fields(mode)
    alpha = Image.new("L", SIZE, 255)
    alpha.paste(128, (0, SIZE[1] - FIELD, *SIZE))
    alpha.paste(0, (0, SIZE[1] - FIELD, FIELD, SIZE[1]))
    picture.putalpha(alpha)
    return picture


def written(picture: Image.Image, kind: str, **how: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


def exif(orientation: int) -> Image.Exif:
    values = Image.Exif()
    values[0x0112] = orientation
    return values


# Profiles (ICC.1:2022, 7 and 10)


def icc(space: bytes, tags: dict[bytes, bytes], pcs: bytes = b"XYZ ") -> bytes:
    tags = {b"desc": b"desc" + struct.pack(">4xI5s", 5, b"test\0") + bytes(78), b"wtpt": xyz(0.9642, 1, 0.8249), **tags}
    at, table, content = 132 + 12 * len(tags), b"", b""
    for name, tag in tags.items():
        table += struct.pack(">4sII", name, at + len(content), len(tag))
        content += tag + bytes(-len(tag) % 4)
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    head = struct.pack(">I4sI4s4s4s", at + len(content), b"", 0x02400000, kind, space, pcs) + bytes(12) + b"acsp"
    head = head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + content


def xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def rgb_profile(colours: Matrix, gamma: float = 2.2, filling: int = 0) -> bytes:
    """A profile by matrix, made longer by a tag that nobody reads."""
    tags = {name + b"XYZ": xyz(*colour) for name, colour in zip((b"r", b"g", b"b"), colours, strict=True)}
    curves = {name + b"TRC": curve(gamma) for name in (b"r", b"g", b"b")}
    return icc(b"RGB ", {**tags, **curves, **({b"fill": b"data\0\0\0\0" + bytes(filling)} if filling else {})})


def grey_profile(gamma: float) -> bytes:
    return icc(b"GRAY", {b"kTRC": curve(gamma)})


def table_profile(space: bytes, colour: Callable[..., tuple[float, float, float]]) -> bytes:
    """A profile by a table of the outermost colours, which `colour` gives as Lab."""
    inputs = 4 if space == b"CMYK" else 3
    cells = [colour(*corner) for corner in product((0, 1), repeat=inputs)]
    lab = bytes(
        round(value)
        for light, a, b in cells
        for value in (light * 2.55, min(255, max(0, a + 128)), min(255, max(0, b + 128)))
    )
    straight = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 if at % 4 == 0 else 0 for at in range(9)))
    table = b"mft1\0\0\0\0" + bytes([inputs, 3, 2, 0]) + matrix + straight * inputs + lab + straight * 3
    return icc(space, {b"A2B0": table}, b"Lab ")


def ink(cyan: int, magenta: int, yellow: int, black: int) -> tuple[float, float, float]:
    """Dull inks on paper that is white."""
    light = 100 - 30 * cyan - 35 * magenta - 8 * yellow
    return light * (1 - 0.8 * black), (60 * magenta - 30 * cyan) * (1 - black), (70 * yellow - 40 * cyan) * (1 - black)


def odd_light(red: int, green: int, blue: int) -> tuple[float, float, float]:
    return 25 * red + 60 * green + 15 * blue, 50 * (blue - green), 50 * (green - red)


P3, ADOBE, CMYK = rgb_profile(DISPLAY_P3), rgb_profile(ADOBE_RGB), table_profile(b"CMYK", ink)
TABLE = table_profile(b"RGB ", odd_light)
LONG = rgb_profile(SWAPPED, filling=80_000)


# PNG (W3C), 5 and 11


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunks(png: bytes, **chunks: bytes) -> bytes:
    """A PNG with chunks before its pixels and colours, behind its head."""
    return png[:33] + b"".join(chunk(kind.encode(), content) for kind, content in chunks.items()) + png[33:]


def gama(gamma: float) -> bytes:
    return struct.pack(">I", round(gamma * 100_000))


def chrm(*points: float) -> bytes:
    """White, red, green and blue as x and y."""
    return struct.pack(">8I", *(round(point * 100_000) for point in points))


ADOBE_POINTS = chrm(0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)


def iccp(profile: bytes) -> bytes:
    return b"icc\0\0" + zlib.compress(profile)


def png_of_16_bits(channels: int, **chunks: bytes) -> bytes:
    kind, mode = {1: (0, "L"), 2: (4, "LA"), 3: (2, "RGB"), 4: (6, "RGBA")}[channels]
    picture = see_through(mode) if channels in (2, 4) else fields(mode)
    pixels, wide = picture.tobytes(), SIZE[0] * channels
    rows = b"".join(
        b"\0" + bytes(byte for value in pixels[at : at + wide] for byte in (value, value))
        for at in range(0, len(pixels), wide)
    )
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *SIZE, 16, kind, 0, 0, 0))
    png = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return with_chunks(png, **chunks)


def still_cases() -> dict[str, bytes]:
    return {**jpegs(), **pngs(), **webps_and_gifs(), **avifs(), **turned()}


def jpegs() -> dict[str, bytes]:
    cmyk = written(fields("CMYK"), "JPEG", quality=95)
    how: dict[str, Any] = {"quality": 95}
    return {
        "jpeg": written(fields(), "JPEG", **how),
        "jpeg p3": written(fields(), "JPEG", icc_profile=P3, **how),
        "jpeg adobe": written(fields(), "JPEG", icc_profile=ADOBE, **how),
        "jpeg table": written(fields(), "JPEG", icc_profile=TABLE, **how),
        "jpeg long profile": written(fields(), "JPEG", icc_profile=LONG, **how),
        "jpeg profile of grey": written(fields(), "JPEG", icc_profile=grey_profile(1), **how),
        "jpeg profile of cmyk": written(fields(), "JPEG", icc_profile=CMYK, **how),
        "jpeg linear": written(fields(), "JPEG", icc_profile=rgb_profile(SRGB, 1.0), **how),
        "jpeg grey": written(fields("L"), "JPEG", **how),
        "jpeg grey profile": written(fields("L"), "JPEG", icc_profile=grey_profile(1.2), **how),
        "jpeg grey rgb profile": written(fields("L"), "JPEG", icc_profile=rgb_profile(SRGB, 1.2), **how),
        "jpeg cmyk": cmyk,
        "jpeg cmyk without adobe": without_adobe(cmyk),
        "jpeg cmyk profile": written(fields("CMYK"), "JPEG", icc_profile=CMYK, **how),
        "jpeg cmyk rgb profile": written(fields("CMYK"), "JPEG", icc_profile=ADOBE, **how),
    }


def without_adobe(jpeg: bytes) -> bytes:
    at = jpeg.index(b"\xff\xee")
    return jpeg[:at] + jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big") :]


def plain_pngs() -> dict[str, bytes]:
    """One of each kind, without a word about its colours."""
    return {
        "": written(fields(), "PNG"),
        " palette": written(fields().quantize(64), "PNG"),
        " alpha": written(see_through(), "PNG"),
        " grey": written(fields("L"), "PNG"),
        " grey alpha": written(see_through("LA"), "PNG"),
        " of 16 bits": png_of_16_bits(3),
        " alpha of 16 bits": png_of_16_bits(4),
        " grey of 16 bits": png_of_16_bits(1),
        " grey alpha of 16 bits": png_of_16_bits(2),
        " palette clear": written(fields().quantize(64), "PNG", transparency=3),
        " clear": with_chunks(written(fields(), "PNG"), tRNS=struct.pack(">3H", *COLOURS[5])),
        " clear of 16 bits": png_of_16_bits(3, tRNS=struct.pack(">3H", *(257 * value for value in COLOURS[5]))),
        " grey clear": with_chunks(written(fields("L"), "PNG"), tRNS=struct.pack(">H", 128)),
        " grey clear of 16 bits": png_of_16_bits(1, tRNS=struct.pack(">H", 257 * 128)),
    }


def pngs() -> dict[str, bytes]:
    plain = plain_pngs()
    ways: dict[str, dict[str, bytes]] = {
        "": {},
        " p3": {"iCCP": iccp(P3)},
        " long profile": {"iCCP": iccp(LONG)},
        " table": {"iCCP": iccp(TABLE)},
        " linear": {"gAMA": gama(1.0)},
        " gamma": {"gAMA": gama(1 / 1.4)},
        " adobe by points": {"gAMA": gama(1 / 2.2), "cHRM": ADOBE_POINTS},
        " profile of grey": {"iCCP": iccp(grey_profile(1.2))},
    }
    few = ("", " p3", " linear")
    made = {
        f"png{what}{way}": with_chunks(png, **chunks)
        for what, png in plain.items()
        for way, chunks in ways.items()
        if way in few or what in ("", " palette", " alpha", " grey", " grey alpha")
    }
    return made | pngs_with_chunks(plain)


def pngs_with_chunks(plain: dict[str, bytes]) -> dict[str, bytes]:
    """Several chunks about colours at once, and damaged ones."""
    rgb = plain[""]
    p3_by_number = bytes([12, 13, 0, 1])
    return {
        "png profile before srgb and gamma": with_chunks(rgb, iCCP=iccp(P3), sRGB=b"\0", gAMA=gama(1)),
        "png srgb before gamma": with_chunks(rgb, sRGB=b"\0", gAMA=gama(1), cHRM=ADOBE_POINTS),
        "png gamma before srgb": with_chunks(rgb, gAMA=gama(1), cHRM=ADOBE_POINTS, sRGB=b"\0"),
        "png broken profile and gamma": with_chunks(rgb, iCCP=b"icc\0\0" + zlib.compress(b"none"), gAMA=gama(1)),
        "png broken deflate and gamma": with_chunks(rgb, iCCP=b"icc\0\0none", gAMA=gama(1)),
        "png points alone": with_chunks(rgb, cHRM=ADOBE_POINTS),
        "png gamma 0": with_chunks(rgb, gAMA=bytes(4)),
        "png tiny gamma": with_chunks(rgb, gAMA=struct.pack(">I", 1)),
        "png huge gamma": with_chunks(rgb, gAMA=struct.pack(">I", 2**31 - 1)),
        "png points 0": with_chunks(rgb, gAMA=gama(1), cHRM=bytes(32)),
        "png cicp p3": with_chunks(rgb, cICP=p3_by_number),
        "png cicp before profile": with_chunks(rgb, cICP=p3_by_number, iCCP=iccp(LONG)),
        "png cicp before gamma": with_chunks(rgb, cICP=p3_by_number, gAMA=gama(1)),
        "png cicp 2020": with_chunks(rgb, cICP=bytes([9, 14, 0, 1])),
        "png cicp linear": with_chunks(rgb, cICP=bytes([1, 8, 0, 1])),
        "png cicp 709": with_chunks(rgb, cICP=bytes([1, 1, 0, 1])),
        "png cicp narrow": with_chunks(rgb, cICP=bytes([12, 13, 0, 0])),
        "png cicp unknown": with_chunks(rgb, cICP=bytes([2, 2, 0, 1]), gAMA=gama(1)),
        "png cicp reserved": with_chunks(rgb, cICP=bytes([99, 13, 0, 1]), gAMA=gama(1)),
        "png palette cicp p3": with_chunks(plain[" palette"], cICP=p3_by_number),
        "png grey cicp linear": with_chunks(plain[" grey"], cICP=bytes([1, 8, 0, 1])),
    }


def webps_and_gifs() -> dict[str, bytes]:
    how: dict[str, Any] = {"quality": 95}
    return {
        "webp": written(fields(), "WEBP", **how),
        "webp p3": written(fields(), "WEBP", icc_profile=P3, **how),
        "webp long profile": written(fields(), "WEBP", icc_profile=LONG, **how),
        "webp profile of grey": written(fields(), "WEBP", icc_profile=grey_profile(1.2), **how),
        "webp lossless p3": written(fields(), "WEBP", icc_profile=P3, lossless=True),
        "webp alpha p3": written(see_through(), "WEBP", icc_profile=P3, lossless=True),
        "webp alpha long profile": written(see_through(), "WEBP", icc_profile=LONG, lossless=True),
        "gif": written(fields(), "GIF"),
        "gif clear": written(fields().quantize(64), "GIF", transparency=3),
    }


def avifs() -> dict[str, bytes]:
    how: dict[str, Any] = {"quality": 95, "subsampling": "4:4:4"}
    plain = written(fields(), "AVIF", **how)
    return {
        "avif": plain,
        "avif p3": written(fields(), "AVIF", icc_profile=P3, **how),
        "avif long profile": written(fields(), "AVIF", icc_profile=LONG, **how),
        "avif alpha p3": written(see_through(), "AVIF", icc_profile=P3, **how),
        "avif grey": written(fields("L"), "AVIF", quality=95),
        **{f"avif {name}": by_number(plain, *numbers) for name, numbers in NUMBERS.items()},
        "avif profile before number": by_number(written(fields(), "AVIF", icc_profile=LONG, **how), 12, 13),
    }


NUMBERS = {"p3 by number": (12, 13), "2020": (9, 14), "709": (1, 1), "linear": (1, 8), "unknown": (2, 2)}


def by_number(avif: bytes, primaries: int, transfer: int) -> bytes:
    """The same with other colours in its box of numbers (ISO 14496-12, 12.1.5)."""
    head, mark, rest = avif.partition(b"colrnclx")
    return head + mark + struct.pack(">HH", primaries, transfer) + rest[4:] if mark else avif


def frames(count: int = 4) -> list[Image.Image]:
    """A field that walks over a clear ground, then fills the row below."""
    made = []
    for at in range(count):
        picture = Image.new("RGBA", SIZE)
        picture.paste(COLOURS[at], (at * FIELD, 0, (at + 1) * FIELD, FIELD))
        picture.paste(COLOURS[at + 4], (0, FIELD, (at + 1) * FIELD, 2 * FIELD))
        made.append(picture)
    return made


def moving(kind: str, pictures: list[Image.Image], **how: Any) -> bytes:
    return written(pictures[0], kind, save_all=True, append_images=pictures[1:], duration=80, loop=0, **how)


def moving_cases() -> dict[str, bytes]:
    full = [fields(shift=at) for at in range(4)]
    clear = frames()
    apng = moving("PNG", full)
    apart = [fields(shift=7), *full]
    return {
        **{f"gif disposal {way}": moving("GIF", clear, disposal=way) for way in (0, 1, 2, 3)},
        "gif": moving("GIF", full),
        "gif of greys": moving("GIF", [picture.convert("L") for picture in full]),
        "webp": moving("WEBP", clear, lossless=True),
        "webp p3": moving("WEBP", full, icc_profile=P3, lossless=True),
        "webp long profile": moving("WEBP", full, icc_profile=LONG, lossless=True),
        "webp clear long profile": moving("WEBP", clear, icc_profile=LONG, lossless=True),
        "apng": apng,
        "apng p3": with_chunks(apng, iCCP=iccp(P3)),
        "apng long profile": with_chunks(apng, iCCP=iccp(LONG)),
        "apng linear": with_chunks(apng, gAMA=gama(1)),
        "apng grey linear": with_chunks(moving("PNG", [picture.convert("L") for picture in full]), gAMA=gama(1)),
        "apng palette long profile": with_chunks(
            moving("PNG", [picture.quantize(32) for picture in full]), iCCP=iccp(LONG)
        ),
        **{
            f"apng disposal {way} blend {blend}": moving("PNG", clear, disposal=way, blend=blend)
            for way in (0, 1, 2)
            for blend in (0, 1)
        },
        "apng picture apart": moving("PNG", apart, default_image=True),
        "apng clear picture apart": moving("PNG", [see_through(), *clear], default_image=True),
        "apng clear picture apart, over": moving("PNG", [see_through(), *clear], default_image=True, blend=1),
        "apng picture apart and one": moving("PNG", apart[:2], default_image=True),
        "apng grey picture apart": moving("PNG", [one.convert("L") for one in apart], default_image=True),
        "apng palette picture apart": moving("PNG", [one.quantize(32) for one in apart], default_image=True),
    }


def turned() -> dict[str, bytes]:
    return {
        f"{kind.lower()}{' p3' if profile else ''} turn {orientation}": written(
            fields(), kind, exif=exif(orientation), icc_profile=profile or None, quality=95
        )
        for kind in ("JPEG", "PNG", "AVIF")
        for orientation in range(1, 9)
        for profile in ((b"", P3) if kind == "JPEG" else (b"",))
    }
