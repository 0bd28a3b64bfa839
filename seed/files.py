"""The files that people send in the history: drawn and written here, so that nothing has to be kept."""

from __future__ import annotations

import random
from collections.abc import Callable
from io import BytesIO

from PIL import Image, ImageDraw, ImageFilter

Drawing = Callable[[random.Random], Image.Image]


def content(name: str) -> bytes:
    """The bytes of a file of this name."""
    if name in TEXTS:
        return TEXTS[name].encode()
    if name.endswith(".pdf"):
        return pdf(MINUTES)
    stem, _, ending = name.partition(".")
    picture = DRAWINGS[stem.partition("-")[0]](random.Random(stem))
    out = BytesIO()
    picture.save(out, "JPEG" if ending == "jpg" else "PNG")
    return out.getvalue()


def landscape(chance: random.Random) -> Image.Image:
    """Hills behind hills under a low sun, with a lake where there is one."""
    wide, high = 1200, 800
    picture = gradient(wide, high, (250, 214, 165), (126, 164, 196))
    draw = ImageDraw.Draw(picture)
    sun = chance.randint(250, 950)
    draw.ellipse((sun - 50, 170, sun + 50, 270), fill=(255, 240, 200))
    for depth in range(4):
        height = 330 + depth * 90
        points = [(0, high)]
        y = float(height)
        for x in range(0, wide + 40, 40):
            y += chance.uniform(-34, 34) + (height - y) * 0.2
            points.append((x, int(y)))
        shade = 150 - depth * 32
        draw.polygon([*points, (wide, high)], fill=(shade - 20, shade + 6, shade + 2))
    draw.ellipse((150, 690, 1050, 860), fill=(118, 156, 180))
    return picture.filter(ImageFilter.GaussianBlur(1.2))


def plants(chance: random.Random) -> Image.Image:
    """A bed from above: rows of green, some of them with something red."""
    picture = Image.new("RGB", (1000, 750), (92, 68, 50))
    draw = ImageDraw.Draw(picture)
    for row in range(4):
        for place in range(7):
            x, y = 90 + place * 135 + chance.randint(-12, 12), 110 + row * 175 + chance.randint(-12, 12)
            for _ in range(14):
                dx, dy, size = chance.randint(-45, 45), chance.randint(-45, 45), chance.randint(10, 24)
                green = (chance.randint(40, 90), chance.randint(120, 170), chance.randint(50, 80))
                draw.ellipse((x + dx - size, y + dy - size, x + dx + size, y + dy + size), fill=green)
            if chance.random() < 0.5:
                draw.ellipse((x - 13, y - 13, x + 13, y + 13), fill=(205, 60, 45))
    return picture


def map_of(chance: random.Random) -> Image.Image:
    """Contour lines, a blue lake and a red path."""
    picture = Image.new("RGB", (1000, 800), (240, 238, 224))
    draw = ImageDraw.Draw(picture)
    for ring in range(14, 0, -1):
        wide, high = ring * 48, ring * 36
        draw.ellipse(
            (600 - wide, 330 - high, 600 + wide, 330 + high),
            fill=(240 - ring, 238 - ring * 3, 200 - ring * 2) if ring % 5 else None,
            outline=(170, 140, 100),
            width=1 + (ring % 5 == 0),
        )
    draw.ellipse((90, 480, 420, 700), fill=(150, 190, 215), outline=(80, 130, 170), width=3)
    x, y = 60, 740
    path = [(x, y)]
    while x < 930:
        x, y = x + 40, y - chance.randint(-10, 45)
        path.append((x, max(60, y)))
    draw.line(path, fill=(190, 50, 40), width=6, joint="curve")
    return picture


def screen(chance: random.Random) -> Image.Image:
    """A page of an app, as a designer sketches one: bars, rows, one button."""
    dark = chance.random() < 0.5
    paper, ink, line = ((22, 24, 26), (200, 203, 202), (60, 64, 68)) if dark else (
        (255, 255, 255), (70, 74, 76), (225, 225, 220))  # fmt: skip
    picture = Image.new("RGB", (780, 1100), paper)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 780, 96), fill=line)
    draw.rounded_rectangle((32, 34, 240, 62), 8, fill=ink)
    for row in range(7):
        y = 140 + row * 118
        draw.ellipse((32, y, 96, y + 64), fill=(60 + row * 20, 110, 140 - row * 10))
        draw.rounded_rectangle((124, y + 6, 300 + chance.randint(0, 180), y + 24), 6, fill=ink)
        draw.rounded_rectangle((124, y + 38, 420 + chance.randint(0, 280), y + 52), 6, fill=line)
    draw.rounded_rectangle((32, 1000, 300, 1056), 12, fill=(11, 103, 112))
    return picture


def portrait(chance: random.Random) -> Image.Image:
    """Somebody from afar, before a wall of one colour."""
    wall = (chance.randint(120, 220), chance.randint(120, 220), chance.randint(120, 220))
    coat = tuple(255 - part for part in wall)
    picture = Image.new("RGB", (512, 512), wall)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((96, 330, 416, 700), fill=coat)
    draw.ellipse((166, 120, 346, 340), fill=(226, 188, 160))
    draw.pieslice((156, 96, 356, 320), 180, 360, fill=(chance.randint(40, 120), 50, 36))
    return picture


def gradient(wide: int, high: int, top: tuple[int, ...], bottom: tuple[int, ...]) -> Image.Image:
    column = Image.new("RGB", (1, 2))
    column.putdata([top, bottom])
    return column.resize((wide, high), Image.Resampling.BILINEAR)


# By the first word of the file's name.
DRAWINGS: dict[str, Drawing] = {
    "avatar": portrait,
    "bed": map_of,
    "dark": screen,
    "icons": screen,
    "list": screen,
    "seedlings": plants,
    "settings": screen,
    "tomatoes": plants,
    "карта": map_of,
    "озеро": landscape,
    "хребет": landscape,
}


def pdf(lines: list[str]) -> bytes:
    """One page of text in Helvetica (ISO 32000-1, 7.5)."""
    shown = "".join(f"({line}) Tj T* " for line in lines)
    drawing = f"BT /F1 12 Tf 16 TL 72 760 Td {shown}ET".encode("ascii")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    tail = b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return out + tail % (size, table, size, len(out))


MINUTES = [
    "Spring planning, minutes",
    "",
    "Present: ann, bob, carol, boris. Excused: erik.",
    "",
    "1. Search finds a word in any letter case, and e with or without its dots. boris.",
    "2. A full disk is told, nothing is acknowledged that is not kept. bob.",
    "3. Restore drill every second month, by somebody else each time. carol.",
    "4. Upgrade notes: four steps, the fourth is tea. ann.",
    "",
    "Next: after the release.",
]

TEXTS = {
    "upgrade-times.csv": (
        "database,messages,copy_s,migrations_s,total_s\n"
        "small,2140,0.1,0.1,0.2\nteam,48211,0.9,0.3,1.2\nschool,310554,6.1,1.2,7.3\ngift,1904377,38.4,9.7,48.1\n"
    ),
    "excerpt.log": (
        "18:12:04 7f3a10c2 GET /healthz 503 5003ms\n18:12:09 91b2d4e0 POST /chats/3 302 11204ms\n"
        "18:12:24 0c77aa18 GET /healthz 200 1ms\n18:12:25 5d10ef3b POST /chats/3 302 14ms\n"
    ),
    "reading-list.txt": (
        "Summer, in no order\n\n- the one with the lighthouse\n- the short one erik keeps mentioning\n"
        "- letters, two volumes (carol has them)\n- something with a battle, for bob\n"
    ),
    "talk-notes.txt": (
        "1. Twenty past seven, the phone: nothing saves any more.\n2. What the disk said. What we had told people.\n"
        "3. The loop device: 64 MB and a script.\n4. One slide: posted, acknowledged, counted.\n5. Thank the night.\n"
    ),
    "список вещей.txt": (
        "Общее\n- горелка, два баллона (Борис)\n- котелок (Анна)\n- пирог, карта (Дина)\n- аптечка\n\n"
        "Каждому\n- вода 1,5 л\n- тёплая куртка, дождевик\n- фонарь\n- гетры\n- сменные носки, две пары\n"
    ),
}
