"""Answers an interruption in the middle of the form, the same way as outside it; called by actions/report."""

from rasa_sdk.executor import CollectingDispatcher

from actions.case_talk import ABOUT_CASE, mention_case
from actions.context import Context
from actions.followup import add_to_case, dispute, tell_status
from actions.guidance import answer_faq, guide_petition
from actions.handoff import REASONS, note_request
from actions.privacy import answer_privacy
from actions.said import Said

_FOLLOWUPS = {"track_case": tell_status, "dispute_result": dispute, "add_info": add_to_case}


def answer_detour(dispatcher: CollectingDispatcher, context: Context, said: Said, intent: str) -> None:
    """Say what this intent would be told outside the form; the caller then asks its question again."""
    if intent.startswith("faq_"):
        answer_faq(dispatcher, context, intent)
    elif intent in {"denounce", "complain_decision"}:
        guide_petition(dispatcher, context, intent)
    elif intent in _FOLLOWUPS:
        _FOLLOWUPS[intent](context, said).mention(dispatcher)
    elif intent == ABOUT_CASE:
        mention_case(dispatcher, context, said)
    elif intent in REASONS:
        note_request(context, said, intent)
        dispatcher.utter_message(response=f"utter_{intent}")
    elif intent == "privacy_request":
        answer_privacy(dispatcher, context, said)
    else:
        dispatcher.utter_message(response=f"utter_{intent}")
