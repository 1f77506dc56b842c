"""The phone page: photos, both sides of a talk, wrong input refused, nothing becomes markup."""

import io
import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from tests.pages import served
from tests.simulated import CHROMIUM, PSID, USER, Gateway, messages, refresh, write, zalo_buttons, zalo_send


def jpeg() -> bytes:
    output = io.BytesIO()
    Image.new("RGB", (40, 30), "#336699").save(output, "JPEG")
    return output.getvalue()


def multipart(file: bytes) -> bytes:
    return b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n' + file + b"\r\n--B--\r\n"


def test_photos_are_hosted_and_only_real_pictures_are_taken(client: FlaskClient, gateway: Gateway) -> None:
    url = client.post("/api/photos", data={"file": (io.BytesIO(jpeg()), "a.jpg")}).json["url"]
    write(client, image=url)
    write(client, image="sample")
    sent = [body["message"]["attachments"][0]["payload"]["url"] for body in gateway.bodies()]
    assert sent[0] == url and sent[1] != url
    for address in sent:
        answer = client.get(address.removeprefix("http://127.0.0.1:8090"))
        assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    assert client.get("/media/guess.jpg").status_code == 404
    for refused in (b"<svg onload=alert(1)>", b"", b"\xff\xd8\xff broken", jpeg() + b"0" * 9_000_000):
        answer = client.post("/api/photos", data=multipart(refused), content_type="multipart/form-data; boundary=B")
        assert (answer.status_code, answer.json) == (400, {"error": "picture_refused"})


def test_an_uploaded_picture_can_be_sent_by_its_id(client: FlaskClient) -> None:
    access = refresh(client)["access_token"]
    write(client, text="alo")
    upload = {"file": (io.BytesIO(jpeg()), "a.jpg")}
    kept = client.post("/v2.0/oa/upload/image", data=upload, headers={"access_token": access}).json["data"]
    element = {"media_type": "image", "attachment_id": kept["attachment_id"]}
    payload = {"template_type": "media", "elements": [element]}
    message = {"text": "Bản đồ", "attachment": {"type": "template", "payload": payload}}
    assert zalo_send(client, access, message)["error"] == 0
    assert messages(client)[-1]["images"][0].startswith("http://127.0.0.1:8090/media/")
    element["attachment_id"] = "gone"
    assert zalo_send(client, access, message)["error"] == -100


def test_the_conversation_keeps_both_sides_and_reset_forgets_them(client: FlaskClient) -> None:
    access = refresh(client)["access_token"]
    write(client, text="alo")
    zalo_send(client, access, zalo_buttons())
    citizen, page = messages(client)
    assert (citizen["sender"], citizen["state"], citizen["receipt"]) == ("citizen", "sent", "seen")
    assert page["buttons"] == [{"title": "Gửi", "kind": "query_show", "value": "#GUI"}]
    view = f"/api/conversations/zalo/{USER}"
    version = client.get(view).json["version"]
    assert client.get(f"{view}?after={version}").json["messages"] == []
    client.post("/api/reset")
    assert messages(client) == [] and client.get("/api/sent").json == []
    client.post("/api/reset", json={"tokens": True})
    assert "access_token" in refresh(client)


@pytest.mark.parametrize(
    "body",
    [
        {"channel": "sms", "user": USER, "text": "a"},
        {"channel": "zalo", "user": int(USER), "text": "a"},
        {"channel": "zalo", "user": "../x", "text": "a"},
        {"channel": "zalo", "user": USER},
        {"channel": "zalo", "user": USER, "location": [91, 0]},
        {"channel": "zalo", "user": USER, "image": "file:///etc/passwd"},
        {"channel": "messenger", "user": PSID, "event": "follow"},
    ],
)
def test_wrong_input_is_refused_and_sends_nothing(client: FlaskClient, gateway: Gateway, body: Any) -> None:
    assert client.post("/api/messages", json=body).status_code == 400
    assert gateway.received == []


def test_the_page_renders_and_its_policy_and_script_keep_messages_from_becoming_markup(client: FlaskClient) -> None:
    page = client.get("/")
    assert page.status_code == 200 and "Điện thoại thử nghiệm" in page.text
    assert "script" not in page.headers["Content-Security-Policy"].replace("default-src 'self'", "")
    assert json.loads(page.text.partition('id="texts">')[2].partition("</script>")[0])["resend"] == "Gửi lại"
    for name in ("bubbles.js", "phone.js"):
        with client.get(f"/static/{name}") as answer:
            script = answer.text
        assert not [word for word in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(") if word in script]


@pytest.mark.browser
@pytest.mark.processes
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: the phone page is not tried in a browser")
def test_a_person_chats_on_the_page_and_no_message_becomes_markup(client: FlaskClient, gateway: Gateway) -> None:
    attack = "<img src=x onerror=\"document.title='taken'\">"
    with served(client.application) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(url)
        page.fill("#text", attack)
        page.keyboard.press("Enter")
        expect(page.locator(".row.citizen .bubble")).to_have_text(attack)
        user = page.locator("#person-id").inner_text()
        zalo_send(client, refresh(client)["access_token"], zalo_buttons(title="<b>Gửi</b>"), user=user)
        page.get_by_role("button", name="<b>Gửi</b>").click()
        expect(page.locator(".row.citizen .bubble").nth(1)).to_have_text("#GUI")
        gateway.statuses = [403]
        page.fill("#text", "bị từ chối")
        page.keyboard.press("Enter")
        expect(page.locator(".meta.wrong")).to_contain_text("từ chối (mã 403)")
        page.get_by_role("button", name="Gửi lại").click()
        expect(page.locator(".meta.wrong")).to_have_count(0)
        assert page.title() != "taken" and page.locator(".messages img").count() == 0
        browser.close()
    assert [body["message"]["text"] for body in gateway.bodies()] == [attack, "#GUI", "bị từ chối", "bị từ chối"]
