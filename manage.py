"""The administrator's command line: run, migrate, seed, accounts, queues, and the doors for tests from outside."""

import argparse
import json
import os
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from getpass import getpass
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import select, text

import supervise
from cases import audit, boundaries, clocks, second_factor
from cases.corrections import as_rasa, corrections
from cases.demo import Given, UnknownValueError, add_case, seed_demo_cases
from cases.model import Officer, Unit
from cases.officers import OfficerError, Role, create_officer, demo_accounts
from cases.rulebook import load_rulebook
from cases.transcript import transcript
from cases.words import area_label
from core import outbox
from core.config import Config, ConfigError, has_real_channels, load_config
from core.db import Database, changing_schema, insert_once, open_database, reading, transaction
from core.model import ChannelToken
from core.vault import Vault
from webhook import worker
from webhook.channels import build_channels
from webhook.channels.base import ChannelError
from webhook.channels.messenger import MessengerChannel
from webhook.channels.messenger_profile import ProfileError, build_profile
from webhook.replay import replay

DEMO_PASSWORD = "tiep-dan-demo"  # noqa: S105 - printed on screen; such accounts stop a start with real channels
DEMO_ACCOUNTS = (
    ("dongda", "Nguyễn Thu Hà (mẫu)", "officer", "legacy:006", "cán bộ khu vực Đống Đa"),
    ("kimlien", "Trần Văn Minh (mẫu)", "officer", "2025:00229", "cán bộ phường Kim Liên"),
    ("tiepdan", "Phạm Thị Lan (mẫu)", "officer", "city:01", "cán bộ tiếp dân thành phố, trả lời mục Cần người xem"),
    ("giamsat", "Lê Thị Hạnh (mẫu)", "supervisor", "city:01", "người giám sát thành phố"),
    ("quantri", "Đỗ Quang Huy (mẫu)", "administrator", "city:01", "người quản trị"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        if not has_real_channels():
            os.environ.setdefault("TIEPDAN_DEMO", "1")
        config = load_config()
        return int(options.handler(config, options) or 0)
    except (ConfigError, OfficerError, UnknownValueError, boundaries.BoundaryError) as error:
        print(f"manage.py: {error}", file=sys.stderr)
        return 2


def run(config: Config, _options: argparse.Namespace) -> int:
    """Migrate, seed, start every process, print where to go, stay until Ctrl-C."""
    _refuse_demo_accounts(config)
    database = _migrated(config)
    _seed(config, database)
    _match_simulator(config, database)
    return supervise.run(config, supervise.environment(config), _greeting(config))


def migrate(config: Config, _options: argparse.Namespace) -> None:
    """Bring the database to the newest schema."""
    _migrated(config)
    print("The database is up to date.")


def seed(config: Config, _options: argparse.Namespace) -> None:
    """Units always; demo accounts and demo cases only while nothing real is connected."""
    _seed(config, _migrated(config))


def user_add(config: Config, options: argparse.Namespace) -> None:
    """Make an account for an officer; the password is asked for, or read from standard input when piped."""
    password = getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    with transaction(_migrated(config)) as session:
        officer = create_officer(
            session, options.username, options.name, options.role, options.unit, password, datetime.now(UTC)
        )
    print(f"Account {officer.username} ({officer.role}, {officer.unit_id}) made.")


def right(config: Config, options: argparse.Namespace) -> None:
    """Give somebody the right to export what citizens wrote and their phone numbers, or take it back."""
    with transaction(_opened(config)) as session:
        officer = session.scalars(select(Officer).where(Officer.username == options.username)).first()
        if officer is None:
            raise OfficerError(f"there is no officer {options.username}")
        officer.may_export_personal = options.personal_exports == "on"
    print(f"Personal exports are {options.personal_exports} for {options.username}.")


def user_unlock(config: Config, options: argparse.Namespace) -> None:
    """Let an officer in again who lost the phone with the second factor, or is locked after wrong passwords."""
    now = datetime.now(UTC)
    with transaction(_opened(config)) as session:
        officer = session.scalars(select(Officer).where(Officer.username == options.username)).first()
        if officer is None:
            raise UnknownValueError(f"there is no account {options.username!r}")
        officer.failed_logins, officer.locked_until = 0, None
        removed = second_factor.remove(session, officer.id)
        audit.note(session, None, "factor_removed", f"officer:{officer.id}", now, reason="manage.py user-unlock")
    print(f"{options.username} may log in{'; the second factor is off' if removed else ''}.")


def run_worker(_config: Config, _options: argparse.Namespace) -> None:
    worker.main()


def sweep(config: Config, _options: argparse.Namespace) -> None:
    """Look at the clocks of all open cases now: keep what was missed, remind, tell the units above."""
    database, rulebook, looked = _opened(config), load_rulebook(), 0
    while True:
        with transaction(database) as session:
            count = clocks.sweep(session, rulebook, datetime.now(UTC))
        looked += count
        if not count:
            break
    print(f"{looked} cases looked at.")


def dead_letters(config: Config, _options: argparse.Namespace) -> None:
    """Messages that were given up: id, when, why. No text."""
    with reading(_opened(config)) as session:
        for row in outbox.dead_letters(session):
            print(f"{row.id}\t{row.created_at.isoformat()}\t{row.conversation.channel}\t{row.error}")


def retry(config: Config, options: argparse.Namespace) -> None:
    """Put dead messages back into the queue: those named, or all."""
    with transaction(_opened(config)) as session:
        count = outbox.revive(session, options.ids, datetime.now(UTC))
    print(f"{count} messages will be sent again.")


def messenger_profile(config: Config, _options: argparse.Namespace) -> int:
    """Set what the Facebook Page shows before anybody writes: greeting, start button, first questions, menu."""
    database, vault = _opened(config), Vault(config.data_keys)
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


def export_corrections(config: Config, options: argparse.Namespace) -> None:
    """Write what officers corrected, without names and numbers, as training lines to read before they are used."""
    with reading(_opened(config)) as session:
        found = corrections(session)
    options.file.write_text(as_rasa(found), encoding="utf-8")
    print(f"{len(found)} examples written. Read them before you put the file under data/nlu/.")


def load_boundaries(config: Config, options: argparse.Namespace) -> None:
    """Use official ward boundaries (GeoJSON) for location pins; takes effect when the action server starts again."""
    wards = [unit.ref for unit in load_rulebook().gazetteer.units() if unit.ref.kind == "ward"]
    found = boundaries.read_geojson(options.file, wards)
    config.var_dir.mkdir(parents=True, exist_ok=True)
    boundaries.save(found, config.var_dir)
    print(f"{len(found.wards)} ward boundaries loaded. Restart the action server to use them.")


def case_add(config: Config, options: argparse.Namespace) -> None:
    """Put a case into the store as if a citizen had filed it; prints its code. For tests from outside."""
    given = Given(
        channel=options.channel,
        user=options.user,
        category=options.category,
        district=options.district,
        description=options.description,
        status=options.status,
        age_hours=options.age_hours,
    )
    database = _migrated(config)
    _seed_units(database)
    with transaction(database) as session:
        case = add_case(session, load_rulebook(), given, f"given:{uuid.uuid4().hex}", datetime.now(UTC))
    print(case.code)


def conversation(config: Config, options: argparse.Namespace) -> None:
    """Show a conversation of the real store. For tests from outside."""
    with reading(_opened(config)) as session:
        found = transcript(session, options.channel, options.user)
    if options.json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for message in found["messages"]:
        print(f"{'<' if message['direction'] == 'in' else '>'} {message['text']}")


def _opened(config: Config) -> Database:
    return open_database(config.database_url)


def _migrated(config: Config) -> Database:
    database = _opened(config)
    alembic = AlembicConfig()
    alembic.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    with changing_schema(database) as connection:
        if database.lock_path is None:  # two hosts may start on a new database at the same moment
            connection.execute(text("SELECT pg_advisory_xact_lock(20250701)"))
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "head")
    return database


def _seed(config: Config, database: Database) -> None:
    _seed_units(database)
    if not config.demo:
        return
    now = datetime.now(UTC)
    with transaction(database) as session:
        if session.scalars(select(Officer.id).where(~Officer.is_demo)).first() and not demo_accounts(session):
            return  # somebody's real desk: it gets no accounts with a printed password
        for username, name, role, unit_id, _ in DEMO_ACCOUNTS:
            if session.scalars(select(Officer.id).where(Officer.username == username)).first() is None:
                create_officer(session, username, name, role, unit_id, DEMO_PASSWORD, now, is_demo=True)
        seed_demo_cases(session, load_rulebook(), now)


def _seed_units(database: Database) -> None:
    with transaction(database) as session:
        for unit in load_rulebook().gazetteer.units():
            scheme, _, code = unit.ref.id.partition(":")
            values = {
                "id": unit.ref.id,
                "scheme": scheme,
                "code": code,
                "kind": unit.ref.kind,
                "name": area_label(unit.ref.name),
                "slug": unit.ref.slug,
                "parent_id": unit.parent_id,
                "lat": unit.lat,
                "lon": unit.lon,
            }
            insert_once(session, Unit, values)


def _match_simulator(config: Config, database: Database) -> None:
    """A new database knows no Zalo tokens: the simulator then forgets those it gave to the old one."""
    with reading(database) as session:
        known = session.get(ChannelToken, "zalo") is not None
    if config.simulated and not known:
        (config.var_dir / "simulator.json").unlink(missing_ok=True)


def _refuse_demo_accounts(config: Config) -> None:
    if config.simulated:
        return
    with reading(_migrated(config)) as session:
        left = demo_accounts(session)
    if left:
        raise ConfigError(
            f"A real channel is configured and demo accounts exist ({', '.join(left)}): use a fresh database."
        )


def _greeting(config: Config) -> str:
    lines = ["", "Tiếp Dân is running. Stop it with Ctrl-C.", ""]
    if config.simulated:
        lines += [
            "  No real Zalo or Facebook is connected: the gateway talks to the simulator.",
            f"  Phone simulator   http://127.0.0.1:{config.simulator_port}",
        ]
    lines += [
        f"  Officers' desk    http://127.0.0.1:{config.desk_port}",
        f"  Public portal     http://127.0.0.1:{config.portal_port}",
        f"  Gateway health    http://127.0.0.1:{config.webhook_port}/readyz",
        f"  Logs              {config.var_dir}/log/",
    ]
    if config.demo:
        lines += ["", f"  Demo accounts (password {DEMO_PASSWORD}):"]
        lines += [f"    {username:<10} {words}" for username, _, _, _, words in DEMO_ACCOUNTS]
    return "\n".join(lines) + "\n\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, handler: object, text: str | None) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text)
        sub.set_defaults(handler=handler)
        return sub

    for name, handler in (
        ("run", run),
        ("migrate", migrate),
        ("seed", seed),
        ("dead-letters", dead_letters),
        ("messenger-profile", messenger_profile),
        ("sweep", sweep),
    ):
        add(name, handler, handler.__doc__)
    add("worker", run_worker, "One more worker process.")
    sub = add("user-add", user_add, user_add.__doc__)
    sub.add_argument("username")
    sub.add_argument("--name", required=True)
    sub.add_argument("--role", choices=tuple(Role), default="officer")
    sub.add_argument("--unit", required=True, help="unit id, e.g. city:01, legacy:006 (Đống Đa), 2025:00229 (Kim Liên)")
    sub = add("right", right, right.__doc__)
    sub.add_argument("username")
    sub.add_argument("--personal-exports", choices=("on", "off"), required=True)
    add("user-unlock", user_unlock, user_unlock.__doc__).add_argument("username")
    sub = add("retry", retry, retry.__doc__)
    sub.add_argument("ids", nargs="*", type=int, metavar="ID")
    sub = add("replay", replay_webhooks, replay_webhooks.__doc__)
    sub.add_argument("file", type=Path)
    sub.add_argument("--url", default="", help="of the gateway; the one on this machine when it is not given")
    for name, filed in (("export-corrections", export_corrections), ("load-boundaries", load_boundaries)):
        add(name, filed, filed.__doc__).add_argument("file", type=Path)
    sub = add("case-add", case_add, case_add.__doc__)
    for name in ("channel", "user", "category", "district", "description"):
        sub.add_argument(f"--{name}", required=True)
    sub.add_argument("--status", default="new")
    sub.add_argument("--age-hours", "--age", "--age_hours", type=float, default=0.0)
    sub = add("conversation", conversation, conversation.__doc__)
    sub.add_argument("--channel", required=True)
    sub.add_argument("--user", required=True)
    sub.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
