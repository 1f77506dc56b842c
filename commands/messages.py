"""Messages and channels: what was given up, sending it again, the Page's profile, recorded webhooks."""

import argparse
import sys
from pathlib import Path

from commands import Add
from commands.store import opened
from core import outbox
from core.clock import local_now
from core.config import Config, ConfigError
from core.db import reading, transaction
from core.vault import Vault
from webhook.channels import build_channels
from webhook.channels.base import ChannelError
from webhook.channels.messenger import MessengerChannel
from webhook.channels.messenger_profile import ProfileError, build_profile
from webhook.replay import replay


def add_to(add: Add) -> None:
    """The commands of this module."""
    add("dead-letters", dead_letters)
    add("retry", retry).add_argument("ids", nargs="*", type=int, metavar="ID")
    add("messenger-profile", messenger_profile)
    fed = add("replay", replay_webhooks)
    fed.add_argument("file", type=Path)
    fed.add_argument("--url", default="", help="of the gateway; the one on this machine when it is not given")


def dead_letters(config: Config, _options: argparse.Namespace) -> None:
    """Messages that were given up: id, when, why. No text."""
    with reading(opened(config)) as session:
        for row in outbox.dead_letters(session):
            print(f"{row.id}\t{row.created_at.isoformat()}\t{row.conversation.channel}\t{row.error}")


def retry(config: Config, options: argparse.Namespace) -> None:
    """Put dead messages back into the queue: those named, or all."""
    with transaction(opened(config)) as session:
        count = outbox.revive(session, options.ids, local_now())
    print(f"{count} messages will be sent again.")


def messenger_profile(config: Config, _options: argparse.Namespace) -> int:
    """Set what the Facebook Page shows before anybody writes: greeting, start button, first questions, menu."""
    database, vault = opened(config), Vault(config.data_keys)
    channel = build_channels(config, database, vault).get("messenger")
    if not isinstance(channel, MessengerChannel):
        raise ConfigError("Messenger is not configured: set MESSENGER_PAGE_ID and the settings beside it.")
    try:
        channel.set_profile(build_profile(config.public_url))
    except (ChannelError, ProfileError) as error:
        print(f"manage.py: the profile was not set: {error}", file=sys.stderr)
        return 1
    print("The Messenger profile is set.")
    return 0


def replay_webhooks(config: Config, options: argparse.Namespace) -> None:
    """Feed recorded webhook bodies (lines with channel and body) to a running gateway, signed with our secrets."""
    url = options.url or f"http://127.0.0.1:{config.webhook_port}"
    with options.file.open(encoding="utf-8") as lines:
        statuses = replay(config, lines, url.rstrip("/"))
    for status, count in sorted(statuses.items()):
        print(f"{status or 'no answer'}\t{count}")
