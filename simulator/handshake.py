"""Does the GET handshake by which Facebook checks a webhook address; called by `api`."""

import secrets

import requests

from simulator.settings import Settings

PATH = "/webhooks/messenger"


def subscribe(settings: Settings) -> tuple[int | None, bool]:
    """Status of the gateway's answer (None when it cannot be reached) and whether it gave the challenge back."""
    challenge = str(secrets.randbelow(10**10))
    fields = {
        "hub.mode": "subscribe",
        "hub.verify_token": settings.messenger_verify_token,
        "hub.challenge": challenge,
    }
    try:
        answer = requests.get(settings.webhook_url + PATH, params=fields, timeout=settings.webhook_timeout)
    except requests.RequestException:
        return None, False
    return answer.status_code, answer.text == challenge
