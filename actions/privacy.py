"""What citizens may do about their own data, in the chat: see, correct, erase, allow and no longer allow.

Called by detours for the intent privacy_request, and by filing for the one question after a case is filed. Buttons
carry the wish as `/privacy_request{"wish": ...}`.
"""

import json
from collections.abc import Sequence
from datetime import datetime

from rasa_sdk.executor import CollectingDispatcher

from actions.context import Context
from actions.privacy_words import CORRECT, DELETE, ERASE, KEEP, VIEW, WITHDRAW, wish_in
from actions.said import Said
from cases import consents, data_requests, personal
from cases.attention import call_attention
from cases.codes import fold
from cases.consents import Purpose
from cases.data_requests import About, DataRequest, Kind
from cases.deadlines import LOCAL, format_deadline
from core.db import reading, transaction
from core.model import Conversation
from core.vault import Vault

MOST_CODES = 10
CHOICES = (VIEW, CORRECT, DELETE, WITHDRAW)
QUESTIONS = {
    Purpose.CONTACT: "utter_consent_contact",
    Purpose.TRAINING: "utter_consent_training",
    Purpose.NEWS: "utter_consent_news",
}


def answer_privacy(dispatcher: CollectingDispatcher, context: Context, said: Said) -> None:
    """The wish of a button or of the words; where neither is clear, the choices."""
    wish = said.entities.get("wish") or (wish_in(fold(said.text)) if said.text else None) or ""
    name, _, rest = wish.partition(":")
    if name == "consent":
        _keep_answer(dispatcher, context, said, rest)
        return
    if name == CORRECT and rest:
        _ask_correction(dispatcher, context, said, rest)
        return
    answers = {VIEW: _show, CORRECT: _ask_part, DELETE: _ask_whether, ERASE: _erase, KEEP: _keep, WITHDRAW: _withdraw}
    answers.get(wish, _offer)(dispatcher, context, said)


def ask_consent(dispatcher: CollectingDispatcher, context: Context, said: Said) -> None:
    """After a case is filed at most one short question, each purpose once in a life; nothing waits for the answer."""
    with transaction(context.database) as session:
        purpose = consents.next_question(session, said.conversation_id, said.turn_id, context.clock())
    if purpose is not None:
        chat = context.rulebook.words.chat
        answers = (("button_agree", "yes"), ("button_refuse", "no"))
        buttons = [_button(chat[title], f"consent:{purpose}:{answer}") for title, answer in answers]
        dispatcher.utter_message(response=QUESTIONS[purpose], buttons=buttons)


def _button(title: str, wish: str) -> dict[str, str]:
    return {"title": title, "payload": f"/privacy_request{json.dumps({'wish': wish})}"}


def _offer(dispatcher: CollectingDispatcher, context: Context, _said: Said) -> None:
    words = context.rulebook.words
    buttons = [_button(words.wishes[wish], wish) for wish in CHOICES]
    buttons.append({"title": words.chat["button_officer"], "payload": "/ask_human"})
    dispatcher.utter_message(
        response="utter_privacy_request", link=f"{context.config.public_url}/privacy", buttons=buttons
    )


def _show(dispatcher: CollectingDispatcher, context: Context, said: Said) -> None:
    vault, now, chat = Vault(context.config.data_keys), context.clock(), context.rulebook.words.chat
    with reading(context.database) as session:
        held = personal.held(session, said.conversation_id)
    codes = ", ".join(held.codes[:MOST_CODES])
    if len(held.codes) > MOST_CODES:
        codes = chat["more_cases"].format(cases=codes, count=len(held.codes) - MOST_CODES)
    token = personal.link_token(vault, said.conversation_id, now)
    dispatcher.utter_message(
        response="utter_data_held",
        cases=codes or chat["none_yet"],
        phone=chat["phone_kept" if held.phone else "phone_none"],
        messages=str(held.messages),
        files=str(held.files),
        consents=_named(context, held.allowed) or chat["none_yet"],
        buttons=[{"title": chat["button_whole_file"], "payload": f"{context.config.public_url}/my-data/{token}"}],
    )


def _ask_part(dispatcher: CollectingDispatcher, context: Context, said: Said) -> None:
    """What is to be corrected; a number only where there is one."""
    with reading(context.database) as session:
        has_phone = session.get_one(Conversation, said.conversation_id).phone is not None
    parts = [about for about in About if has_phone or about is not About.PHONE]
    buttons = [_button(context.rulebook.words.chat[f"button_{about}"], f"{CORRECT}:{about}") for about in parts]
    dispatcher.utter_message(response="utter_data_correct", buttons=buttons)


def _ask_correction(dispatcher: CollectingDispatcher, context: Context, said: Said, about: str) -> None:
    with transaction(context.database) as session:
        calendar, now = context.in_force.at(session).calendar, context.clock()
        request = data_requests.ask(
            session, calendar, said.conversation_id, Kind.CORRECT, About(about), said.turn_id, now
        )
        call_attention(session, said.conversation_id, "privacy_request", now)
    dispatcher.utter_message(response="utter_data_correct_noted", **_clock(request))


def _ask_whether(dispatcher: CollectingDispatcher, context: Context, _said: Said) -> None:
    chat = context.rulebook.words.chat
    buttons = [_button(chat["button_erase"], ERASE), _button(chat["button_keep_data"], KEEP)]
    dispatcher.utter_message(response="utter_data_delete", buttons=buttons)


def _keep(dispatcher: CollectingDispatcher, _context: Context, _said: Said) -> None:
    dispatcher.utter_message(response="utter_data_kept")


def _erase(dispatcher: CollectingDispatcher, context: Context, said: Said) -> None:
    """At once what nothing else needs; what belongs to cases becomes a request that a person decides."""
    with transaction(context.database) as session:
        now = context.clock()
        request = None
        if personal.erase(session, said.conversation_id, now):
            calendar = context.in_force.at(session).calendar
            request = data_requests.ask(
                session, calendar, said.conversation_id, Kind.DELETE, About.CASES, said.turn_id, now
            )
            call_attention(session, said.conversation_id, "privacy_request", now)
    dispatcher.utter_message(response="utter_data_deleted")
    if request is not None:
        dispatcher.utter_message(response="utter_data_delete_noted", **_clock(request))


def _withdraw(dispatcher: CollectingDispatcher, context: Context, said: Said) -> None:
    with transaction(context.database) as session:
        ended = consents.withdraw(session, said.conversation_id, said.turn_id, context.clock())
    if not ended:
        dispatcher.utter_message(response="utter_consent_none")
        return
    dispatcher.utter_message(response="utter_consent_withdrawn", consents=_named(context, ended))


def _named(context: Context, purposes: Sequence[str]) -> str:
    return "; ".join(context.rulebook.words.purposes[purpose] for purpose in purposes)


def _keep_answer(dispatcher: CollectingDispatcher, context: Context, said: Said, answer: str) -> None:
    purpose, _, word = answer.partition(":")
    given = word == "yes"
    with transaction(context.database) as session:
        consents.answer(session, said.conversation_id, Purpose(purpose), said.turn_id, context.clock(), given=given)
    dispatcher.utter_message(response="utter_consent_given" if given else "utter_consent_refused")


def _clock(request: DataRequest) -> dict[str, str]:
    return {"answer_by": format_deadline(request.answer_by), "due": _day(request.due_at)}


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(LOCAL):%d/%m/%Y}"
