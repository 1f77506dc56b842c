"""From outbox to platform: in order, tried again, given up with a note on the case, and nobody waits for another."""

from dataclasses import replace

from tests.fakes import Reply
from tests.message_path import SEND, TURN, USER, House
from tests.support import answer_with, channel_error


def test_a_message_the_platform_takes_later_keeps_its_place(house: House) -> None:
    house.rasa.next_answers(answer_with("một", "hai", "ba"))
    house.channel.errors = [channel_error(retry=True), None, channel_error(retry=True)]
    house.talk("chào")
    assert house.channel.texts == ["một", "hai", "ba"]
    assert [row.external_id for row in house.outbounds()] == ["platform-1", "platform-2", "platform-3"]
    assert [row.error for row in house.outbounds()] == [None] * 3


def test_a_message_nobody_can_deliver_is_noted_on_its_case_once_and_the_next_one_goes(house: House) -> None:
    house.talk("chào")
    house.file()
    house.channel.errors = [channel_error(retry=False, code="window_closed")]
    house.officer_asks("một?")
    house.officer_asks("hai?")
    house.settle()
    assert [(row.status, row.error) for row in house.outbounds()[1:]] == [("dead", "window_closed"), ("sent", None)]
    assert "hai?" in house.channel.texts[-1]
    assert house.events().count("undelivered") == 1
    assert not house.deliverer.step(SEND)


def test_a_dead_message_without_a_case_is_dead_and_nothing_more(house: House) -> None:
    house.channel.errors = [channel_error(retry=False, code="blocked")]
    house.talk("chào")
    assert [row.status for row in house.outbounds()] == ["dead"]
    assert house.events() == []


def test_a_channel_that_is_not_configured_keeps_its_messages_until_it_is(house: House) -> None:
    house.say("chào")
    house.converser.step(TURN)
    nobody = replace(house.deliverer, channels={})
    assert nobody.step(SEND)
    assert [(row.status, row.error) for row in house.outbounds()] == [("waiting", "channel_not_configured")]
    house.settle()
    assert house.channel.texts == ["Dạ vâng ạ."]


def test_a_channel_with_a_bug_loses_nothing(house: House) -> None:
    house.channel.errors = [RuntimeError("bug")]
    house.say("chào")
    house.converser.step(TURN)
    assert house.deliverer.step(SEND)
    assert (house.outbounds()[0].status, house.outbounds()[0].error) == ("waiting", "unexpected")
    house.settle()
    assert house.channel.texts == ["Dạ vâng ạ."]


def test_the_channel_learns_who_how_and_why_but_never_twice(house: House) -> None:
    house.talk("chào")
    outgoing = house.channel.sent[0]
    assert (outgoing.user_id, outgoing.author, outgoing.key) == (USER, "bot", "turn:1:0")
    assert outgoing.route == "reply"


def test_conversations_do_not_wait_for_each_other(house: House) -> None:
    house.say("a", user="u1")
    house.say("b", user="u2")
    house.rasa.next_answers(Reply(status=500))
    assert house.converser.step(TURN)
    assert house.converser.step(TURN)
    assert [turn.status for turn in house.turns()] == ["open", "done"]
