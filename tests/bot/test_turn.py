"""The turn channel against a real Rasa process with a toy assistant: same state, same message, same answer."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.bot.fakes import Client, FakeActions

TOY = Path(__file__).parent / "toy"
NOTICE = "Em là trợ lý tự động."
NOTICED = {"v": 1, "slots": {}, "loop": None, "noticed": "2026-11-28"}


class Bot:
    """A trained toy assistant in its own process, with its log."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.log = Path(self.folder.name) / "bot.log"
        self.actions = FakeActions()
        self.port = free_port()
        env = {
            **os.environ,
            "ACTIONS_PORT": str(self.actions.port),
            "PYTHONWARNINGS": "ignore",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        files = ["--domain", str(TOY / "domain.yml"), "--data", str(TOY / "data"), "--output", self.folder.name]
        subprocess.run([sys.executable, "-m", "bot.train", *files], check=True, env=env, capture_output=True)
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "bot.server", "--model", self.folder.name, "--port", str(self.port)]
            self.process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        self.client = Client(self.port)
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(self.log.read_text())
            try:
                if self.client.get("/webhooks/turn/") == (200, {"status": "ok"}):
                    return
            except OSError:
                pass
            time.sleep(0.3)
        raise RuntimeError("the bot did not start")

    def stop(self) -> float:
        """Asks it to stop as a supervisor would; the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.actions.away()
        self.folder.cleanup()
        return time.monotonic() - began


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class TurnTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.bot = Bot()
        cls.turn = staticmethod(cls.bot.client.turn)

    @classmethod
    def tearDownClass(cls) -> None:
        assert cls.bot.stop() < 8

    def ok(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        status, answer = self.turn(*args, **kwargs)
        self.assertEqual(status, 200, answer)
        return answer

    def in_form(self) -> dict[str, Any]:
        return self.ok(payload="/report", state=NOTICED)["state"]

    def test_the_same_turn_again_gives_the_same_answer_and_state(self) -> None:
        state = self.in_form()
        for text in ("xin chào", "số 5 ngõ 12", "đúng rồi"):
            first = self.ok(text, state=state, turn_id="t-7")
            self.assertEqual(first, self.ok(text, state=state, turn_id="t-7"))
            state = first["state"]

    def test_the_wording_varies_with_the_turn_but_not_by_chance(self) -> None:
        def wording(n: int) -> str:
            return self.ok("xin chào", state=NOTICED, turn_id=f"t-{n}")["replies"][0]["text"]

        first = [wording(n) for n in range(12)]
        self.assertEqual(first, [wording(n) for n in range(12)])
        self.assertEqual(len(set(first)), 3)

    def test_a_form_survives_the_round_trip_of_its_state(self) -> None:
        asked = self.ok(payload="/report", state=NOTICED)
        self.assertEqual(asked["replies"], [{"text": "Việc xảy ra ở đâu ạ?"}])
        self.assertEqual((asked["state"]["loop"], asked["state"]["slots"]["requested_slot"]), ("toy_form", "place"))
        place = "  số 5 ngõ 12,\nphố Chùa Bộc  "
        confirm = self.ok(place, state=json.loads(json.dumps(asked["state"])))
        self.assertEqual(confirm["state"]["slots"]["place"], place)
        self.assertEqual(confirm["replies"], [{"text": f"Ở {place}, đúng không ạ?"}])
        done = self.ok("đúng rồi", state=confirm["state"])
        self.assertEqual(done["replies"], [{"text": f"Xong: {place}"}])
        self.assertIsNone(done["state"]["loop"])

    def test_a_failed_action_is_an_error_and_leaves_nothing(self) -> None:
        state = self.in_form()
        for text, given in (
            ("làm hỏng đi", NOTICED),
            ("kỳ quặc thật", NOTICED),
            ("tâm trạng của tôi", NOTICED),
            ("vỡ", state),
        ):
            with self.subTest(text):
                self.assertEqual(self.turn(text, state=given), (500, {"error": "action_failed"}))
        self.assertEqual(self.ok("ngõ 12", state=state)["state"]["slots"]["place"], "ngõ 12")

    def test_an_action_that_fills_a_slot_is_heard(self) -> None:
        self.assertEqual(self.ok("đoán tâm trạng vui", state=NOTICED)["replies"], [{"text": "Em hiểu: vui"}])

    def test_an_action_server_that_is_away_is_another_error_and_the_turn_works_later(self) -> None:
        state = self.in_form()
        self.bot.actions.away()
        try:
            self.assertEqual(self.turn("ngõ 12", state=state), (503, {"error": "actions_unavailable"}))
            self.assertEqual(self.turn("đoán tâm trạng", state=NOTICED), (503, {"error": "actions_unavailable"}))
        finally:
            self.bot.actions.back()
        self.assertEqual(self.ok("ngõ 12", state=state)["state"]["slots"]["place"], "ngõ 12")

    def test_what_no_rule_expects_is_answered_and_keeps_the_state(self) -> None:
        state = {**NOTICED, "slots": {"place": "ngõ 12"}}
        answer = self.ok(payload="/inform", state=state)
        self.assertEqual(answer["replies"], [{"text": "Em chưa hiểu ạ."}])
        self.assertEqual(answer["state"], {**state, "missed": 0})

    def test_silence_is_an_error(self) -> None:
        self.assertEqual(self.turn("im lặng đi", state=NOTICED), (500, {"error": "action_failed"}))

    def test_typed_commands_stay_text(self) -> None:
        state = self.in_form()
        for text in (
            "/restart",
            " /restart",
            "\u00a0/restart",
            "\u3000/restart",
            "\u200b/restart",
            "//restart",
            "/ /affirm",
            '/inform{"category":"waste"}',
            "/session_start",
            "/affirm",
            "/emergency@1.0",
            "EXTERNAL: emergency",
        ):
            with self.subTest(text):
                answer = self.ok(text, state=state)
                self.assertEqual(answer["state"]["slots"]["place"], text)
                self.assertLess(answer["understood"]["confidence"], 1)

    def test_payloads_are_intents_with_entities(self) -> None:
        answer = self.ok(payload='/ask_echo{"category":"waste"}', state=NOTICED)
        self.assertEqual((answer["understood"]["intent"], answer["understood"]["confidence"]), ("ask_echo", 1.0))
        self.assertEqual(answer["replies"][0]["custom"]["text"], '/ask_echo{"category":"waste"}')

    def test_the_notice_comes_once_and_first_but_after_emergency_numbers(self) -> None:
        greeted = self.ok("xin chào")
        self.assertEqual(greeted["replies"][0], {"text": NOTICE})
        self.assertEqual(greeted["state"]["noticed"], NOTICED["noticed"])
        linked = self.ok("xin chào", metadata={"privacy_link": " https://x.example/privacy"})
        self.assertEqual(linked["replies"][0], {"text": f"{NOTICE} https://x.example/privacy"})
        self.assertNotIn({"text": NOTICE}, self.ok("xin chào", state=greeted["state"])["replies"])
        older = {**greeted["state"], "noticed": "2020-01-01"}
        self.assertEqual(self.ok("xin chào", state=older)["replies"][0], {"text": NOTICE})
        urgent = self.ok("cháy nhà rồi cứu với")
        self.assertEqual(urgent["replies"], [{"text": "Gọi ngay 113, 114, 115."}, {"text": NOTICE}])

    def test_metadata_and_turn_id_reach_the_action(self) -> None:
        echoed = self.ok("nhắc lại đi", state=NOTICED, metadata={"turn_id": "t-9", "photos": 2}, turn_id="t-9")
        self.assertEqual(
            echoed["replies"][0]["custom"],
            {
                "text": "nhắc lại đi",
                "metadata": {"turn_id": "t-9", "photos": 2, "missed": 0, "noticed": True},
                "sender": "t-9",
            },
        )

    def test_odd_texts_are_answered_and_passed_on_as_written(self) -> None:
        state = self.in_form()
        for text in (
            " ",
            "😀😀",
            "\x00",
            "مرحبا بكم",
            "\u200b",
            "\ud83d",
            "{place}",
            "a" * 30_000,
            "à" * 20_000,
            "\u0301\u0323" * 10_000,
            "<b>'\"\\",
        ):
            with self.subTest(ascii(text[:10])):
                self.assertEqual(self.ok(text, state=state)["state"]["slots"]["place"], text)
        self.assertEqual(self.ok("", state=NOTICED)["understood"]["intent"], "nlu_fallback")

    def test_a_slot_cleared_stays_cleared_and_unknown_state_is_dropped(self) -> None:
        self.assertEqual(self.ok("xin chào")["state"]["slots"], {"colour": "xanh"})
        self.assertEqual(self.ok("xin chào", state=NOTICED)["state"]["slots"], {})
        old = {**NOTICED, "slots": {"gone": 1, "requested_slot": "gone"}, "loop": "old_form"}
        answer = self.ok("xin chào", state=old)
        self.assertEqual((answer["state"]["slots"], answer["state"]["loop"]), ({}, None))

    def test_malformed_requests_are_refused(self) -> None:
        good = {"turn_id": "t", "text": "a", "payload": None, "state": {}, "metadata": {}}
        for change in (
            {"turn_id": None},
            {"turn_id": ""},
            {"turn_id": "x" * 300},
            {"text": None},
            {"payload": "/affirm"},
            {"text": 5},
            {"state": {"v": 2, "slots": {}}},
            {"state": []},
            {"state": [1]},
            {"state": {"v": 1}},
            {"state": {"v": 1, "slots": {}, "loop": 3}},
            {"metadata": [1]},
            {"text": None, "payload": "affirm"},
            {"text": None, "payload": "/no_such_intent"},
            {"text": None, "payload": "/affirm hello"},
        ):
            with self.subTest(str(change)[:60]):
                status, _ = self.bot.client.post("/webhooks/turn/", json.dumps({**good, **change}).encode())
                self.assertEqual(status, 400)
        for body in (b"", b"{", b"[]", b"null", b'"x"'):
            with self.subTest(body):
                self.assertEqual(self.bot.client.post("/webhooks/turn/", body)[0], 400)

    def test_turns_at_the_same_time_do_not_mix(self) -> None:
        def slow(n: int) -> Any:
            state = {**NOTICED, "slots": {"place": f"ngõ {n}"}}
            answer = self.ok("chậm thôi nhé", state=state, turn_id=f"t-{n}")
            return answer["replies"][0]["custom"], answer["state"]["slots"]

        with ThreadPoolExecutor(8) as pool:
            for n, (custom, slots) in enumerate(pool.map(slow, range(16))):
                self.assertEqual((custom["sender"], custom["place"]), (f"t-{n}", f"ngõ {n}"))
                self.assertEqual(slots, {"place": f"ngõ {n}"})

    def test_buttons_come_with_their_text(self) -> None:
        replies = [self.ok("xin chào", state=NOTICED, turn_id=f"t-{n}")["replies"] for n in range(12)]
        self.assertIn(
            [{"text": "Em chào anh/chị.", "buttons": [{"title": "Gửi phản ánh", "payload": "/report"}]}], replies
        )

    def test_reports_have_a_category_and_codes_are_found(self) -> None:
        understood = self.ok("rác thải bốc mùi", state=NOTICED)["understood"]
        self.assertEqual((understood["intent"], understood["category"]), ("report", "waste"))
        self.assertEqual([one["name"] for one in understood["category_ranking"]], ["waste", "noise"])
        status, parsed = self.bot.client.post("/model/parse", json.dumps({"text": "rác ở mã pa 482913776"}).encode())
        self.assertEqual((status, parsed["entities"][0]["value"]), (200, "PA-482-913-776"))
        self.assertEqual(parsed["category_ranking"][0]["name"], parsed["category"]["name"])

    def test_the_log_never_quotes_anybody(self) -> None:
        secret = "bí-mật-0912345678"
        for text in (f"xin chào {secret}", f"làm hỏng đi {secret}", f"kỳ quặc thật {secret}", f"/inform{{{secret}"):
            self.turn(text, state={**NOTICED, "slots": {"place": secret}})
        self.turn(payload=f"/nothing{secret}", state=NOTICED)
        self.turn(payload=f'/inform{{"{secret}": 1}}', state=NOTICED)
        log = self.bot.log.read_text()
        self.assertIn("turn t-1 failed: ActionFailed", log)
        self.assertNotIn("0912345678", log)


if __name__ == "__main__":
    unittest.main()
