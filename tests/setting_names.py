"""The names of all settings, from the code that reads them."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from config import S3_NAMES, Settings
from lib.limits import Limits

ROOT = Path(__file__).resolve().parent.parent


def setting_names() -> set[str]:
    code = (ROOT / "config.py").read_text()
    read = set(re.findall(r'values\.\w+\("([A-Z0-9_]+)"', code))
    for of in (Limits, Settings):
        read |= {one.metadata.get("name", one.name.upper()) for one in fields(of) if one.metadata}
    return read | {"SECRET_KEY", "JWT_SECRET_KEY", "HOST", "DATABASE_URL", "ENV_FILE", "EPHEMERAL_DISK", *S3_NAMES}
