"""Settings as `.env` and the environment give them."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import ConfigError, Settings

KEY = "p9Vq3xT7mZ1kR5wB8nC2dF6gH4jL0sYa"
OTHER_KEY = "Qe7uI1oP5aS9dF3gH8jK2lZ6xC4vB0nM"
KEYS = {"SECRET_KEY": KEY, "JWT_SECRET_KEY": OTHER_KEY}


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def read(env_file: Path, keys: dict[str, str] = KEYS, **environ: str) -> Settings:
    return Settings.read({**keys, **environ}, env_file)


def refusal(env_file: Path, keys: dict[str, str] = KEYS, **environ: str) -> str:
    """The one line in which bad settings are refused."""
    with pytest.raises(ConfigError) as refused:
        read(env_file, keys, **environ)
    assert "\n" not in str(refused.value)
    return str(refused.value)
