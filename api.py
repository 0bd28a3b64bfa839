"""The REST door: JSON in and out, a Bearer token, problem+json for everything that fails."""

from __future__ import annotations

import errno
import json
import logging
import re
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlencode

from flask import Blueprint, Response, g, render_template, request, url_for
from peewee import DatabaseError, IntegrityError, ProgrammingError
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import BadRequest, HTTPException, UnsupportedMediaType

import jobs
import models
import openapi
import schemas
from auth import authenticate, issue_token, throttle, token_required
from models import Busy, Chat, Invalid, Membership, Message, Refused, Taken, TooMany, User
from storage import Upload

log = logging.getLogger(__name__)
api = Blueprint("api", __name__, url_prefix="/api")

JSON_MAX = 2**20
CHALLENGE = {"WWW-Authenticate": "Bearer"}
api.add_app_template_filter(openapi.shape)
KEY = re.compile(r"[\x21-\x7e]{1,255}")

P = ParamSpec("P")
R = TypeVar("R")


def speaks(
    answer: openapi.Answer,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    form: type[BaseModel] | None = None,
    files: str | None = None,
    keyed: bool = False,
    also: tuple[openapi.Answer, ...] = (),
    errors: tuple[int, ...] = (),
    open_to_all: bool = False,
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Say what a route takes and gives: it is checked here, and the document is made from it.

    `body` is a JSON body, `form` what takes its place in a multipart one, `files` the name of its file field; the
    handler gets them as `body` and `query`. `keyed` routes take an Idempotency-Key.
    """

    def declare(handler: Callable[..., R]) -> Callable[..., R]:
        @wraps(handler)
        def wrapped(**values: Any) -> R:
            if query is not None:
                values["query"] = checked(query, request.args.to_dict())
            if body is not None or form is not None:
                values["body"] = received(body, form, files)
            return handler(**values)

        operation = openapi.Operation(answer, body, query, form, files, keyed, also, errors, open_to_all)
        guarded = wrapped if open_to_all else token_required(wrapped)
        openapi.describe(guarded, operation)
        return guarded

    return declare


# What comes in


def received(body: type[BaseModel] | None, form: type[BaseModel] | None, files: str | None) -> BaseModel:
    """The body in the shape that its content type calls for."""
    if form is not None and request.mimetype == "multipart/form-data":
        return checked_form(form, files)
    if body is None:
        raise UnsupportedMediaType("The body must be multipart/form-data.")
    if request.mimetype != "application/json" or request.mimetype_params.get("charset", "utf-8").lower() != "utf-8":
        raise UnsupportedMediaType("The body must be application/json in UTF-8.")
    # Told to the stream, since a chunked body gives no length beforehand; where files go the bound is wider.
    request.max_content_length = JSON_MAX
    raw = request.get_data(cache=False)
    # Such a body is cut at the bound in silence; only who reads on is told that there was more.
    request.stream.read(1)
    try:
        return checked(body, schemas.read_json(raw))
    except schemas.Malformed as error:
        raise BadRequest(str(error)) from error


def checked(shape: type[BaseModel], values: Any) -> BaseModel:
    """The values in their shape. Raises Invalid, each field named."""
    if not isinstance(values, dict):
        raise Problem(422, "The body must be an object.", {"body": ["Must be an object."]})
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        raise Problem(422, "Some fields are wrong.", schemas.complaints(error.errors(include_url=False))) from error


def checked_form(shape: type[BaseModel], files: str | None) -> BaseModel:
    if not request.form and not request.files:
        # Werkzeug's parser gives nothing for a body that is cut short or has no boundary.
        raise BadRequest("The body is not multipart/form-data, or is cut short.")
    unknown = set(request.files) - {files}
    if unknown:
        raise Problem(422, "Some fields are wrong.", {name: ["There is no such field."] for name in unknown})
    return checked(shape, request.form.to_dict())


def uploads(field: str) -> list[Upload]:
    """The files of a multipart body, on disk already. A file field left empty comes without name and bytes."""
    sent = [(file.filename, file.stream) for file in request.files.getlist(field)]
    return [stream for name, stream in sent if isinstance(stream, Upload) and (name or stream.size)]


def idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not KEY.fullmatch(key):
        raise Problem(422, "Some fields are wrong.", {"Idempotency-Key": ["1 to 255 visible ASCII characters."]})
    return key


# What goes out


def listing(items: list[Any], limit: int, cursor: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A page of a list, made from one item more than it shows."""
    if len(items) <= limit:
        return {"items": items, "next": None}
    kept = {**request.args.to_dict(), **cursor()}
    return {"items": items[:limit], "next": f"{request.path}?{urlencode(kept)}"}


class Problem(Exception):
    """An answer that is an error already."""

    def __init__(self, status: int, detail: str, errors: dict[str, list[str]] | None = None) -> None:
        self.status, self.detail, self.errors = status, detail, errors
        super().__init__(detail)


def problem(
    status: int, detail: str, errors: dict[str, list[str]] | None = None, headers: dict[str, str] | None = None
) -> Response:
    """An answer of application/problem+json (RFC 9457)."""
    title = HTTPStatus(status).phrase
    told: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if errors:
        told["errors"] = errors
    return Response(json.dumps(told, ensure_ascii=False), status, headers, content_type="application/problem+json")


def answer_error(error: Exception) -> Response:
    """Every error as a problem; a fault of ours is logged and tells nothing of itself."""
    match error:
        case Problem():
            return problem(error.status, error.detail, error.errors, CHALLENGE if error.status == 401 else None)
        case Refused():
            return refused(error)
        case jobs.Full():
            return refused(Busy())
        case HTTPException():
            return standard(error)
        case DatabaseError() if not isinstance(error, IntegrityError | ProgrammingError):
            return unwritten(error, "full" in str(error))
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            return unwritten(error, error.errno != errno.EROFS)
    log.error("%s %s", g.get("request_id"), type(error).__name__, exc_info=error)
    return problem(500, "The fault is ours.")


def refused(error: Refused) -> Response:
    """What a verb of the models said no to."""
    match error:
        case Invalid():
            status, detail = (409, "Taken already.") if isinstance(error, Taken) else (422, "Some fields are wrong.")
            errors = {field: [str(said) for said in sentences] for field, sentences in error.errors.items()}
            return problem(status, detail, errors)
        case models.Forbidden():
            return problem(403, str(error.reason))
        case models.TooLarge():
            return problem(413, str(error.reason), {error.field: [str(error.reason)]})
        case TooMany() | Busy():
            status = 429 if isinstance(error, TooMany) else 503
            return problem(status, "Please try again later.", headers={"Retry-After": str(error.retry_after)})
        case models.Gone():
            return problem(410, "The message that this key sent was deleted.")
    return problem(404, "There is nothing here, or nothing for you.")


def unwritten(error: Exception, is_full: bool) -> Response:
    """The database or the disk did not do it: nothing was saved, and nothing acknowledged."""
    log.warning("%s the database: %s", g.get("request_id"), error)
    return problem(507 if is_full else 503, "This can't be saved just now.", headers={"Retry-After": "5"})


def standard(error: HTTPException) -> Response:
    """An error of the protocol's own, with the headers that belong to it."""
    status = error.code or 500
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    if status == 401:
        # Another scheme is as good as no token (RFC 6750, 3.1).
        sent = request.headers.get("Authorization", "").lower().startswith("bearer ")
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if sent else "Bearer"
    detail = "There is nothing here, or nothing for you." if status == 404 else error.description
    return problem(status, detail or HTTPStatus(status).phrase, headers=headers)


# People

A = openapi.Answer
NOTHING = ("", 204)


@api.post("/users")
@speaks(A(201, schemas.User, located=True), body=schemas.NewUser, errors=(409, 429), open_to_all=True)
def create_user(body: schemas.NewUser) -> Any:
    """Open an account."""
    throttle("register")
    user = User.register(body.username, body.password, body.name, body.about)
    return user.to_dict(), 201, {"Location": url_for("api.show_user", user_id=user.id)}


@api.post("/users/login")
@speaks(A(200, schemas.Token), body=schemas.Credentials, errors=(401, 429), open_to_all=True)
def login(body: schemas.Credentials) -> Any:
    """Get a token for a name and password."""
    user = authenticate(body.username, body.password)
    if user is None:
        raise Problem(401, "Wrong username or password.")
    token, expires_at = issue_token(user)
    return {"token": token, "expires_at": models.iso(expires_at), "user": user.to_dict()}


@api.post("/users/logout")
@speaks(A(204))
def logout() -> Any:
    """End this token."""
    g.login.close()
    return NOTHING


@api.get("/users")
@speaks(A(200, schemas.Users), query=schemas.UsersQuery)
def list_users(query: schemas.UsersQuery) -> Any:
    """People whose username or name starts with `q`, by username."""
    found = User.starting_with(query.q, query.limit + 1, query.after)
    people = [user.to_dict() for user in found]
    return listing(people, query.limit, lambda: {"after": people[query.limit - 1]["username"]})


@api.get("/users/me")
@speaks(A(200, schemas.User))
def show_me() -> Any:
    """One's own account."""
    return g.user.to_dict()


@api.get("/users/<int:user_id>")
@speaks(A(200, schemas.User), errors=(404,))
def show_user(user_id: int) -> Any:
    """Somebody's account."""
    return User.find(user_id).to_dict()


@api.patch("/users/me")
@speaks(A(200, schemas.User), body=schemas.UserChanges, errors=(409, 429))
def change_me(body: schemas.UserChanges) -> Any:
    """Change one's own account, all or nothing; a new password ends every other login and token."""
    return changed(body)


def changed(body: schemas.UserChanges) -> dict[str, Any]:
    fields = body.model_dump(exclude_unset=True)
    new, current = fields.pop("password", None), fields.pop("current_password", None)
    if new is not None and current is None:
        raise Problem(422, "Some fields are wrong.", {"current_password": ["This field is required."]})
    if current is not None:
        throttle("password", str(g.user.id))
    user: User = g.user.change(new, current, g.login, **fields)
    told: dict[str, Any] = user.to_dict()
    return told


@api.patch("/users/<int:user_id>")
@speaks(A(200, schemas.User), body=schemas.UserChanges, errors=(403, 404, 409, 429))
def change_user(user_id: int, body: schemas.UserChanges) -> Any:
    """The same by one's own id."""
    if User.find(user_id).id != g.user.id:
        raise Problem(403, "This is somebody else's account.")
    return changed(body)


@api.put("/users/me/avatar")
@speaks(A(200, schemas.User), form=schemas.Form, files="file")
def put_avatar(body: schemas.Form) -> Any:
    """Set one's own picture."""
    sent = uploads("file")
    if len(sent) != 1:
        raise Problem(422, "Some fields are wrong.", {"file": ["One picture is needed."]})
    g.user.set_avatar(sent[0])
    return g.user.to_dict()


@api.delete("/users/me/avatar")
@speaks(A(204))
def drop_avatar() -> Any:
    """Show initials again."""
    g.user.drop_avatar()
    return NOTHING


@api.delete("/users/me")
@speaks(A(204), body=schemas.Farewell, errors=(429,))
def delete_me(body: schemas.Farewell) -> Any:
    """Delete one's own account; its messages stay, under nobody's name."""
    throttle("password", str(g.user.id))
    g.user.close_account(body.current_password)
    return NOTHING


# Chats


@api.get("/chats")
@speaks(A(200, schemas.Chats), query=schemas.ChatsQuery)
def list_chats(query: schemas.ChatsQuery) -> Any:
    """One's chats, newest activity first."""
    mine = Chat.list_of(g.user, query.limit + 1, query.before)
    shown = models.chat_dicts(mine[: query.limit])
    more = mine[query.limit :]
    return listing([*shown, *more], query.limit, lambda: {"before": mine[query.limit - 1].chat.activity})


@api.post("/chats")
@speaks(A(201, schemas.Chat, located=True), body=schemas.NewChat, errors=(429,))
def create_chat(body: schemas.NewChat) -> Any:
    """Open a chat; unknown usernames are all named and nothing is created."""
    throttle("chats", str(g.user.id))
    mine = Chat.start(g.user, body.title, body.members)
    return mine.to_chat_dict(), 201, {"Location": url_for("api.show_chat", chat_id=mine.chat_id)}


@api.get("/chats/<int:chat_id>")
@speaks(A(200, schemas.Chat), errors=(404,))
def show_chat(chat_id: int) -> Any:
    """A chat with its members."""
    return Membership.of(g.user, chat_id).to_chat_dict()


@api.patch("/chats/<int:chat_id>")
@speaks(A(200, schemas.Chat), body=schemas.ChatChanges, errors=(403, 404))
def rename_chat(chat_id: int, body: schemas.ChatChanges) -> Any:
    """Rename a chat."""
    mine = Membership.of(g.user, chat_id)
    mine.rename(body.title)
    return mine.to_chat_dict()


@api.delete("/chats/<int:chat_id>")
@speaks(A(204), errors=(403, 404))
def delete_chat(chat_id: int) -> Any:
    """Delete a chat with everything in it."""
    Membership.of(g.user, chat_id).delete_chat()
    return NOTHING


@api.get("/chats/<int:chat_id>/members")
@speaks(A(200, schemas.Members), errors=(404,))
def list_members(chat_id: int) -> Any:
    """Everybody in a chat: owner, admins, members."""
    return {"items": [member.to_dict() for member in Membership.of(g.user, chat_id).members()], "next": None}


@api.post("/chats/<int:chat_id>/members")
@speaks(A(201, schemas.Member), body=schemas.NewMember, errors=(403, 404, 409))
def add_member(chat_id: int, body: schemas.NewMember) -> Any:
    """Bring somebody in."""
    member = Membership.of(g.user, chat_id).add(body.username, body.role)
    return member.to_dict(), 201


@api.patch("/chats/<int:chat_id>/members/<int:user_id>")
@speaks(A(200, schemas.Member), body=schemas.MemberChanges, errors=(403, 404))
def change_member(chat_id: int, user_id: int, body: schemas.MemberChanges) -> Any:
    """Give a role; `owner` hands the chat over."""
    return Membership.of(g.user, chat_id).set_role(user_id, body.role).to_dict()


@api.delete("/chats/<int:chat_id>/members/<int:user_id>")
@speaks(A(204), errors=(403, 404))
def remove_member(chat_id: int, user_id: int) -> Any:
    """Take somebody out; one's own id: leave."""
    Membership.of(g.user, chat_id).remove(user_id)
    return NOTHING


@api.post("/chats/<int:chat_id>/read")
@speaks(A(204), body=schemas.ReadUpTo, errors=(404,))
def read(chat_id: int, body: schemas.ReadUpTo) -> Any:
    """Read up to a message; never goes back."""
    Membership.of(g.user, chat_id).read(body.message_id)
    return NOTHING


# Messages


@api.get("/messages")
@speaks(A(200, schemas.Messages), query=schemas.MessagesQuery, errors=(404,))
def list_messages(query: schemas.MessagesQuery) -> Any:
    """Messages of a chat, ascending: the newest, those before one, or those after one."""
    mine, more = Membership.of(g.user, query.chat_id), query.limit + 1
    if query.after is not None:
        found = mine.after(query.after, more, deleted=False)
        page = [message.to_dict() for message in found]
        return listing(page, query.limit, lambda: {"after": page[query.limit - 1]["id"]})
    found = mine.newest(more, deleted=False) if query.before is None else mine.before(query.before, more, deleted=False)
    page = [message.to_dict() for message in reversed(found)]
    answer = listing(page, query.limit, lambda: {"before": page[query.limit - 1]["id"]})
    answer["items"].reverse()
    return answer


@api.post("/messages")
@speaks(
    A(201, schemas.Message, located=True),
    body=schemas.NewMessage,
    form=schemas.NewMessageForm,
    files="files",
    keyed=True,
    also=(A(200, schemas.Message, located=True),),
    errors=(404, 410, 429),
)
def create_message(body: schemas.NewMessage | schemas.NewMessageForm) -> Any:
    """Write a message. With an `Idempotency-Key` it is sent once, however often it is repeated."""
    mine = Membership.of(g.user, body.chat_id)
    message = mine.post(body.text, uploads("files"), body.reply_to, idempotency_key())
    where = {"Location": url_for("api.show_message", message_id=message.id)}
    return message.to_dict(), 200 if message.repeated else 201, where


@api.get("/messages/<int:message_id>")
@speaks(A(200, schemas.Message), errors=(404,))
def show_message(message_id: int) -> Any:
    """A message."""
    return Message.visible_to(g.user, message_id)[1].to_dict()


@api.patch("/messages/<int:message_id>")
@speaks(A(200, schemas.Message), body=schemas.MessageChanges, errors=(403, 404))
def edit_message(message_id: int, body: schemas.MessageChanges) -> Any:
    """Say one's own message otherwise."""
    mine, message = Message.visible_to(g.user, message_id)
    return mine.edit(message.id, body.text).to_dict()


@api.delete("/messages/<int:message_id>")
@speaks(A(204), errors=(403, 404))
def delete_message(message_id: int) -> Any:
    """Take a message away with its files."""
    mine, message = Message.visible_to(g.user, message_id)
    mine.delete_message(message.id)
    return NOTHING


@api.get("/search")
@speaks(A(200, schemas.Hits), query=schemas.SearchQuery, errors=(404,))
def search(query: schemas.SearchQuery) -> Any:
    """Messages with all the words of `q`, newest first."""
    if query.chat_id is not None:
        Membership.of(g.user, query.chat_id)
    asked = query.model_dump()
    found = Message.search(g.user, **{**asked, "limit": query.limit + 1})
    hits = [{**message.to_dict(), "snippet": message.snippet} for message in found]
    return listing(hits, query.limit, lambda: {"before": hits[query.limit - 1]["id"]})


# The document


@api.get("/openapi.json")
def document() -> Any:
    """The API described, in OpenAPI 3.1."""
    return openapi.document()


@api.get("/docs")
def docs() -> str:
    """A page to read it."""
    return render_template("api/docs.html", document=openapi.document())
