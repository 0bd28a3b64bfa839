"""Chats: list, create, show, edit, leave and delete them; direct chats; the notification level."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable

from flask import Blueprint, abort, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from peewee import DatabaseError

from actions import chats, reading
from actions import members as member_actions
from auth import current_user, throttle
from lib.machine import trouble
from models import Membership, NotThere, User, message_page
from views.forms import EditChatForm, LevelForm, MemberForm, MessageForm, NewChatForm, parse_id
from views.message_fields import Json
from views.message_list import MessagePage, is_deleted, participants_of
from views.pages import list_chats, login_required, me, page, query_id

bp = Blueprint("chats", __name__)
logger = logging.getLogger(__name__)

# Members per settings page, and the cursor of the next page.
MEMBERS_PER_PAGE = 100
MEMBER_CURSOR = re.compile(r"[0-2]\.[0-9]{1,18}\.[0-9]{1,18}")


@bp.get("/")
def index() -> ResponseReturnValue:
    """List the reader's chats; show the landing page to visitors."""
    if not current_user.is_authenticated:
        return page("landing.html")
    return page("chats/index.html", listing=list_chats(query_id("before")))


@bp.route("/chats/new", methods=["GET", "POST"])
@login_required
def new() -> ResponseReturnValue:
    form = NewChatForm()
    if form.run_on_submit(lambda: start_chat(form)):
        return redirect(form.result.chat.url)
    if not form.is_submitted():
        form.usernames.data = request.args.get("with", "")
    return page("chats/new.html", form)


def start_chat(form: NewChatForm) -> Membership:
    throttle("chats", str(me().id))
    return chats.start(me(), form.title.data, form.names)


@bp.get("/chats/<int:chat_id>")
@login_required
def show(chat_id: int) -> ResponseReturnValue:
    return render_chat(Membership.of(me(), chat_id), MessageForm(), reply_to=query_id("reply_to"))


@bp.get("/chats/<int:chat_id>/log")
@login_required
def message_rows(chat_id: int) -> ResponseReturnValue:
    """For scripts: messages after `?since=`, or those that the page would show.

    The unread line follows the message `?line=`. Does not move the read position: the script reports what was seen.
    """
    membership = Membership.of(me(), chat_id)
    since = query_id("since")
    message_list = MessagePage.from_query(membership) if since is None else MessagePage.since(membership, since)
    rows = message_list.rows(participants_of(membership)[1], query_id("line"))
    return page("chats/messages.html", membership=membership, message_list=message_list, rows=rows)


@bp.get("/chats/<int:chat_id>/heading")
@login_required
def heading(chat_id: int) -> ResponseReturnValue:
    """For scripts: the title and the names above the messages."""
    membership = Membership.of(me(), chat_id)
    return page("chats/heading.html", membership=membership, people=participants_of(membership)[0])


@bp.post("/chats/<int:chat_id>/read")
@login_required
def read(chat_id: int) -> ResponseReturnValue:
    """Mark as read what a script saw on screen."""
    reading.read(Membership.of(me(), chat_id), parse_id(request.form.get("message_id")) or 0)
    return "", 204


@bp.get("/chats/rows")
@login_required
def rows() -> ResponseReturnValue:
    """For scripts: chat list rows of `?id=…&id=…`, or of all chats; `?open=` is the open one."""
    wanted = [found for found in map(parse_id, request.args.getlist("id")) if found is not None]
    return page("chats/rows.html", listing=list_chats(only=wanted or None), open_id=query_id("open"))


def render_chat(membership: Membership, form: MessageForm, reply_to: int | None) -> ResponseReturnValue:
    """Render a chat: its messages and the composer."""
    message_list = MessagePage.opening(membership)
    people, reader = participants_of(membership)
    # A link to the first unread message names it in `line`, since by now it may be read.
    line = query_id("line")
    if line is None and membership.unread:
        line = membership.last_read_id
    is_alone = "X-Pane" not in request.headers and not request.args.get("around")
    rows = message_list.rows(reader, line, is_alone)
    draft = membership.draft
    if not form.is_submitted():
        form.draft.data = str(membership.draft_version)
        form.text.data = draft.text if draft else ""
        # `reply_to` in the URL takes precedence; 0 means none.
        if draft and reply_to is None:
            reply_to = draft.reply_to_id
    quoted = quotable(membership, message_list, reply_to)
    read_id = membership.last_read_id
    if not message_list.newer and message_list.last_id > read_id and is_seen():
        mark_read(membership, message_list.last_id)
        read_id = message_list.last_id
    # A double click sends the form twice under one key, so one message is created.
    g.key = form.key.data = secrets.token_urlsafe(16)
    shown = {
        "membership": membership,
        "message_list": message_list,
        "rows": rows,
        "people": people,
        "admins": reader.admins,
        "quoted": quoted,
        "read_id": read_id,
        "line": line,
    }
    return page("chats/show.html", form, **shown)


def quotable(membership: Membership, message_list: MessagePage, reply_to: int | None) -> Json | None:
    """Return the message to reply to, or None if it was deleted."""
    if reply_to is None:
        return None
    for message in message_list.messages:
        if message["id"] == reply_to and not is_deleted(message):
            return message
    try:
        return message_page.get(membership, reply_to).to_dict()
    except NotThere:
        return None


def is_seen() -> bool:
    """Tell whether serving this page counts as reading it (docs/decisions/0007).

    Scripts report what was on screen themselves. A prefetch is not a view, and an image or script tag on another
    site must not move the read position.
    """
    if "scripts" in request.cookies or "X-Pane" in request.headers:
        return False
    headers = request.headers
    is_ahead = "prefetch" in headers.get("Sec-Purpose", "")
    is_document = headers.get("Sec-Fetch-Dest", "document") == "document"
    return request.method != "HEAD" and is_document and not is_ahead


def mark_read(membership: Membership, last_id: int) -> None:
    try:
        reading.read(membership, last_id)
    except DatabaseError as error:
        if not trouble(error):
            raise
        # Pages stay readable while nothing can be written (rule 27); the next visit moves the position.
        g.uncacheable = True
        logger.warning("the read position could not be written: %s", error)


@bp.route("/chats/<int:chat_id>/edit", methods=["GET", "POST"])
@login_required
def edit(chat_id: int) -> ResponseReturnValue:
    membership = Membership.of(me(), chat_id)
    form = EditChatForm(**chat_fields(membership))
    is_saved = form.run_on_submit(lambda: chats.describe(membership, form.title.data, form.description.data))
    if is_saved and save_picture(membership, form):
        return redirect(membership.chat.url)
    return render_chat_settings(membership, form)


def chat_fields(membership: Membership) -> dict[str, str]:
    """Initial values of the chat form."""
    return {"title": membership.chat.title, "description": membership.chat.description}


def save_picture(membership: Membership, form: EditChatForm) -> bool:
    """Save or remove the picture as asked. The other changes are saved by then, and the page shows that."""
    if form.picture.data:
        is_saved = form.run_on_submit(lambda: chats.set_picture(membership, form.picture.data.stream))
    else:
        is_saved = not form.no_picture.data or form.run_on_submit(lambda: chats.remove_picture(membership))
    if not is_saved:
        form.notice = form.notice or _("Everything was saved except the picture.")
    return is_saved


def save_chat_settings(
    membership: Membership, form: MemberForm | LevelForm, save: Callable[[], object]
) -> ResponseReturnValue:
    """Save a form of the chat settings page, and show the page again."""
    if form.run_on_submit(save):
        return redirect(url_for("chats.edit", chat_id=membership.chat_id))
    return render_chat_settings(membership, form)


def render_chat_settings(membership: Membership, form: EditChatForm | MemberForm | LevelForm) -> ResponseReturnValue:
    """Render the chat settings page; `form` is the one that was submitted, if any."""
    forms = {
        "chat_form": form if isinstance(form, EditChatForm) else EditChatForm(None, data=chat_fields(membership)),
        "member_form": form if isinstance(form, MemberForm) else MemberForm(None),
        "level_form": form if isinstance(form, LevelForm) else LevelForm(None, level=membership.level),
    }
    successor = member_actions.successor(membership) if membership.is_owner else None
    after = request.args.get("after", "")
    members = membership.members(MEMBERS_PER_PAGE + 1, after if MEMBER_CURSOR.fullmatch(after) else None)
    more = members[MEMBERS_PER_PAGE - 1].place if len(members) > MEMBERS_PER_PAGE else None
    return page(
        "chats/edit.html",
        form,
        membership=membership,
        members=members[:MEMBERS_PER_PAGE],
        more=more,
        successor=successor,
        **forms,
    )


@bp.route("/chats/<int:chat_id>/leave", methods=["GET", "POST"])
@login_required
def leave(chat_id: int) -> ResponseReturnValue:
    membership = Membership.of(me(), chat_id)
    if membership.chat.is_direct:
        abort(403)
    if request.method == "POST":
        member_actions.leave(membership)
        flash(_("You left “%(title)s”.", title=membership.chat.title))
        return redirect("/")
    return page(
        "chats/leave.html",
        membership=membership,
        successor=member_actions.successor(membership) if membership.is_owner else None,
    )


@bp.route("/chats/<int:chat_id>/delete", methods=["GET", "POST"])
@login_required
def delete(chat_id: int) -> ResponseReturnValue:
    membership = Membership.of(me(), chat_id)
    if request.method == "POST":
        chats.delete(membership)
        flash(_("“%(title)s” was deleted.", title=membership.chat.title))
        return redirect("/")
    if not membership.is_owner:
        abort(403)
    return page("chats/delete.html", membership=membership)


@bp.post("/users/<username>/chat")
@login_required
def open_direct(username: str) -> ResponseReturnValue:
    """Open the direct chat with a user; create it if needed."""
    throttle("chats", str(me().id))
    membership, _is_new = chats.direct(me(), User.named(username))
    return redirect(url_for("chats.show", chat_id=membership.chat_id, _anchor="text"))


@bp.post("/chats/<int:chat_id>/level")
@login_required
def set_level(chat_id: int) -> ResponseReturnValue:
    membership, form = Membership.of(me(), chat_id), LevelForm()
    return save_chat_settings(membership, form, lambda: member_actions.set_level(membership, form.level.data))
