"""Models of request bodies and query strings."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from models.chat import Level, Role
from models.user import Language, Theme

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# How a time of ISO 8601 begins; pydantic parses the rest.
ISO_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")
SURROGATE = re.compile(r"[\ud800-\udfff]")


def valid_unicode(text: str) -> str:
    """Reject lone surrogates, which can't be encoded (rule 16)."""
    if SURROGATE.search(text):
        raise ValueError("Must be valid Unicode")
    return text


Text = Annotated[StrictStr, AfterValidator(valid_unicode)]
Id = Annotated[StrictInt, Field(ge=1, le=2**63 - 1)]
# 0 before the first draft.
Version = Annotated[StrictInt, Field(ge=0, le=2**63 - 1)]


class Body(BaseModel):
    """A JSON body: exactly these fields, no conversion; others are rejected by name."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """A query string; numbers are parsed from text."""

    model_config = ConfigDict(extra="ignore")


# Bodies


class NewUser(Body):
    username: Text
    password: Text
    name: Text = ""
    about: Text = ""


class Credentials(Body):
    username: Text
    password: Text


def without_defaults(schema: dict[str, Any]) -> None:
    """Drop the defaults: a field that is left out keeps its value."""
    for field in schema["properties"].values():
        field.pop("default", None)


class UserChanges(Body):
    model_config = ConfigDict(json_schema_extra=without_defaults)

    name: Text = ""
    about: Text = ""
    username: Text = ""
    language: Language = ""
    theme: Theme = ""
    password: Text = ""
    current_password: Text = ""


class EmailChange(Body):
    email: Text
    current_password: Text


class AccountDeletion(Body):
    current_password: Text


class NewChat(Body):
    title: Text
    members: Annotated[list[Text], Field(max_length=1000)] = []


def at_least_one_field(schema: dict[str, Any]) -> None:
    """Require at least one field."""
    without_defaults(schema)
    schema["minProperties"] = 1


class ChatChanges(Body):
    model_config = ConfigDict(json_schema_extra=at_least_one_field)

    title: Text = ""
    description: Text = ""


class NewMember(Body):
    username: Text
    role: Role = "member"


class MemberChanges(Body):
    role: Role


class MembershipChanges(Body):
    level: Level


class ReadUpTo(Body):
    message_id: Id


class UnreadFrom(Body):
    message_id: Id


class Forward(Body):
    chat_id: Id
    text: Text = ""


class NewMessage(Body):
    chat_id: Id
    text: Text = ""
    reply_to: Id | None = None
    # The version of the draft that it was written from.
    draft: Version | None = None


class DraftChanges(Body):
    text: Text
    reply_to: Id | None = None
    # The version it is based on: a newer one is kept.
    version: Version | None = None
    # When it was typed, if not just now.
    written_at: Annotated[AwareDatetime, Field(strict=False)] | None = None

    @field_validator("written_at", mode="before")
    @classmethod
    def a_time_is_text(cls, written_at: Any) -> Any:
        # Pydantic would take a number, even as text, for seconds since 1970.
        if written_at is not None and not (isinstance(written_at, str) and ISO_TIME.match(written_at)):
            raise ValueError("Must be a time: ISO 8601 with Z")
        return written_at

    @property
    def written_micros(self) -> int | None:
        """Microseconds since 1970."""
        return None if self.written_at is None else max(0, (self.written_at - EPOCH) // timedelta(microseconds=1))


class Form(BaseModel):
    """A multipart body, whose fields are text; this one has only the file."""

    model_config = ConfigDict(extra="forbid")


class NewMessageForm(Form):
    """A message with files."""

    chat_id: Annotated[int, Field(ge=1, le=2**63 - 1)]
    text: str = ""
    reply_to: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None
    draft: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = None


class MessageChanges(Body):
    text: Text


# Queries

Limit = Annotated[int, Field(ge=1, le=100)]
Cursor = Annotated[int, Field(ge=0, le=2**63 - 1)]


class UsersQuery(Query):
    q: Annotated[str, Field(max_length=100)] = ""
    limit: Limit = 20
    after: Annotated[str, Field(max_length=100)] | None = None


class ChatsQuery(Query):
    limit: Limit = 100
    before: Cursor | None = None


class MembersQuery(Query):
    limit: Limit = 100
    after: Annotated[str, Field(pattern=r"^[0-2]\.[0-9]{1,18}\.[0-9]{1,18}$")] | None = None


class MessagesQuery(Query):
    chat_id: Annotated[int, Field(ge=1, le=2**63 - 1)]
    limit: Limit = 50
    before: Cursor | None = None
    after: Cursor | None = None

    @field_validator("after")
    @classmethod
    def one_direction(cls, after: int | None, other: ValidationInfo) -> int | None:
        if after is not None and other.data.get("before") is not None:
            raise ValueError("before and after lead in opposite directions: give one of them")
        return after


class RevisionsQuery(Query):
    limit: Limit = 20
    before: Cursor | None = None


class ReactionsQuery(Query):
    limit: Limit = 50
    after: Cursor | None = None


class FilesQuery(Query):
    kind: Literal["pictures", "files"] | None = None
    before: Cursor | None = None
    limit: Limit = 50


class SearchQuery(Query):
    q: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
    chat_id: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None
    author: Annotated[str, Field(max_length=100)] | None = None
    before: Cursor | None = None
    limit: Limit = 20


class FindQuery(Query):
    q: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
    limit: Annotated[int, Field(ge=1, le=20)] = 6
    zone: Annotated[str, Field(max_length=100)] = "UTC"
