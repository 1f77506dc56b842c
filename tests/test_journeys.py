"""The promise of the project through real processes: a message becomes a case, the officer's answer comes back."""

import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.stack import PASSWORD, ROOT, Citizen, Stack, free_ports, until
from tests.support import PostgresCluster

pytestmark = pytest.mark.processes

COMPLAINT = "Ngõ 12 Chùa Bộc, Đống Đa rác chất đống 3 ngày nay không ai dọn"
PLAIN = "ngo 12 chua boc, dong da rac chat dong 3 ngay nay khong ai don"
# Nobody else tells of this: after five alike the citizen hears of an incident as well.
ALONE = "Đèn đường trước số 9 ngõ 95 Chùa Bộc, Đống Đa không sáng hai hôm nay"
CONVERSATIONS_UNDER_FIRE = 50


def file_case(citizen: Citizen, words: str = COMPLAINT) -> str:
    """The two answers a clear complaint needs: the ward, and the confirmation."""
    citizen.say(words)
    citizen.say("Kim Liên")
    citizen.say("Gửi")
    return citizen.told_code()


@pytest.mark.parametrize("channel", ["zalo", "messenger"])
@pytest.mark.parametrize("words", [COMPLAINT, PLAIN])
def test_a_complaint_becomes_a_case_in_the_right_queue_and_the_answer_comes_back(
    stack: Stack, channel: str, words: str
) -> None:
    citizen = stack.citizen(channel)
    code = file_case(citizen, words)
    stranger = stack.officer("caugiay", "mat-khau-rat-dai")
    (case,) = citizen.transcript()["cases"]
    assert (case["code"], case["category"], case["area"], case["ward"]) == (code, "waste", "dong_da", "Phường Kim Liên")
    assert case["due_at"] and case["description"] == words
    assert code in stack.officer("dongda").get("/").text
    assert code not in stranger.get("/").text
    assert stranger.get(f"/cases/{code}").status_code == 404

    before = len(citizen.received())
    answer = f"Tổ vệ sinh dọn xong trước 18 giờ hôm nay, hồ sơ {code}."
    desk = stack.officer("dongda")
    assert desk.post(f"/cases/{code}", f"/cases/{code}/reply", text=answer).ok
    assert answer in citizen.await_answer(before)[-1]
    sent = requests.get(stack.url("SIMULATOR_PORT", "/api/sent?after=0"), timeout=30).json()
    (call,) = [entry for entry in sent if answer in str(entry["body"])]
    if channel == "zalo":
        assert call["path"] == "/v3.0/oa/message/cs" and call["headers"]["access_token_valid"]


def test_the_same_webhook_five_times_is_one_case_and_one_set_of_replies(stack: Stack) -> None:
    citizen = stack.citizen("zalo")
    for number, words in enumerate((ALONE, "Kim Liên", "Gửi")):
        before = len(citizen.received())
        with ThreadPoolExecutor(5) as pool:
            for _ in range(5):
                pool.submit(citizen.send, text=words, message_id=f"{citizen.user}-{number}")
        citizen.await_answer(before)
    for number, words in enumerate((ALONE, "Kim Liên", "Gửi")):
        citizen.send(text=words, message_id=f"{citizen.user}-{number}")
    time.sleep(2)
    transcript = citizen.transcript()
    assert len(transcript["cases"]) == 1
    assert [message["direction"] for message in transcript["messages"]].count("in") == 3
    answers = [message["text"] for message in citizen.received()]
    assert len(answers) == 5, answers  # the notice, the ward, the summary, the code, one question about a consent


def resolve(stack: Stack, citizen: Citizen, code: str, words: str) -> None:
    """The officer reports the case as done, past the warnings, and the citizen hears of it."""
    desk, page, before = stack.officer("dongda"), f"/cases/{code}", len(citizen.received())
    form = {"text": words, "excuse": "Việc không để lại dấu vết"}
    warned = re.search(r'name="accepted" value="([^"]+)"', desk.post(page, f"{page}/resolve", **form).text)
    if warned:
        desk.post(page, f"{page}/resolve", **form, accepted=warned[1])
    assert words in citizen.await_answer(before)[-1]


def test_a_result_is_disputed_then_rated_and_the_next_case_is_taken_back(stack: Stack) -> None:
    citizen = stack.citizen("zalo")
    code = file_case(citizen)
    resolve(stack, citizen, code, "Tổ vệ sinh đã dọn sạch đầu ngõ lúc 16 giờ.")
    assert "mở lại" in citizen.tap("Chưa xong")[0]
    citizen.say("mới dọn một nửa, cuối ngõ rác vẫn còn nguyên")
    resolve(stack, citizen, code, "Tổ vệ sinh đã dọn nốt cuối ngõ lúc 18 giờ.")
    citizen.tap("Đã xong")
    assert "4/5" in citizen.say("cho 4 điểm nhé")[0]
    citizen.say("tôi muốn rút phản ánh")
    assert "Đã xử lý" in citizen.say(f"{code} đến đâu rồi")[0]
    second = stack.citizen("messenger")
    taken = file_case(second)
    assert taken in second.say("thôi không cần nữa, huỷ hồ sơ đi")[0]
    second.tap("Rút hồ sơ")
    assert "Người dân đã rút" in second.say(f"hồ sơ {taken} sao rồi")[0]


def test_a_photo_and_a_pin_reach_the_officer(stack: Stack) -> None:
    citizen = stack.citizen("messenger")
    citizen.say(image="sample")
    citizen.say("Ổ gà to giữa đường rất nguy hiểm")
    citizen.say(location=[21.0072, 105.8345])
    citizen.say("1")
    citizen.say("Gửi")
    code = citizen.told_code()
    (case,) = citizen.transcript()["cases"]
    assert case["category"] == "road_damage" and case["ward"]
    page = stack.officer("giamsat").get(f"/cases/{code}").text
    assert "21.0072" in page
    picture = until(lambda: _first_picture(stack, code), "the photo is fetched and served", 30)
    assert picture.headers["Content-Type"].startswith("image/")


def _first_picture(stack: Stack, code: str) -> requests.Response | None:
    desk = stack.officer("giamsat")
    page = desk.get(f"/cases/{code}").text
    start = page.find(f"/cases/{code}/media/")
    if start < 0:
        return None
    answer = desk.get(page[start : page.index('"', start)])
    return answer if answer.ok else None


def test_the_status_page_opens_with_code_and_secret_word_only(stack: Stack) -> None:
    citizen = stack.citizen("zalo")
    code = file_case(citizen)
    receipt = next(message["text"] for message in citizen.received() if code in message["text"])
    secret = next(line.partition(": ")[2] for line in receipt.splitlines() if "bí mật" in line)
    assert "Phường Kim Liên" in _portal(stack, code, secret)
    for wrong in ("hoa sen con trâu 00", ""):
        assert "Phường Kim Liên" not in _portal(stack, code, wrong)


def _portal(stack: Stack, code: str, secret: str) -> str:
    browser = requests.Session()
    page = browser.get(stack.url("PORTAL_PORT", "/"), timeout=30).text
    token = page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    form = {"csrf_token": token, "code": code, "word": secret}
    return browser.post(stack.url("PORTAL_PORT", "/"), data=form, timeout=30).text


@pytest.mark.parametrize(
    "text", ["/restart", " /restart", "\u00a0/session_start", '/inform{"category":"waste"}', "\u3000/back"]
)
def test_a_typed_command_is_plain_text_and_gets_an_answer(stack: Stack, text: str) -> None:
    citizen = stack.citizen("zalo")
    assert citizen.say(text)
    assert citizen.transcript()["messages"][0]["text"] == text


@pytest.mark.parametrize(
    "text", ["😀😀😀", "a" * 5000, "<script>alert(1)</script>", "'; DROP TABLE cases; --", "\u200b", "?"]
)
def test_strange_words_are_kept_as_written_and_get_an_answer(stack: Stack, text: str) -> None:
    citizen = stack.citizen("messenger")
    assert citizen.say(text)
    assert citizen.transcript()["messages"][0]["text"] == text


@contextmanager
def second_gateway(stack: Stack) -> Iterator[str]:
    """One more gateway on the same store; yields its address."""
    (port,) = free_ports(1)
    environment = {**stack.environment(), "WEBHOOK_PORT": str(port)}
    command = [sys.executable, "-m", "gunicorn", "webhook.app:application()", "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gthread", "--threads", "4", "--no-control-socket", "--log-level", "warning"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        until(lambda: _up(f"http://127.0.0.1:{port}/readyz"), "the second gateway is ready")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _up(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


class TestUnderFire:
    """Every process is killed in turn while people write; nothing may be lost, doubled or turned round."""

    def test_killed_processes_lose_nothing(self, tmp_path: Path) -> None:
        stack = Stack(tmp_path)
        try:
            stack.start()
            self.run(stack, ("gateway", "worker", "actions"))
        finally:
            stack.stop()

    @pytest.mark.postgres
    def test_two_of_each_on_postgresql_lose_nothing(self, tmp_path: Path, postgres: PostgresCluster) -> None:
        name = postgres.create()
        stack = Stack(tmp_path, {"DATABASE_URL": postgres.url(name)}, rasa=2, workers=2)
        try:
            stack.start()
            with second_gateway(stack) as address:
                stack.more_gateways.append(address)
                self.run(stack, ("gateway", "worker", "worker-2", "actions"))
        finally:
            stack.stop()

    def run(self, stack: Stack, targets: Sequence[str], conversations: int = CONVERSATIONS_UNDER_FIRE) -> None:
        over = threading.Event()
        killer = threading.Thread(target=self._kill_in_turn, args=(stack, targets, over))
        citizens = [stack.citizen("zalo" if number % 2 else "messenger") for number in range(conversations)]
        killer.start()
        try:
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(self._complain, citizens))
        finally:
            over.set()
            killer.join()
        for citizen in citizens:
            self._check(citizen)

    def _kill_in_turn(self, stack: Stack, targets: Sequence[str], over: threading.Event) -> None:
        """Something every few seconds; Rasa once, for it needs 25 s to start."""
        chance = random.Random(2026)
        stack.kill("rasa")
        while not over.wait(chance.uniform(2, 5)):
            stack.kill(chance.choice(targets))

    def _complain(self, citizen: Citizen) -> None:
        """Each step waits for the store, not for the screen: what is not answered yet is waited for."""
        for words in (COMPLAINT, "Kim Liên", "Gửi"):
            self._deliver(citizen, words)

    def _deliver(self, citizen: Citizen, words: str) -> None:
        before = citizen.transcript()
        # The first words go through the simulator, or it would not know to whom the answers belong.
        if before["messages"] and citizen.channel == "zalo" and citizen.stack.more_gateways:
            until(lambda: citizen.post_to(citizen.stack.more_gateways[0], words), "the second gateway takes it")
        else:
            citizen.send(text=words)

        def answered() -> bool:
            now = citizen.transcript()
            grown = len(now["messages"]) >= len(before["messages"]) + 2
            return grown and now["pending"] == 0 and all(message["status"] != "waiting" for message in now["messages"])

        until(answered, f"an answer to {words[:10]}", 180)

    def _check(self, citizen: Citizen) -> None:
        transcript = citizen.transcript()
        assert len(transcript["cases"]) == 1, transcript["cases"]
        assert transcript["cases"][0]["code"] == citizen.told_code()
        words = [message["text"] for message in transcript["messages"] if message["direction"] == "in"]
        assert words == [COMPLAINT, "Kim Liên", "Gửi"]
        shown = [message["text"] for message in citizen.received()]
        once = list(dict.fromkeys(shown))  # a crash between sending and noting it may repeat one message
        assert len(shown) <= len(once) + 2
        assert "trợ lý tự động" in once[0] and "phường/xã" in once[1]
        for part in ("Em ghi như sau", "Mã hồ sơ:"):  # the summary and the receipt: one of each
            assert len([text for text in once if part in text]) == 1, part
        assert len(once) <= 7  # beside them the news of an incident, for all complain of the same, and a consent


def test_demo_password_is_only_for_the_demo(stack: Stack) -> None:
    answer = requests.post(
        stack.url("DESK_PORT", "/login"), data={"username": "dongda", "password": PASSWORD}, timeout=30
    )
    assert answer.status_code in {400, 403}  # no CSRF token, no login
