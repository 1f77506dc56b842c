"""Answers that change nothing: questions about procedures, the lawful way of petitions, help."""

from collections.abc import Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.context import Context
from actions.draft import Draft, from_slots
from actions.reader import SURE_LAW
from actions.said import Said, read_said
from cases.deadlines import LOCAL
from cases.faq import format_answer
from cases.letters import load_letters

_ASK = {"denounce": "utter_ask_denounce", "complain_decision": "utter_ask_complain_decision"}
FORM = "report_form"
AMBIGUOUS = 0.15  # two topics this close to each other: the citizen says which


def answer_faq(dispatcher: CollectingDispatcher, context: Context, intent: str) -> bool:
    """Say the catalogue's answer for `faq_<topic>` as valid today; returns whether a report often follows."""
    today = context.clock().astimezone(LOCAL).date()
    faq = context.faq()
    answer = faq.answer(intent.removeprefix("faq_"), today)
    dispatcher.utter_message(text=format_answer(faq, answer))
    return answer.follow_up is not None


def kept(told: Draft | None) -> list[dict[str, Any]]:
    """What was told rests in the slots until the citizen says what shall become of it."""
    return [SlotSet(name, value) for name, value in told.to_slots().items()] if told else []


def ask_which_topic(dispatcher: CollectingDispatcher, context: Context, said: Said, *, or_file: bool) -> bool:
    """Between two topics that are about equally likely the citizen chooses; False when one is clear.

    Where the words could be a report as well, a third button files them.
    """
    second, confidence = said.runner_up
    topics = [intent.removeprefix("faq_") for intent in (said.intent, second)]
    if not second.startswith("faq_") or said.tapped or said.confidence - confidence > AMBIGUOUS:
        return False
    titles = context.rulebook.faq.titles
    buttons = [{"title": titles[topic], "payload": f"/faq_{topic}"} for topic in topics]
    if or_file:
        buttons.append({"title": context.rulebook.words.chat["button_file_this"], "payload": "/affirm"})
    dispatcher.utter_message(response="utter_which_topic", buttons=buttons)
    return True


def guide_petition(dispatcher: CollectingDispatcher, context: Context, intent: str) -> None:
    """Tố cáo and khiếu nại: tell the lawful way, who receives the letter, and hand over an empty one.

    The gateway forgets what was typed (Luật Tố cáo Art. 8, 9), and sends the letter itself where a channel takes files.
    """
    today = context.clock().astimezone(LOCAL).date()
    faq = context.faq()
    guide = faq.guide(intent, today)
    dispatcher.utter_message(text=format_answer(faq, guide), json_message={"forget": True})
    letter = load_letters()[intent]
    dispatcher.utter_message(
        response="utter_letter",
        receiver=context.rulebook.casebook.refusals[letter.body].body,
        buttons=[{"title": letter.button, "payload": f"{context.config.public_url}/letters/{letter.file_name}"}],
    )
    dispatcher.utter_message(response="utter_letter_file", json_message={"letter": intent})


def answer_petition(dispatcher: CollectingDispatcher, context: Context, said: Said) -> None:
    """The lawful way when we are sure; else one question, for a wrong gate must not refuse an ordinary report.

    Until it is answered the words rest sealed in one place ("hold"), and nowhere else.
    """
    if said.confidence >= SURE_LAW:
        guide_petition(dispatcher, context, said.intent)
    else:
        dispatcher.utter_message(response=_ASK[said.intent], json_message={"forget": True, "hold": True})


class AnswerFaq(Action):  # type: ignore[misc]
    """The answer to one of the 37 topics."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def name(self) -> str:
        return "action_answer_faq"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        said = read_said(tracker)
        if self._context.reader.wants_told(said, from_slots(tracker.slots)):
            return [FollowupAction(FORM)]
        told = self._context.reader.untold(said)
        if ask_which_topic(dispatcher, self._context, said, or_file=told is not None):
            return kept(told)
        return self._answer_and_offer(dispatcher, said, told)

    def _answer_and_offer(
        self, dispatcher: CollectingDispatcher, said: Said, told: Draft | None
    ) -> list[dict[str, Any]]:
        """Where a report often follows it is offered; what the question told already need not be told again."""
        if not answer_faq(dispatcher, self._context, said.intent):
            return []
        dispatcher.utter_message(response="utter_faq_followup" if told is None else "utter_faq_file_this")
        return kept(told)


class GuidePetition(Action):  # type: ignore[misc]
    """The lawful way of a denunciation or a complaint against a decision."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def name(self) -> str:
        return "action_guide_petition"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        answer_petition(dispatcher, self._context, read_said(tracker))
        return []
