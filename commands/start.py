"""Starting: the schema, the first data, every process, and the words that say where to go."""

import argparse

from sqlalchemy import select

import supervise
from cases.demo import seed_demo_cases
from cases.model import Officer
from cases.officers import create_officer, demo_accounts
from cases.rulebook import load_rulebook
from commands import Add
from commands.store import migrated, seed_units
from core.clock import local_now
from core.config import Config, ConfigError
from core.db import Database, reading, transaction
from core.model import ChannelToken
from webhook import worker

DEMO_PASSWORD = "tiep-dan-demo"  # noqa: S105 - printed on screen; such accounts stop a start with real channels
DEMO_ACCOUNTS = (
    ("dongda", "Nguyễn Thu Hà (mẫu)", "officer", "legacy:006", "cán bộ khu vực Đống Đa"),
    ("kimlien", "Trần Văn Minh (mẫu)", "officer", "2025:00229", "cán bộ phường Kim Liên"),
    ("tiepdan", "Phạm Thị Lan (mẫu)", "officer", "city:01", "cán bộ tiếp dân thành phố, trả lời mục Cần người xem"),
    ("giamsat", "Lê Thị Hạnh (mẫu)", "supervisor", "city:01", "người giám sát thành phố"),
    ("quantri", "Đỗ Quang Huy (mẫu)", "administrator", "city:01", "người quản trị"),
)


def add_to(add: Add) -> None:
    """The commands of this module."""
    for name, handler in (("run", run), ("migrate", migrate), ("seed", seed), ("worker", run_worker)):
        add(name, handler)


def run(config: Config, _options: argparse.Namespace) -> int:
    """Migrate, seed, start every process, print where to go, stay until Ctrl-C."""
    _refuse_demo_accounts(config)
    database = migrated(config)
    _seed(config, database)
    _match_simulator(config, database)
    return supervise.run(config, supervise.environment(config), _greeting(config))


def migrate(config: Config, _options: argparse.Namespace) -> None:
    """Bring the database to the newest schema."""
    migrated(config)
    print("The database is up to date.")


def seed(config: Config, _options: argparse.Namespace) -> None:
    """Units always; demo accounts and demo cases only while nothing real is connected."""
    _seed(config, migrated(config))


def run_worker(_config: Config, _options: argparse.Namespace) -> None:
    """One more worker process."""
    worker.main()


def _seed(config: Config, database: Database) -> None:
    seed_units(database)
    if not config.demo:
        return
    now = local_now()
    with transaction(database) as session:
        if session.scalars(select(Officer.id).where(~Officer.is_demo)).first() and not demo_accounts(session):
            return  # somebody's real desk: it gets no accounts with a printed password
        for username, name, role, unit_id, _ in DEMO_ACCOUNTS:
            if session.scalars(select(Officer.id).where(Officer.username == username)).first() is None:
                create_officer(session, username, name, role, unit_id, DEMO_PASSWORD, now, is_demo=True)
        seed_demo_cases(session, load_rulebook(), now)


def _match_simulator(config: Config, database: Database) -> None:
    """A new database knows no Zalo tokens: the simulator then forgets those it gave to the old one."""
    with reading(database) as session:
        known = session.get(ChannelToken, "zalo") is not None
    if config.simulated and not known:
        (config.var_dir / "simulator.json").unlink(missing_ok=True)


def _refuse_demo_accounts(config: Config) -> None:
    if config.simulated:
        return
    with reading(migrated(config)) as session:
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
