"""Parsing ISO base media files: HEIC, AVIF and videos (ISO/IEC 14496-12, 23008-12), JPEG 2000 and JPEG XL.

Their tables contain byte offsets, so nothing is moved: personal data is overwritten with zeros.
"""

from __future__ import annotations

import mmap
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from lib.layout import Layout, Unclear

AVIF_BRANDS = {b"avif", b"avis"}
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1", b"mif2"}
JPEG_2000 = b"\0\0\0\x0cjP  \r\n\x87\n"
JPEG_XL = b"\0\0\0\x0cJXL \r\n\x87\n"
# First boxes of QuickTime videos without a type.
VIDEO_STARTS = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}

# Boxes to keep, by the containing box. Most data of cameras, editors and people is in `udta`, `meta` and `uuid`.
KNOWN = {
    box: set(names.split("|"))
    for box, names in {
        "": "ftyp|styp|mdat|moov|moof|meta|mfra|sidx|pdin|wide|free|skip",
        "jp": "jP  |ftyp|rreq|jp2h|jp2c",
        "jxl": "JXL |ftyp|jxlc|jxlp|jxll|jxli",
        "moov": "mvhd|trak|mvex|iods",
        "trak": "tkhd|edts|tref|mdia|tapt|load|trgr",
        "mdia": "mdhd|hdlr|minf|elng",
        "minf": "vmhd|smhd|nmhd|gmhd|hmhd|sthd|hdlr|dinf|stbl",
        "stbl": "stsd|stts|ctts|cslg|stsc|stsz|stz2|stco|co64|stss|stsh|sdtp|sbgp|sgpd|subs|saiz|saio|stps|padb|stdp",
        "moof": "mfhd|traf",
        "traf": "tfhd|trun|tfdt|sbgp|sgpd|subs|saiz|saio|sdtp|senc",
        "meta": "hdlr|dinf|pitm|iinf|iref|iprp|idat|iloc|grpl|ipro",
        "iprp": "ipco|ipma",
        "ipco": "hvcC|av1C|avcC|vvcC|lhvC|jpgC|j2kH|ispe|pixi|colr|irot|imir|clap|pasp|auxC|lsel|clli|mdcv|cclv|amve"
        "|a1op|a1lx|rloc|oinf|tols|rrtp|cmpd|uncC|cmpC|icef|ndwt|reve|cmin|cmex",
        "canon": "CNCV|CCTP|CTBO|CMT1|CMT2|CMT3|THMB",
    }.items()
}
CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
CANON_PREVIEW = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16")
# HEIF items that are pictures, or describe how one is composed of others.
IMAGES = {
    b"hvc1", b"hev1", b"lhv1", b"av01", b"avc1", b"vvc1", b"j2k1", b"jpeg", b"unci", b"grid", b"iovl", b"iden", b"tmap",
}  # fmt: skip
# Handlers of tracks to keep: picture, sound and time codes. Others are a camera's own data, such as its location.
KEPT_HANDLERS = {
    b"vide", b"soun", b"pict", b"auxv", b"text", b"sbtl", b"subt", b"clcp", b"subp", b"tmcd", b"hint", b"fdsm",
}  # fmt: skip
# An unwanted entry of a list gets this type, which readers skip.
SKIP_TYPE = b"skip"


def kind_of(start: bytes, size: int) -> str | None:
    """HEIC, AVIF, VIDEO, JP2 or JXL; None for other files. `start` are the first 512 bytes."""
    if start.startswith(JPEG_2000):
        return "JP2"
    if start.startswith(JPEG_XL):
        return "JXL"
    name = start[4:8]
    length = int.from_bytes(start[:4], "big")
    if name == b"ftyp" and length <= 4096:
        brands = {start[at : at + 4] for at in (8, *range(16, min(length, len(start)), 4))}
        if start[8:12] in AVIF_BRANDS or (start[8:12] in (b"mif1", b"msf1") and brands & AVIF_BRANDS):
            return "AVIF"
        return "HEIC" if brands & HEIC_BRANDS else "VIDEO"
    # A text may begin with these letters too, but not with its own length.
    return "VIDEO" if name in VIDEO_STARTS and (length < 2 or 8 <= length <= size) else None


@dataclass
class Box:
    """A box; its content begins after its head."""

    name: str
    start: int
    content: int
    end: int


@dataclass
class Items:
    """The item lists of a HEIF picture: each item's type, and where its bytes are."""

    unwanted: set[int] = field(default_factory=set)
    extents: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    in_data: set[int] = field(default_factory=set)
    data: Box | None = None


class Reader:
    """Reads a file's boxes, and marks personal data in `layout` to be overwritten."""

    def __init__(self, data: mmap.mmap, layout: Layout) -> None:
        self.data = data
        self.layout = layout
        self.is_raw = data[8:12] == b"crx "
        self.media: list[Box] = []
        self.items: Items | None = None
        self.has_moov = self.has_fragments = False
        # The ranges of media data that are seen or heard.
        self.used: list[tuple[int, int]] = []
        # The numbers of the tracks that are kept, and of those that fragments are of.
        self.tracks: set[int] = set()
        self.fragment_tracks: set[int] = set()

    def read(self, family: str = "") -> None:
        size = self.layout.size
        for box in self.kept(family, 0, size):
            match box.name:
                case "mdat":
                    self.media.append(box)
                case "free" | "skip" | "wide":
                    self.layout.blank(self.data, box.content, box.end)
                case "meta":
                    self.read_meta(box)
                case "moov":
                    self.has_moov = True
                    self.read_movie(box)
                case "moof":
                    self.has_fragments = True
                    self.read_fragment(box)
        if self.items is not None:
            self.use_items(self.items)
        self.check_tables()
        if not self.has_fragments:
            self.blank_unused()

    def check_tables(self) -> None:
        """Raise Unclear if media data could contain a location that no table leads to any more."""
        if self.media and not (self.has_moov or self.items):
            # The file is cut short before its tables, or their box is damaged. No player opens it.
            raise Unclear("media data without tables")
        if not self.fragment_tracks <= self.tracks:
            raise Unclear("fragments of a track that is not kept")

    # Boxes

    def boxes(self, start: int, end: int) -> Iterator[Box]:
        """The boxes in a range, in order. Raises Unclear, TooManyParts."""
        size = self.layout.size
        while start + 8 <= end:
            self.layout.count()
            length, name = struct.unpack_from(">I4s", self.data, start)
            content = start + 8
            if length == 1:
                length, content = struct.unpack_from(">Q", self.data, content)[0], start + 16
            elif length == 0:
                length = end - start
            if name == b"uuid":
                content += 16
            stop = start + length
            if stop > end == size:
                stop, self.layout.is_cut_short = end, True
            if not content <= stop <= end:
                raise Unclear("a box with an impossible length")
            yield Box(name.decode("latin-1"), start, content, stop)
            start = stop
        self.layout.blank(self.data, start, end)

    def kept(self, parent: str, start: int, end: int) -> Iterator[Box]:
        """The boxes to keep, by the containing box; the others are overwritten."""
        for box in self.boxes(start, end):
            if box.name in KNOWN[parent] or (self.is_raw and self.is_of_raw(parent, box)):
                yield box
            else:
                self.blank_box(box)

    def is_of_raw(self, parent: str, box: Box) -> bool:
        """Whether a Canon raw picture (CR3) needs the box to be developed; the location is in CMT4."""
        which = self.data[box.content - 16 : box.content] if box.name == "uuid" else b""
        if parent == "moov" and which == CANON:
            for _ in self.kept("canon", box.content, box.end):
                pass
            return True
        return parent == "" and which == CANON_PREVIEW

    def blank_box(self, box: Box) -> None:
        at = box.content - (16 if box.name == "uuid" else 0)
        if self.layout.blank(self.data, at, box.end) or box.name not in ("free", "skip"):
            self.layout.patches.append((box.start + 4, b"free"))

    def child(self, parent: Box, *names: str) -> Box | None:
        """The box at a path of names, taking the first box of each name."""
        found: Box | None = parent
        for name in names:
            assert found is not None
            found = next((box for box in self.boxes(found.content, found.end) if box.name == name), None)
            if found is None:
                return None
        return found

    # Videos

    def read_movie(self, movie: Box) -> None:
        for box in self.boxes(movie.content, movie.end):
            if box.name != "trak" and self.data[box.content + 4 : box.content + 8] == b"tkhd":
                raise Unclear("a track of another name")
        for box in self.kept("moov", movie.content, movie.end):
            if box.name != "trak":
                continue
            handler = self.child(box, "mdia", "hdlr")
            kind = self.data[handler.content + 8 : handler.content + 12] if handler else b""
            if kind in KEPT_HANDLERS or self.is_raw:
                self.read_track(box)
            else:
                self.blank_track(box)

    def read_track(self, track: Box) -> None:
        if head := self.child(track, "tkhd"):
            at = head.content + (20 if self.data[head.content] == 1 else 12)
            self.tracks.add(struct.unpack_from(">I", self.data, at)[0])
        for box in self.kept("trak", track.content, track.end):
            if box.name == "mdia":
                for part in self.kept("mdia", box.content, box.end):
                    if part.name == "minf":
                        self.read_samples(part)

    def read_samples(self, information: Box) -> None:
        for box in self.kept("minf", information.content, information.end):
            if box.name == "stbl":
                table = {part.name: part for part in self.kept("stbl", box.content, box.end)}
                if "stsz" in table:
                    frames = struct.unpack_from(">I", self.data, table["stsz"].content + 8)[0]
                    self.layout.frames = max(self.layout.frames, frames)
                self.used += self.chunks(table)

    def blank_track(self, track: Box) -> None:
        """Overwrite a track and its media data, which may contain the camera's location at each moment."""
        table = self.child(track, "mdia", "minf", "stbl")
        boxes = {box.name: box for box in self.boxes(table.content, table.end)} if table else {}
        if not {"stsc", "stsz"} <= set(boxes) or not {"stco", "co64"} & set(boxes):
            raise Unclear("a track without tables")
        for start, end in self.chunks(boxes):
            self.layout.blank(self.data, start, end)
        self.blank_box(track)

    def chunks(self, table: dict[str, Box]) -> Iterator[tuple[int, int]]:
        """The byte ranges of a track's chunks (14496-12, 8.7)."""
        if "stz2" in table:
            raise Unclear("sample sizes in bits (stz2)")
        if not {"stsc", "stsz"} <= set(table) or not {"stco", "co64"} & set(table):
            return
        offsets = table.get("stco") or table["co64"]
        width, offset_format = (4, ">I") if "stco" in table else (8, ">Q")
        runs = deque(self.entries(table["stsc"], ">III"))
        fixed_size, count = struct.unpack_from(">II", self.data, table["stsz"].content + 4)
        sample = 0
        self.layout.count(self.entry_count(offsets) // 32)
        first = offsets.content + 8
        for number, at in enumerate(range(first, first + width * self.entry_count(offsets), width), 1):
            if len(runs) > 1 and runs[1][0] <= number:
                runs.popleft()
            if not runs:
                return
            chunk_samples = min(runs[0][1], count - sample)
            self.layout.count(chunk_samples // 64)
            listed = 0 if fixed_size else chunk_samples
            sizes = struct.unpack_from(f">{listed}I", self.data, table["stsz"].content + 12 + 4 * sample)
            start = struct.unpack_from(offset_format, self.data, at)[0]
            end = start + (fixed_size * chunk_samples if fixed_size else sum(sizes))
            self.layout.is_cut_short |= end > self.layout.size
            yield start, min(end, self.layout.size)
            sample += chunk_samples

    def entry_count(self, box: Box) -> int:
        return int(struct.unpack_from(">I", self.data, box.content + 4)[0])

    def entries(self, box: Box, form: str) -> Iterator[tuple[int, ...]]:
        self.layout.count(self.entry_count(box) // 16)
        for at in range(self.entry_count(box)):
            yield struct.unpack_from(form, self.data, box.content + 8 + at * struct.calcsize(form))

    def read_fragment(self, fragment: Box) -> None:
        for box in self.kept("moof", fragment.content, fragment.end):
            if box.name == "traf":
                for part in self.kept("traf", box.content, box.end):
                    if part.name == "tfhd":
                        self.fragment_tracks.add(struct.unpack_from(">I", self.data, part.content + 4)[0])

    # Pictures

    def read_meta(self, meta: Box) -> None:
        """Read the item lists of a HEIF picture (14496-12, 8.11); in a video they are personal data."""
        inner = Box("meta", meta.start, meta.content + 4, meta.end)
        handler = self.child(inner, "hdlr")
        if handler is None or self.data[handler.content + 8 : handler.content + 12] != b"pict":
            self.blank_box(meta)
            return
        if self.items is not None:
            raise Unclear("two lists of pictures")
        self.items = items = Items()
        for box in self.kept("meta", inner.content, inner.end):
            match box.name:
                case "iinf":
                    self.read_names(box, items)
                case "iloc":
                    self.read_places(box, items)
                case "idat":
                    items.data = box
                case "iprp":
                    self.read_properties(box)

    def read_names(self, box: Box, items: Items) -> None:
        """Read each item's type. Items that are not pictures also lose their name."""
        for entry in self.boxes(box.content + (6 if self.data[box.content] == 0 else 8), box.end):
            version = self.data[entry.content]
            if entry.name != "infe" or version not in (2, 3):
                raise Unclear("an item of an old kind")
            number, at = self.unpack(">H" if version == 2 else ">I", entry.content + 4)
            kind = at + 2
            if self.data[kind : kind + 4] in IMAGES:
                self.layout.items.add(self.data[kind : kind + 4].decode("latin-1"))
                self.layout.blank(self.data, kind + 4, entry.end)
                continue
            items.unwanted.add(number)
            if self.data[kind : kind + 4] != SKIP_TYPE:
                self.layout.patches.append((kind, SKIP_TYPE))
            self.layout.blank(self.data, kind + 4, entry.end)

    def unpack(self, form: str, at: int) -> tuple[int, int]:
        """Read a number. Returns it and the next offset."""
        return int(struct.unpack_from(form, self.data, at)[0]), at + struct.calcsize(form)

    def read_places(self, box: Box, items: Items) -> None:
        """Read the byte ranges of each item (14496-12, 8.11.3)."""
        version, at = self.data[box.content], box.content + 4
        widths = [nibble for byte in self.data[at : at + 2] for nibble in (byte >> 4, byte & 15)]
        offset, length, base, index = widths[0], widths[1], widths[2], widths[3] if version else 0
        wide = ">I" if version == 2 else ">H"
        count, at = self.unpack(wide, at + 2)
        for _ in range(count):
            self.layout.count()
            number, at = self.unpack(wide, at)
            method, at = self.unpack(">H", at) if version else (0, at)
            reference, at = self.unpack(">H", at)
            start, at = self.sized(base, at)
            extents, at = self.unpack(">H", at)
            if reference or method & 15 > 1:
                raise Unclear("an item that is elsewhere")
            if method & 15:
                items.in_data.add(number)
            for _ in range(extents):
                self.layout.count()
                _, at = self.sized(index, at)
                first, at = self.sized(offset, at)
                extent_length, at = self.sized(length, at)
                if not extent_length:
                    raise Unclear("an item without an end")
                items.extents.setdefault(number, []).append((start + first, start + first + extent_length))

    def sized(self, width: int, at: int) -> tuple[int, int]:
        return int.from_bytes(self.data[at : at + width], "big"), at + width

    def read_properties(self, properties: Box) -> None:
        for box in self.kept("iprp", properties.content, properties.end):
            if box.name == "ipco":
                for part in self.kept("ipco", box.content, box.end):
                    if part.name == "ispe":
                        self.layout.declare(*struct.unpack_from(">II", self.data, part.content + 4))

    def use_items(self, items: Items) -> None:
        """Keep the items of the pictures, and overwrite all others."""
        for number, extents in items.extents.items():
            start = 0
            if number in items.in_data:
                if items.data is None:
                    raise Unclear("an item that is nowhere")
                start = items.data.content
            for first, last in extents:
                self.layout.is_cut_short |= start + last > self.layout.size
                byte_range = start + first, min(start + last, self.layout.size)
                if number not in items.unwanted:
                    self.used.append(byte_range)
                else:
                    self.layout.blank(self.data, *byte_range)
        if items.data is not None:
            self.media.append(items.data)

    def blank_unused(self) -> None:
        """Overwrite media data that no table refers to."""
        start = 0
        for box in sorted(self.media, key=lambda box: box.start):
            self.used.append((start, box.content))
            start = box.end
        self.used.append((start, self.layout.size))
        self.layout.blank_between(self.data, 0, self.layout.size, self.used)


def read_iso_media(data: mmap.mmap, layout: Layout) -> None:
    """HEIC, AVIF and videos. Raises Unclear, TooManyParts."""
    Reader(data, layout).read()
    if layout.kind in ("HEIC", "AVIF") and not layout.pixels:
        raise Unclear("a picture of no size")


def colour_numbers(data: mmap.mmap, layout: Layout) -> tuple[int, int] | None:
    """The numbers of the first picture that has them (ISO 14496-12, 12.1.5). Raises Unclear, TooManyParts."""
    reader = Reader(data, layout)
    for meta in reader.boxes(0, layout.size):
        if meta.name != "meta":
            continue
        properties = reader.child(Box("meta", meta.start, meta.content + 4, meta.end), "iprp", "ipco")
        for box in reader.boxes(properties.content, properties.end) if properties else ():
            if box.name == "colr" and data[box.content : box.content + 4] == b"nclx":
                primaries, transfer = struct.unpack_from(">HH", data, box.content + 4)
                return primaries, transfer
    return None


def read_jpeg_2000(data: mmap.mmap, layout: Layout) -> None:
    Reader(data, layout).read("jp")


def read_jpeg_xl(data: mmap.mmap, layout: Layout) -> None:
    Reader(data, layout).read("jxl")
