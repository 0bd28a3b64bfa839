"""Colour profiles of pictures, and converting pictures to sRGB."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageCms

# Longer profiles contain tables, which are not needed after converting to sRGB; cameras' profiles are much shorter.
EMBEDDED_MAX = 4096
# Profiles of printing presses take two megabytes.
PROFILE_MAX = 4 * 2**20
# The range of plausible middle greys: outside of it the eight bits of a copy would show steps.
MIDDLE_GREYS = range(96, 161)

Point = tuple[float, float]
Vector = tuple[float, float, float]
Matrix = tuple[Vector, Vector, Vector]
# For x from 0 to 1: (a·x + b)^g if x ≥ d, else c·x (ICC.1:2022, 10.18, function type 3).
Curve = tuple[float, float, float, float, float]

D65: Point = (0.3127, 0.3290)
SRGB_POINTS: tuple[Point, ...] = (D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
SRGB_CURVE: Curve = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
# ITU-T H.273, tables 2 and 3: white, red, green and blue.
PRIMARIES: dict[int, tuple[Point, ...]] = {
    1: SRGB_POINTS,
    5: (D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: (D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: (D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    9: (D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: (D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
VIDEO = (1, 6, 14, 15)
# The curve of screens (ITU-R BT.1886).
VIDEO_EXPONENT = 2.4


def gamma(exponent: float) -> Curve:
    return (exponent, 1, 0, 0, 0)


TRANSFERS: dict[int, Curve] = {
    4: gamma(2.2), 5: gamma(2.8), 8: gamma(1), 13: SRGB_CURVE, **dict.fromkeys(VIDEO, gamma(VIDEO_EXPONENT))
}  # fmt: skip
# ICC.1:2022, 6.3.4.3 and annex E: the white point of profiles, and chromatic adaptation.
D50: Vector = (0.9642, 1.0, 0.8249)
BRADFORD: Matrix = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))


def profiles_of(image: Image.Image) -> list[bytes]:
    """The profiles of a picture; the first usable one counts (PNG, W3C, 4.3)."""
    if image.format == "WEBP" and getattr(image, "n_frames", 1) > 1:
        # Browsers ignore profiles of animations.
        return []
    is_png = image.format == "PNG"
    # A PNG's text chunks are in the same dict, under any name.
    info = {name: value for name, value in image.info.items() if not isinstance(value, str)}
    icc = info.get("icc_profile")
    found = [icc if icc and len(icc) <= PROFILE_MAX else None]
    if "cicp" in info:
        # In AVIF a profile takes precedence over the numbers; in PNG the numbers do.
        primaries, transfer = info["cicp"]
        found.insert(0 if is_png else 1, of_numbers(primaries, transfer, is_png))
    if is_png and "srgb" not in info and info.get("gamma"):
        found.append(of_gamma(info["gamma"], info.get("chromaticity")))
    return [profile for profile in found if profile]


def of_numbers(primaries: int, transfer: int, is_png: bool) -> bytes | None:
    """The profile of two numbers of ITU-T H.273. Browsers treat the curve of television as sRGB in AVIF, not in PNG."""
    curve = SRGB_CURVE if transfer in VIDEO and not is_png else TRANSFERS.get(transfer)
    points = PRIMARIES.get(primaries)
    return build_profile(points, curve) if points and curve else None


def of_gamma(encoded: float, points: tuple[float, ...] | None) -> bytes | None:
    """The profile of a PNG's gAMA and cHRM."""
    pairs = tuple(zip(points[::2], points[1::2], strict=True)) if points else SRGB_POINTS
    # Black and white at the ends; values beyond make no difference.
    return build_profile(pairs, gamma(min(max(1 / encoded, 1e-3), 1e4)))


def build_profile(points: tuple[Point, ...], curve: Curve, version: int = 4) -> bytes | None:
    """A matrix profile (ICC.1:2022, 8.3.3); None for impossible primaries."""
    try:
        colours = adapted(points)
        tags = {
            b"desc": b"mluc" + struct.pack(">4xIIHHII", 1, 12, 0x656E, 0x5553, 6, 28) + "RGB".encode("utf-16-be"),
            b"cprt": b"mluc" + struct.pack(">4xIIHHII", 1, 12, 0x656E, 0x5553, 6, 28) + "CC0".encode("utf-16-be"),
            b"wtpt": b"XYZ \0\0\0\0" + fixed(D50),
            **{name: b"XYZ \0\0\0\0" + fixed(colour) for name, colour in zip(NAMES, colours, strict=True)},
        }
        shared = b"para\0\0\0\0\0\3\0\0" + fixed(curve)
    except (ZeroDivisionError, OverflowError, struct.error):
        return None
    return laid_out(tags, shared, version)


NAMES = (b"rXYZ", b"gXYZ", b"bXYZ")
CURVES = (b"rTRC", b"gTRC", b"bTRC")


def laid_out(tags: dict[bytes, bytes], shared: bytes, version: int) -> bytes:
    """Encode a profile: head, tag table and tags; all three colours share one curve."""
    at, table, content = 132 + 12 * (len(tags) + len(CURVES)), b"", b""
    for name, tag in tags.items():
        table += struct.pack(">4sII", name, at + len(content), len(tag))
        content += tag + bytes(-len(tag) % 4)
    for name in CURVES:
        table += struct.pack(">4sII", name, at + len(content), len(shared))
    content += shared
    head = struct.pack(">I4xI4s4s4s12x4s", at + len(content), version << 24, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    head = head.ljust(68, b"\0") + fixed(D50)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags) + len(CURVES)) + table + content


def fixed(values: tuple[float, ...]) -> bytes:
    """s15Fixed16Number."""
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def adapted(points: tuple[Point, ...]) -> Matrix:
    """Red, green and blue as XYZ under D50. Raises ZeroDivisionError when the points are on a line."""
    white, *colours = (xyz_from_xy(*point) for point in points)
    columns = transposed((colours[0], colours[1], colours[2]))
    light = times(inverse(columns), white)
    eyes, eyes_there = times(BRADFORD, white), times(BRADFORD, D50)
    back = inverse(BRADFORD)

    def seen(colour: Vector, amount: float) -> Vector:
        cones = times(BRADFORD, elementwise_product(colour, (amount, amount, amount)))
        ratio = (eyes_there[0] / eyes[0], eyes_there[1] / eyes[1], eyes_there[2] / eyes[2])
        return times(back, elementwise_product(cones, ratio))

    return (seen(colours[0], light[0]), seen(colours[1], light[1]), seen(colours[2], light[2]))


def xyz_from_xy(x: float, y: float) -> Vector:
    return (x / y, 1.0, (1 - x - y) / y)


def elementwise_product(one: Vector, other: Vector) -> Vector:
    return (one[0] * other[0], one[1] * other[1], one[2] * other[2])


def times(matrix: Matrix, vector: Vector) -> Vector:
    x, y, z = (sum(elementwise_product(row, vector)) for row in matrix)
    return (x, y, z)


def transposed(matrix: Matrix) -> Matrix:
    x, y, z = zip(*matrix, strict=True)
    return (x, y, z)


def cross_product(one: Vector, other: Vector) -> Vector:
    (a, b, c), (d, e, f) = one, other
    return (b * f - c * e, c * d - a * f, a * e - b * d)


def inverse(matrix: Matrix) -> Matrix:
    first, second, third = matrix
    cofactors = (cross_product(second, third), cross_product(third, first), cross_product(first, second))
    determinant = sum(elementwise_product(first, cofactors[0]))
    return transposed(tuple(elementwise_product(each, (1 / determinant,) * 3) for each in cofactors))  # type: ignore[arg-type]


@cache
def srgb() -> ImageCms.ImageCmsProfile:
    # Version 2: with later ones lcms shifts black, unlike browsers.
    return open_profile(build_profile(SRGB_POINTS, SRGB_CURVE, 2) or b"")


def open_profile(profile: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(profile))


SPACES = {"GRAY": "L", "RGB ": "RGB", "CMYK": "CMYK"}


@dataclass(frozen=True)
class Colours:
    """How to convert a picture to sRGB; `kept` is the profile to embed in the copy instead."""

    space: str = "RGB"
    kept: bytes | None = None
    transform: ImageCms.ImageCmsTransform | None = None
    with_alpha: ImageCms.ImageCmsTransform | None = None

    def from_source(self, picture: Image.Image) -> Image.Image:
        """Convert a greyscale or CMYK picture to sRGB if it has a profile; return others unchanged."""
        if self.transform is None:
            return picture
        if self.space == "CMYK" and picture.mode == "CMYK":
            return self.transform.apply(picture)
        if self.space == "L" and picture.mode in ("1", "L", "LA"):
            shades = self.transform.apply(Image.linear_gradient("L").crop((0, 0, 1, 256)))
            table = list(shades.getchannel(0).tobytes())
            grey = picture.convert("LA" if "transparency" in picture.info else "L") if picture.mode != "LA" else picture
            return grey.point(table if grey.mode == "L" else table + list(range(256)))
        return picture

    def in_place(self, picture: Image.Image) -> None:
        """Convert an RGB or RGBA picture to sRGB, unless its profile is kept."""
        transform = self.with_alpha if picture.mode == "RGBA" else self.transform
        if self.space == "RGB" and transform and not self.kept:
            transform.apply_in_place(picture)


def colours_of(image: Image.Image) -> Colours:
    """The conversion of a picture's colours. Call it before the pixels are loaded: profiles after them do not count."""
    for profile in profiles_of(image):
        try:
            colours = read(profile, image.mode)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            continue
        if colours:
            return colours
    return Colours()


def read(profile: bytes, mode: str) -> Colours | None:
    """Read a profile; None when it is not for this mode of pixels."""
    source = open_profile(profile)
    space = SPACES.get(source.profile.xcolor_space)
    if space is None or (space == "CMYK") != (mode == "CMYK") or (space == "L" and mode not in GREY):
        return None
    transform = ImageCms.buildTransform(source, srgb(), space, "RGB")
    if space != "RGB":
        return Colours(space, transform=transform)
    middle = transform.apply(Image.new("RGB", (1, 1), (128, 128, 128))).tobytes()[1]
    kept = profile if len(profile) <= EMBEDDED_MAX and middle in MIDDLE_GREYS else None
    return Colours(space, kept, transform, ImageCms.buildTransform(source, srgb(), "RGBA", "RGBA"))


GREY = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "I;16N")
