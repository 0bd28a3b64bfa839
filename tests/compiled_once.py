"""Share compiled routes and templates between all apps of a test run."""

from __future__ import annotations

from typing import Any

import jinja2
import pytest
from werkzeug.routing import Rule

from chat import App


@pytest.fixture(autouse=True, scope="session")
def routes_are_compiled_once() -> None:
    """Werkzeug compiles a function for each route of each app; that took a quarter of the time of most tests."""
    compile_builder = Rule._compile_builder
    known: dict[Any, Any] = {}

    def compiled(rule: Rule, append_unknown: bool = True) -> Any:
        key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in known:
            known[key] = compile_builder(rule, append_unknown)
        return known[key]

    Rule._compile_builder = compiled  # type: ignore[method-assign]


class CompiledTemplates(jinja2.BytecodeCache):
    """Compiled templates in memory, for all apps."""

    def __init__(self) -> None:
        self.codes: dict[str, bytes] = {}

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        if code := self.codes.get(bucket.key + bucket.checksum):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        self.codes[bucket.key + bucket.checksum] = bucket.bytecode_to_string()


@pytest.fixture(autouse=True, scope="session")
def templates_are_compiled_once() -> None:
    """Each app compiles its templates; that took half the time of a page."""
    App.jinja_options = {**App.jinja_options, "bytecode_cache": CompiledTemplates()}
