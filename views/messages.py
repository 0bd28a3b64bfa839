"""Messages: write, edit, delete."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from auth import throttle
from forms import EditForm, PostForm, number
from models import Gone, Invalid, Membership, Message, NotThere, Revision, limits
from views.chats import room
from views.pages import asked, me, page, signed_in

bp = Blueprint("messages", __name__, url_prefix="/chats/<int:chat_id>")

REVISIONS = 20


@bp.post("")
@signed_in
def create(chat_id: int) -> ResponseReturnValue:
    mine, form = Membership.of(me(), chat_id), PostForm()
    if form.done(lambda: post(mine, form)):
        return redirect(mine.chat.url)
    if form.uploads:
        form.notice = " ".join([form.notice, _("Please attach the files again.")]).strip()
    return room(mine, form, form.reply_id)


def post(mine: Membership, form: PostForm) -> Message | None:
    """Send it, once by its key."""
    said = (form.text.data or "", form.uploads, form.reply_id)
    try:
        return mine.post(*said, key=form.sent_key)
    except Invalid as refused:
        if "Idempotency-Key" not in refused.errors:
            raise
        # Somebody went back to a page that has sent already, and wrote another message there.
        return mine.post(*said)
    except Gone:
        form.status = 422
        form.notice = _("This was sent before, and deleted since. To send it again, press Send once more.")
        return None


@bp.route("/messages/<int:message_id>/edit", methods=["GET", "POST"])
@signed_in
def edit(chat_id: int, message_id: int) -> ResponseReturnValue:
    mine = Membership.of(me(), chat_id)
    message = mine.message(message_id)
    if message.author_id != mine.user_id or message.is_forwarded:
        abort(403)
    form = EditForm(text=message.text)
    if form.done(lambda: edited(mine, message_id, form)):
        return redirect(message.url)
    return page("messages/edit.html", form, mine=mine, message=message)


def edited(mine: Membership, message_id: int, form: EditForm) -> Message:
    throttle("edits", str(mine.user_id))
    return mine.edit(message_id, form.text.data or "")


@bp.route("/messages/<int:message_id>/delete", methods=["GET", "POST"])
@signed_in
def delete(chat_id: int, message_id: int) -> ResponseReturnValue:
    mine = Membership.of(me(), chat_id)
    message = mine.message(message_id)
    if request.method == "POST":
        mine.delete_message(message_id)
        if limits.undo_seconds:
            # Where it stood: the next page that is opened may be another chat's.
            flash(f"{mine.chat.url}/messages/{message_id}", "undo")
        return redirect(message.url)
    if not mine.may_delete(message):
        abort(403)
    return page("messages/delete.html", mine=mine, message=message)


@bp.get("/messages/<int:message_id>/history")
@signed_in
def history(chat_id: int, message_id: int) -> ResponseReturnValue:
    """What an edited message says, and what it said before, newest first."""
    mine = Membership.of(me(), chat_id)
    message = mine.message(message_id)
    former = Revision.of(message, REVISIONS + 1, asked("before"))
    older = former[REVISIONS - 1].id if len(former) > REVISIONS else None
    return page("messages/history.html", mine=mine, message=message, former=former[:REVISIONS], older=older)


@bp.post("/unread")
@signed_in
def mark_unread(chat_id: int) -> ResponseReturnValue:
    """Unread again from a message on; the chat is left, since to look at it is to read it."""
    mine = Membership.of(me(), chat_id)
    try:
        mine.mark_unread(number(request.form.get("message_id")) or 0)
    except Invalid:
        abort(404)
    return redirect("/")


@bp.post("/messages/<int:message_id>/restore")
@signed_in
def restore(chat_id: int, message_id: int) -> ResponseReturnValue:
    """Undo a deletion: the button stands on the page that follows it."""
    mine = Membership.of(me(), chat_id)
    try:
        return redirect(mine.restore_message(message_id).url)
    except NotThere:
        flash(_("It is too late: the message can't be put back any more."))
        return redirect(mine.chat.url)
