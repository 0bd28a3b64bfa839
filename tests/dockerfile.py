"""The Dockerfile and its .dockerignore, read as far as this project uses them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Stage:
    """One stage: its base, and its instructions in order, continued lines joined."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [text for name, text in self.steps if name == instruction]

    def one(self, instruction: str) -> str:
        (text,) = self.all(instruction)
        return text

    @property
    def environment(self) -> dict[str, str]:
        return dict(part.split("=", 1) for text in self.all("ENV") for part in shlex.split(text))

    @property
    def command(self) -> list[str]:
        return list(json.loads(self.one("CMD")))

    @property
    def health_check(self) -> list[str]:
        return list(json.loads(self.one("HEALTHCHECK").partition("CMD ")[2]))


def stages() -> list[Stage]:
    """Read the stages of the Dockerfile."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M)
    found: list[Stage] = []
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            base, _, name = rest.partition(" AS ")
            found.append(Stage(base, name))
        elif instruction:
            found[-1].steps.append((instruction, rest.strip()))
    return found


def context() -> list[str]:
    """The files of the repository that .dockerignore lets into an image."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    return [file for file in listed if (ROOT / file).is_file() and is_in(file, rules)]


def is_in(file: str, rules: list[str]) -> bool:
    """Whether the rules let a file in; the last that fits it, or a folder that it is in, decides."""
    names = [file, *map(str, PurePosixPath(file).parents)]
    allowed = True
    for rule in rules:
        pattern = rule.removeprefix("!")
        if pattern.startswith("**/"):
            fits = any(fnmatch(PurePosixPath(name).name, pattern[3:]) for name in names)
        else:
            fits = any("/" not in name and fnmatch(name, pattern) for name in names if name != ".")
        if fits:
            allowed = rule.startswith("!")
    return allowed
