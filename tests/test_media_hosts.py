"""Where an attachment may come from: no strange host, no address of ours, no redirect to either."""

from pathlib import Path

import pytest

from core.config import Config, load_config
from tests.media import MediaHost, Place, page, photo
from webhook.download import DownloadError, HostRule, Limits, download, host_rule

REFUSED = [
    "http://example.com/a.jpg",
    "https://zdn.vn.example.com/a.jpg",
    "https://evilzdn.vn/a.jpg",
    "https://zdn.vn/a.jpg",
    "http://scontent.xx.fbcdn.net/a.jpg",
    "http://s120-ava-talk.zadn.vn/a.jpg",
    "https://photo.zdn.vn:8443/a.jpg",
    "https://photo.zdn.vn@example.com/a.jpg",
    "https://user@photo.zdn.vn/a.jpg",
    "https://127.0.0.1/a.jpg",
    "http://169.254.169.254/latest/meta-data/",
    "ftp://photo.zdn.vn/a.jpg",
    "file:///etc/passwd",
    "https://photo.zdn.vn./a.jpg",
    "https://ảnh.zdn.vn/a.jpg",
]


def resolve_never(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} was looked up")


@pytest.mark.parametrize("url", REFUSED)
def test_a_strange_host_is_refused_before_it_is_even_looked_up(url: str) -> None:
    with pytest.raises(DownloadError, match="host_not_allowed"):
        download(url, HostRule(frozenset({("127.0.0.1", 1)}), resolve_never), Limits())


def test_a_strange_host_in_a_message_is_not_asked_again(place: Place) -> None:
    place.receive(f"http://localhost:{place.host.port}/a.jpg")
    assert place.fetcher.step("w") and not place.fetcher.step("w")
    assert [(row.status, row.error) for row in place.rows()] == [("failed", "host_not_allowed")]
    assert place.host.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://f6.photo.talk.zdn.vn/a.jpg",
        "https://voice-aac-dl.zdn.vn/a.aac",
        "https://zalo-api.zadn.vn/a.png",
        "https://scontent.xx.fbcdn.net/v/a.jpg?oh=1&oe=2",
        "https://cdn.fbsbx.com/a.pdf",
        "https://VIDEO.xx.fbcdn.net:443/a.mp4",
    ],
)
def test_the_platforms_own_hosts_may_be_asked(url: str) -> None:
    assert not HostRule().target(url).local


@pytest.mark.parametrize(
    "address",
    "127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 ::1 fe80::1 fc00::1 "
    "::ffff:127.0.0.1 64:ff9b::a00:1 2002:7f00:1::1".split(),
)
def test_a_platform_host_that_points_into_our_network_is_not_asked(host: MediaHost, address: str) -> None:
    rule = HostRule(resolve=lambda name, port: ["118.102.1.1", address])
    with pytest.raises(DownloadError, match="address_not_public"):
        download("http://f6.photo.talk.zdn.vn/a.jpg", rule, Limits())
    assert host.asked == []


@pytest.mark.parametrize(
    ("location", "outcome"),
    [
        ("/b.jpg", ("stored", None)),
        ("http://127.0.0.1:9/b.jpg", ("failed", "host_not_allowed")),
        ("http://localhost:{port}/b.jpg", ("failed", "host_not_allowed")),
        ("file:///etc/passwd", ("failed", "host_not_allowed")),
        ("http://[::1", ("failed", "bad_address")),
        ("/a.jpg", ("failed", "too_many_redirects")),
    ],
)
def test_a_redirect_is_judged_like_the_first_address(
    place: Place, location: str, outcome: tuple[str, str | None]
) -> None:
    place.host.pages["/b.jpg"] = page(photo())
    place.host.pages["/a.jpg"] = page(b"", 302, Location=location.format(port=place.host.port))
    place.receive("/a.jpg")
    place.fetcher.step("w")
    assert [(row.status, row.error) for row in place.rows()] == [outcome]
    expected = {"/b.jpg": ["/a.jpg", "/b.jpg"], "/a.jpg": ["/a.jpg"] * 4}
    assert place.host.asked == expected.get(location, ["/a.jpg"])


def settings(zalo_url: str, messenger_url: str) -> Config:
    return load_config(
        {
            "TIEPDAN_DEMO": "0", "SECRET_KEY": "s" * 40, "DATA_KEY": "d" * 40,
            "ZALO_APP_ID": "1", "ZALO_OA_ID": "2", "ZALO_APP_SECRET": "a", "ZALO_OA_SECRET_KEY": "b",
            "ZALO_API_URL": zalo_url, "MESSENGER_PAGE_ID": "3", "MESSENGER_APP_SECRET": "c",
            "MESSENGER_VERIFY_TOKEN": "d", "MESSENGER_PAGE_TOKEN": "e", "MESSENGER_API_URL": messenger_url,
        },
        Path("no-such.env"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("zalo_url", "messenger_url", "simulators"),
    [
        ("http://127.0.0.1:8090", "http://127.0.0.1:8090", {("127.0.0.1", 8090)}),
        ("http://127.0.0.1:8090", "https://graph.facebook.com", set()),
        ("https://openapi.zalo.me", "https://graph.facebook.com", set()),
    ],
)
def test_this_machine_is_asked_only_while_no_channel_is_real(
    zalo_url: str, messenger_url: str, simulators: set[tuple[str, int]]
) -> None:
    assert host_rule(settings(zalo_url, messenger_url)).simulators == simulators
