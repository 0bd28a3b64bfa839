"""Pictures and films that contain their location in every way that their format has."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import pillow_heif
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from lib.storage import Upload
from models.base import media

PLACE = b"Brandenburg Gate"
# As telephones write it into films (ISO 6709).
POINT = b"+52.5163+013.3777/"
LATITUDES = (struct.pack("<4I", 52, 1, 30, 1), struct.pack(">4I", 52, 1, 30, 1))
SIGNS = (PLACE, POINT, b"GPSLatitude", *LATITUDES)
XMP = (
    b'<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><a exif:GPSLatitude="52,30.98N">%s</a></x:xmpmeta>'
    % PLACE
)
XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")

pillow_heif.register_heif_opener()


def uploaded(content: bytes, kind: str = "jpeg") -> Upload:
    upload = media.store.receive(f"IMG_1.{kind}", f"image/{kind}", 2**25)
    upload.write(content)
    return upload


def noise(size: tuple[int, int] = (64, 48)) -> Image.Image:
    return Image.effect_noise(size, 60).convert("RGB")


def exif() -> Image.Exif:
    values = Image.Exif()
    values[Base.ImageDescription] = PLACE.decode()
    values.get_ifd(IFD.GPSInfo)[GPS.GPSLatitudeRef] = "N"
    values.get_ifd(IFD.GPSInfo)[GPS.GPSLatitude] = (52.0, 30.0, 58.8123)
    values.get_ifd(IFD.Exif)[Base.UserComment] = b"ASCII\0\0\0" + PLACE
    return values


def encoded(kind: str, **how: object) -> bytes:
    out = io.BytesIO()
    noise().save(out, kind, **how)
    return out.getvalue()


def box(name: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", 8 + len(content)) + name + content


def heic() -> bytes:
    return encoded("HEIF", exif=exif(), xmp=XMP) + box(b"mpvd", film()) + box(b"uuid", XMP_BOX, XMP)


def heic_sequence() -> bytes:
    """Several pictures in one file, which share the lists."""
    out = io.BytesIO()
    noise().save(out, "HEIF", exif=exif(), xmp=XMP, save_all=True, append_images=[noise(), noise()])
    return out.getvalue()


def avif() -> bytes:
    return encoded("AVIF", exif=exif(), xmp=XMP) + box(b"free", PLACE)


def moving_avif() -> bytes:
    out = io.BytesIO()
    noise().save(out, "AVIF", exif=exif(), xmp=XMP, save_all=True, append_images=[noise(), noise()])
    return out.getvalue()


def tiff(**how: object) -> bytes:
    # libtiff, which packs, writes only what it knows.
    values = Image.Exif() if "compression" in how else exif()
    values[Base.ImageDescription] = PLACE.decode()
    values[Base.XMLPacket] = XMP
    if "compression" not in how:
        values[Base.GPSInfo] = values.get_ifd(IFD.GPSInfo)
    return encoded("TIFF", exif=values, **how)


def tiff_of_pages() -> bytes:
    return tiff(save_all=True, append_images=[noise(), noise()])


def directory(order: str, *entries: tuple[int, int, int, bytes | int]) -> bytes:
    """A directory of TIFF: tag, type, number of values, and the value or its offset."""
    lines = b""
    for tag, kind, count, value in entries:
        field = value if isinstance(value, bytes) else struct.pack(order + "I", value)
        lines += struct.pack(order + "HHI", tag, kind, count) + field
    return struct.pack(order + "H", len(entries)) + lines + struct.pack(order + "I", 0)


def raw(order: str = "<", mark: bytes = b"CR\2\0") -> bytes:
    """As cameras write it: the maker's note is needed to develop it, the place is not."""
    heads = {"<": b"II*\0", ">": b"MM\0*"}
    picture = encoded("JPEG", exif=exif(), xmp=XMP)
    note, latitude = b"Canon needs this", struct.pack(order + "6I", 52, 1, 30, 1, 58, 1)
    first = 16
    main_size, exif_size, gps_size = (2 + 12 * count + 4 for count in (5, 1, 2))
    at_exif = first + main_size
    at_gps = at_exif + exif_size
    at_note = at_gps + gps_size
    at_latitude, at_text = at_note + len(note), at_note + len(note) + len(latitude)
    at_picture = at_text + len(PLACE)
    return b"".join([
        heads[order], struct.pack(order + "I", first), mark, struct.pack(order + "I", 0),
        directory(
            order, (270, 2, len(PLACE), at_text), (273, 4, 1, at_picture), (279, 4, 1, len(picture)),
            (34665, 4, 1, at_exif), (34853, 4, 1, at_gps),
        ),
        directory(order, (37500, 7, len(note), at_note)),
        directory(order, (1, 2, 2, b"N\0\0\0"), (2, 5, 3, at_latitude)),
        note, latitude, PLACE, picture,
    ])  # fmt: skip


RAW_PIXELS = b"raw pixels" * 800
# Its make, model and time, as every camera writes them.
CAMERA = tuple((tag, 2, 4, b"yes\0") for tag in (271, 272, 306))


def panasonic() -> bytes:
    """A preview is the value of an entry, and the pixels go on to the end of the file."""
    preview, at = encoded("JPEG", exif=exif(), xmp=XMP), 24 + 2 + 12 * 8 + 4
    return b"".join([
        b"IIU\0", struct.pack("<I", 24), b"Panasonic".ljust(16, b"\0"),
        directory(
            "<", (46, 7, len(preview), at), (270, 2, len(PLACE), at + len(preview)), (273, 4, 1, 2**32 - 1),
            (279, 4, 1, len(RAW_PIXELS)), (280, 4, 1, at + len(preview) + len(PLACE)), *CAMERA,
        ),
        preview, PLACE, RAW_PIXELS,
    ])  # fmt: skip


def sony() -> bytes:
    """The offset of a directory with the white balance is in an entry that DNG has for another purpose."""
    balance, order = b"encrypted white balance", "<"
    at_private = 8 + 2 + 12 * 9 + 4
    at_balance = at_private + 2 + 12 * 2 + 4
    at_gps = at_balance + len(balance)
    at_latitude = at_gps + 2 + 12 * 2 + 4
    at_text = at_latitude + 24
    return b"".join([
        b"II*\0", struct.pack("<I", 8),
        directory(
            order, *CAMERA, (259, 3, 1, 32767), (270, 2, len(PLACE), at_text), (273, 4, 1, at_text + len(PLACE)),
            (279, 4, 1, len(RAW_PIXELS)), (34853, 4, 1, at_gps), (50740, 1, 4, at_private),
        ),
        directory(order, (0x7200, 4, 1, at_balance), (0x7201, 4, 1, len(balance))),
        balance,
        directory(order, (1, 2, 2, b"N\0\0\0"), (2, 5, 3, at_latitude)),
        struct.pack("<6I", 52, 1, 30, 1, 58, 1), PLACE, RAW_PIXELS,
    ])  # fmt: skip


def fuji() -> bytes:
    picture = encoded("JPEG", exif=exif(), xmp=XMP)
    return (
        b"FUJIFILMCCD-RAW 0201".ljust(84, b"\0") + struct.pack(">II", 160, len(picture)) + bytes(68) + picture + b"raw"
    )


def photoshop() -> bytes:
    def resource(number: int, content: bytes, name: bytes = b"") -> bytes:
        title = (bytes([len(name)]) + name).ljust((len(name) + 2) // 2 * 2, b"\0")
        return (
            b"8BIM"
            + struct.pack(">H", number)
            + title
            + struct.pack(">I", len(content))
            + content
            + b"\0" * (len(content) % 2)
        )

    resources = resource(1005, bytes(16)) + resource(1058, exif().tobytes(), PLACE) + resource(1060, XMP)
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 48, 64, 8, 3)
    pixels = noise().tobytes()
    planes = b"".join(pixels[at::3] for at in range(3))
    return (
        head + struct.pack(">I", 0) + struct.pack(">I", len(resources)) + resources + struct.pack(">IH", 0, 0) + planes
    )


def jpeg_2000() -> bytes:
    return encoded("JPEG2000") + box(b"uuid", b"JpgTiffExif->JP2", exif().tobytes()) + box(b"xml ", XMP)


def jpeg_xl() -> bytes:
    sign = b"\0\0\0\x0cJXL \r\n\x87\n"
    pixels = box(b"jxlc", b"\xff\x0a" + noise().tobytes()[:600])
    return (
        sign + box(b"ftyp", b"jxl \0\0\0\0jxl ") + box(b"Exif", bytes(4), exif().tobytes()) + box(b"xml ", XMP) + pixels
    )


def film(brand: bytes | None = b"qt  ") -> bytes:
    """Seen pixels in one track; in another where it was at each moment; and the place in every list."""
    head = box(b"ftyp", brand, bytes(4), brand) if brand else box(b"wide")
    seen, where = noise().tobytes()[:800], (PLACE + POINT) * 3
    media = box(b"mdat", seen, where)
    at = len(head) + 8

    def track(number: int, handler: bytes, start: int, sizes: list[int]) -> bytes:
        table = box(
            b"stbl",
            box(b"stsd", bytes(4), struct.pack(">I", 0)),
            box(b"stsc", struct.pack(">IIIII", 0, 1, 1, len(sizes), 1)),
            box(b"stsz", struct.pack(f">III{len(sizes)}I", 0, 0, len(sizes), *sizes)),
            box(b"stco", struct.pack(">III", 0, 1, start)),
        )
        described = box(b"hdlr", bytes(8), handler, bytes(13))
        return box(
            b"trak",
            box(b"tkhd", struct.pack(">IIII", 0, 0, 0, number), bytes(68)),
            box(b"mdia", box(b"mdhd", bytes(24)), described, box(b"minf", table)),
            box(b"udta", box(b"name", PLACE)),
            box(b"meta", XMP),
        )

    point = struct.pack(">HH", len(POINT), 0x15C7) + POINT
    place = bytes(6) + PLACE + b"\0\0" + struct.pack(">iii", 13 << 16, 52 << 16, 34 << 16)
    keys = box(b"keys", bytes(4), struct.pack(">I", 1), box(b"mdta", b"com.apple.quicktime.location.ISO6709"))
    values = box(b"ilst", box(struct.pack(">I", 1), box(b"data", struct.pack(">II", 1, 0), POINT)))
    lists = box(b"meta", box(b"hdlr", bytes(8), b"mdta", bytes(13)), keys, values)
    return b"".join([
        head, media,
        box(
            b"moov", box(b"mvhd", bytes(100)), track(1, b"vide", at, [500, 300]),
            track(2, b"meta", at + 800, [len(where) // 3] * 3),
            box(b"udta", box(b"\xa9xyz", point), box(b"loci", place), box(b"XMP_", XMP), bytes(4)), lists,
        ),
        box(b"uuid", XMP_BOX, XMP),
        box(b"meta", bytes(4), box(b"hdlr", bytes(8), b"mdir", bytes(13)), box(b"ilst", PLACE)),
    ])  # fmt: skip


def film_in_fragments(track: bytes = b"trak", fragment_of: int = 1) -> bytes:
    """A film without tables: each fragment has its own. One track is seen, the other one, perhaps renamed, is not."""
    empty = [box(name, bytes(8)) for name in (b"stsd", b"stts", b"stsc", b"stco")] + [box(b"stsz", bytes(12))]

    def described(name: bytes, number: int, handler: bytes) -> bytes:
        return box(
            name,
            box(b"tkhd", struct.pack(">IIII", 0, 0, 0, number), bytes(68)),
            box(b"mdia", box(b"hdlr", bytes(8), handler, bytes(13)), box(b"minf", box(b"stbl", *empty))),
        )

    return b"".join([
        box(b"ftyp", b"isom", bytes(4), b"isom"),
        box(b"moov", box(b"mvhd", bytes(100)), described(b"trak", 1, b"vide"), described(track, 2, b"meta")),
        box(b"moof", box(b"mfhd", bytes(8)), box(b"traf", box(b"tfhd", struct.pack(">II", 0, fragment_of)))),
        box(b"mdat", PLACE if fragment_of == 2 else noise().tobytes()[:800]),
    ])  # fmt: skip


ALL: dict[str, Callable[[], bytes]] = {
    "HEIC": heic,
    "HEIC of several": heic_sequence,
    "AVIF": avif,
    "AVIF that moves": moving_avif,
    "TIFF": tiff,
    "TIFF of JPEG": lambda: tiff(compression="jpeg"),
    "TIFF of pages": tiff_of_pages,
    "BigTIFF": lambda: tiff(big_tiff=True),
    "raw": raw,
    "raw, the other order": lambda: raw(">"),
    "raw of Panasonic": panasonic,
    "raw of Sony": sony,
    "raw of Fujifilm": fuji,
    "Photoshop": photoshop,
    "JPEG 2000": jpeg_2000,
    "JPEG XL": jpeg_xl,
    "film of QuickTime": film,
    "old film of QuickTime": lambda: film(None),
    "film": lambda: film(b"isom"),
}
