"""Conversations that need a person although they have no case: list, answer, close; called through `desk.app`."""

import uuid

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases import attention, queries
from cases.officers import may_act
from core.db import reading, transaction
from desk.context import clean, now, officer, require, services, text_problem
from desk.media import attachments_of

blueprint = Blueprint("attention", __name__)


@blueprint.get("/attention")
def show_list() -> ResponseReturnValue:
    require(attention.may_see)
    with reading(services().database) as session:
        return render_template("attention.html", waiting=attention.waiting(session))


@blueprint.get("/attention/<int:conversation_id>")
def show_conversation(conversation_id: int) -> ResponseReturnValue:
    require(attention.may_see)
    return _page(conversation_id)


@blueprint.post("/attention/<int:conversation_id>/reply")
def reply(conversation_id: int) -> ResponseReturnValue:
    require(attention.may_see)
    require(may_act)
    text, token = clean(request.form.get("text", "")), clean(request.form.get("token", ""))[:36]
    problem = text_problem(text)
    if problem:
        return _page(conversation_id, text, problem), 422
    with transaction(services().database) as session:
        found = attention.conversation_for(session, officer(), conversation_id, lock=True)
        attention.answer(session, services().rulebook, found, text, token, now())
    flash("", "replied")
    return redirect(url_for("attention.show_conversation", conversation_id=conversation_id))


@blueprint.post("/attention/<int:conversation_id>/close")
def close(conversation_id: int) -> ResponseReturnValue:
    require(attention.may_see)
    require(may_act)
    with transaction(services().database) as session:
        found = attention.conversation_for(session, officer(), conversation_id, lock=True)
        closed = attention.close(found, request.form.get("seen", ""))
    if not closed:
        flash("", "attention_changed")
        return redirect(url_for("attention.show_conversation", conversation_id=conversation_id))
    flash("", "attention_closed")
    return redirect(url_for("attention.show_list"))


def _page(conversation_id: int, text: str = "", problem: str = "") -> str:
    with reading(services().database) as session:
        found = attention.conversation_for(session, officer(), conversation_id)
        return render_template(
            "conversation.html",
            conversation=found,
            messages=queries.without_phones(queries.messages_of(session, found.id, services().vault)),
            attachments=attachments_of(session, found.id),
            seen=attention.state_of(found),
            token=uuid.uuid4().hex,
            may_act=may_act(officer()),
            text=text,
            problem=problem,
        )
