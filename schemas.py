"""The shapes that the API takes and gives. What the words in them may be is the models' matter."""

from __future__ import annotations

import json
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

NESTING = 64
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SURROGATE = re.compile(r"[\ud800-\udfff]")
# Nothing is tried twice: a string of nothing but escaped quotes, never closed, would take an hour otherwise.
STRINGS_AND_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{\]}]', re.DOTALL)


class Malformed(ValueError):
    """What came is no JSON that could be looked at."""


def read_json(raw: bytes) -> Any:
    """What a body says. Raises Malformed; the depth is bounded before it is read (rule 16)."""
    try:
        text = raw.decode("utf-8")
        if depth(text) > NESTING:
            raise Malformed(f"JSON nested deeper than {NESTING}.")
        return json.loads(text, parse_constant=refuse_constant)
    except Malformed:
        raise
    except ValueError as error:
        raise Malformed("The body is not JSON in UTF-8.") from error


def depth(text: str) -> int:
    """How deep brackets nest, those within strings left out."""
    if text.count("[") + text.count("{") <= NESTING:
        return 0
    deepest = level = 0
    for found in STRINGS_AND_BRACKETS.findall(text):
        if found in "[{":
            level += 1
            deepest = max(deepest, level)
        elif found in "]}":
            level -= 1
    return deepest


def refuse_constant(name: str) -> None:
    """NaN and Infinity are Python's, not JSON's (RFC 8259, 6)."""
    raise ValueError(name)


def whole(text: str) -> str:
    """Text without half of a pair: no database and no other program would take it (rule 16)."""
    if SURROGATE.search(text):
        raise ValueError("Must be valid Unicode")
    return text


Text = Annotated[StrictStr, AfterValidator(whole)]
Id = Annotated[StrictInt, Field(ge=1, le=2**63 - 1)]
Count = Annotated[int, Field(ge=0)]


class Body(BaseModel):
    """A JSON body: exactly these fields, nothing converted, anything else refused by name."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """What stands behind the question mark; text there becomes the numbers that are asked for."""

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
    """What a change leaves out stays as it is; it does not become empty."""
    for field in schema["properties"].values():
        field.pop("default", None)


class UserChanges(Body):
    model_config = ConfigDict(json_schema_extra=without_defaults)

    name: Text = ""
    about: Text = ""
    username: Text = ""
    language: Literal["", "en", "ru"] = ""
    theme: Literal["", "light", "dark"] = ""
    password: Text = ""
    current_password: Text = ""


class EmailChange(Body):
    email: Text
    current_password: Text


class Farewell(Body):
    current_password: Text


class NewChat(Body):
    title: Text
    members: Annotated[list[Text], Field(max_length=1000)] = []


def something(schema: dict[str, Any]) -> None:
    """A change of nothing is none."""
    without_defaults(schema)
    schema["minProperties"] = 1


class ChatChanges(Body):
    model_config = ConfigDict(json_schema_extra=something)

    title: Text = ""
    description: Text = ""


Role = Literal["owner", "admin", "member"]
Level = Literal["everything", "mentions", "nothing"]


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


class DraftChanges(Body):
    text: Text = ""
    reply_to: Id | None = None
    # When it was typed, where that is a while ago.
    written_at: Annotated[AwareDatetime, Field(strict=False)] | None = None

    @field_validator("written_at", mode="before")
    @classmethod
    def a_time_is_text(cls, written_at: Any) -> Any:
        if written_at is not None and not isinstance(written_at, str):
            raise ValueError("Must be a time: ISO 8601 with Z")
        return written_at

    @property
    def written_micros(self) -> int | None:
        """Microseconds since 1970."""
        return None if self.written_at is None else max(0, (self.written_at - EPOCH) // timedelta(microseconds=1))


class Form(BaseModel):
    """The fields of a multipart body, where everything is text; none of its own beside the file."""

    model_config = ConfigDict(extra="forbid")


class NewMessageForm(Form):
    """A message that comes with files."""

    chat_id: Annotated[int, Field(ge=1, le=2**63 - 1)]
    text: str = ""
    reply_to: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None


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


# Answers


class User(BaseModel):
    id: Count
    username: str
    name: str
    about: str
    avatar_url: str | None
    created_at: datetime


class Login(BaseModel):
    id: Count
    kind: Literal["browser", "token"]
    device: str
    address: str
    created_at: datetime
    seen_at: datetime
    current: bool


class Email(BaseModel):
    email: str | None
    waiting: str | None


class ResetLink(BaseModel):
    url: str
    expires_at: datetime


class File(BaseModel):
    id: Count
    name: str
    size: Count
    type: str
    url: str
    thumbnail_url: str | None
    width: Count | None
    height: Count | None


class ChatFile(File):
    message_id: Count
    created_at: datetime


class Quotation(BaseModel):
    id: Count
    author: User | None
    text: str


class Tally(BaseModel):
    """One emoji under a message; `users` are the ids of the first who gave it."""

    emoji: str
    count: Count
    users: list[Count]


class Source(BaseModel):
    """Who said first what was forwarded, and when."""

    author: User | None
    created_at: datetime


class Mentioned(BaseModel):
    id: Count
    username: str


class Message(BaseModel):
    id: Count
    chat_id: Count
    author: User | None
    text: str
    html: str
    files: list[File]
    reactions: list[Tally]
    reply_to: Quotation | None
    forwarded_from: Source | None
    mentions: list[Mentioned]
    created_at: datetime
    edited_at: datetime | None


class Hit(Message):
    snippet: str


class Revision(BaseModel):
    """A former text of a message; `created_at` is when it was written."""

    id: Count
    text: str
    html: str
    created_at: datetime


class Reaction(BaseModel):
    emoji: str
    user: User
    created_at: datetime


class FoundMessage(Hit):
    chat_title: str
    url: str


class FoundChat(BaseModel):
    id: Count
    title: str
    url: str


class FoundUser(User):
    url: str


class Member(BaseModel):
    user: User
    role: Role
    joined_at: datetime


class Draft(BaseModel):
    text: str
    reply_to: Count | None
    written_at: datetime | None


class Chat(BaseModel):
    id: Count
    title: str
    kind: Literal["group", "direct"]
    description: str
    picture_url: str | None
    level: Level
    created_at: datetime
    role: Role
    members: list[Member]
    unread: Count
    unread_mentions: Count
    last_message: Message | None
    last_read_id: Count | None
    draft: Draft | None


class Membership(BaseModel):
    chat_id: Count
    user_id: Count
    level: Level


class Users(BaseModel):
    items: list[User]
    next: str | None


class Logins(BaseModel):
    items: list[Login]
    next: str | None


class Chats(BaseModel):
    items: list[Chat]
    next: str | None


class Members(BaseModel):
    items: list[Member]
    next: str | None


class Messages(BaseModel):
    items: list[Message]
    next: str | None


class Revisions(BaseModel):
    items: list[Revision]
    next: str | None


class Reactions(BaseModel):
    items: list[Reaction]
    next: str | None


class ChatFiles(BaseModel):
    items: list[ChatFile]
    next: str | None


class Hits(BaseModel):
    model_config = ConfigDict(json_schema_extra=without_defaults)

    items: list[Hit]
    next: str | None
    hints: list[str] = []


class Finds(BaseModel):
    chats: list[FoundChat]
    people: list[FoundUser]
    messages: list[FoundMessage]
    hints: list[str]


class Token(BaseModel):
    token: str
    expires_at: datetime
    user: User


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    errors: dict[str, list[str]] | None = None


SENTENCES = {
    "missing": "This field is required.",
    "extra_forbidden": "There is no such field.",
    "string_type": "Must be a string.",
    "string_unicode": "Must be valid Unicode.",
    "int_type": "Must be a whole number.",
    "int_parsing": "Must be a whole number.",
    "int_parsing_size": "Must be a whole number of 64 bits.",
    "int_from_float": "Must be a whole number.",
    "list_type": "Must be a list.",
}


def complaints(errors: list[Any]) -> dict[str, list[str]]:
    """pydantic's errors as a map of field to sentences; a list's items are told at the list."""
    told: dict[str, list[str]] = {}
    for error in errors:
        field = str(error["loc"][0]) if error["loc"] else "body"
        sentence = SENTENCES.get(error["type"]) or error["msg"].removeprefix("Value error, ").rstrip(".") + "."
        if sentence not in told.setdefault(field, []):
            told[field].append(sentence)
    return told
