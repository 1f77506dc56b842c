"""The shape of the house: who may import whom, how big things grow, one commit, complete words, migrations = models."""

import ast
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from pytest_socket import SocketConnectBlockedError
from sqlalchemy import inspect

from actions.handoff import REASONS
from actions.privacy import CHOICES
from actions.reader import DETOURS
from cases import windows
from cases.consents import Purpose
from cases.data_requests import About, Kind
from cases.deadlines import Urgency
from cases.officers import Role
from cases.rulebook import Rulebook
from cases.workflow import Status
from core.db import Base, Database
from tests.support import ROOT, migrate

# Down only: entry points never import each other; `bot.normalise` is the one door into the bot.
MAY_IMPORT = {
    "core": {"core"},
    "cases": {"cases", "core", "bot.normalise"},
    "webhook": {"webhook", "cases", "core"},
    "actions": {"actions", "cases", "core"},
    "desk": {"desk", "cases", "core"},
    "portal": {"portal", "cases", "core"},
    "bot": {"bot"},
    "simulator": {"simulator"},
    "migrations": {"core", "cases"},
    "supervise.py": {"core"},
    "commands": {"commands", "supervise", "webhook", "cases", "core"},
    "manage.py": {"commands", "cases", "core"},
}
OURS = {*(room.removesuffix(".py") for room in MAY_IMPORT), "tests"}
# What may come from outside into the bot; Rasa ships the second row, and the bot meets it at Rasa's own edges.
BOT_LIBRARIES = {
    "rasa", "sklearn", "numpy", "scipy", "joblib", "underthesea",
    "sanic",  # a Rasa channel is a sanic blueprint
    "aiohttp",  # the errors of Rasa's call to the action server
    "jsonschema",  # the validation that is cached
    "structlog",  # Rasa's logging, silenced so that no text is logged
}  # fmt: skip
REVISIONS = sorted(path.name[:4] for path in (ROOT / "migrations" / "versions").glob("[0-9]*.py"))
AIM_MODULE, MOST_MODULE = 300, 400  # lines
AIM_FUNCTION, MOST_FUNCTION = 50, 60
PYTHON = sorted(
    path for room in MAY_IMPORT for path in ([ROOT / room] if room[-3:] == ".py" else ROOT.glob(f"{room}/**/*.py"))
)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def nodes[Kind: ast.AST](kind: type[Kind], *rooms: str) -> Iterator[tuple[Path, Kind]]:
    """Every piece of this kind in the code of these rooms (of all when none is named)."""
    for path in PYTHON:
        if not rooms or room_of(path) in rooms:
            yield from ((path, node) for node in ast.walk(tree(path)) if isinstance(node, kind))


def strings(pattern: str, *rooms: str) -> set[str]:
    """The string constants of these rooms that match."""
    values = (node.value for _, node in nodes(ast.Constant, *rooms))
    return {value for value in values if isinstance(value, str) and re.fullmatch(pattern, value)}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(node: ast.AST, package: str) -> Iterator[str]:
    """The modules an import statement names; a relative one is resolved from the package it stands in."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parent = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*parent, base]).rstrip(".")
        # "from bot import normalise" names the module bot.normalise.
        yield from (f"{base}.{alias.name}" if base in OURS else base for alias in node.names)


def imported(path: Path) -> set[str]:
    package = ".".join(path.relative_to(ROOT).parent.parts)
    return {name for node in ast.walk(tree(path)) for name in imports(node, package)}


def inside(name: str, allowed: set[str]) -> bool:
    return any(name == base or name.startswith(f"{base}.") for base in allowed)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_go_down_only(room: str) -> None:
    files = [path for path in PYTHON if room_of(path) == room]
    assert files
    wrong = {
        f"{name_of(path)} imports {name}"
        for path in files
        for name in imported(path)
        if name.split(".")[0] in OURS and not inside(name, MAY_IMPORT[room])
    }
    assert wrong == set()


def test_no_room_starts_what_it_may_not_import() -> None:
    """A command line is an import that the rule above does not see."""
    assert strings(r"(?:-m )?(?:bench|tests)(?:\.\w+)+", *MAY_IMPORT) == set()


def test_every_folder_with_code_is_a_room_of_the_house() -> None:
    homes = {path.split("/")[0] for path in tracked() if path.endswith(".py")}
    assert homes - {"tests", "bench"} == set(MAY_IMPORT)


def test_the_bot_stands_on_its_libraries_and_its_door_on_none() -> None:
    outside = {
        name.split(".")[0]
        for path in PYTHON
        if room_of(path) == "bot"
        for name in imported(path)
        if name.split(".")[0] not in sys.stdlib_module_names | {"bot"}
    }
    assert outside <= BOT_LIBRARIES
    door = {name.split(".")[0] for name in imported(ROOT / "bot/normalise.py")} - set(sys.stdlib_module_names)
    assert {name for name in imported(ROOT / "bot/normalise.py") if name.startswith("bot")} <= {
        "bot.teencode",
        "bot.keystrokes",
        "bot.syllables",
    }
    assert door <= {"bot"}


def test_nothing_is_imported_inside_a_function() -> None:
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path, function in (*nodes(ast.FunctionDef), *nodes(ast.AsyncFunctionDef))
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert found == []


def sizes() -> tuple[dict[str, int], dict[str, int]]:
    """Lines of every module, and of every function; the migrations list columns and are as long as the tables."""
    counted = [path for path in PYTHON if room_of(path) != "migrations"]
    modules = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in counted}
    functions = {
        f"{name_of(path)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path, node in (*nodes(ast.FunctionDef), *nodes(ast.AsyncFunctionDef))
        if path in counted
    }
    return modules, functions


def test_modules_and_functions_stay_small(capsys: pytest.CaptureFixture[str]) -> None:
    modules, functions = sizes()
    large = {name: lines for name, lines in modules.items() if lines > AIM_MODULE}
    large |= {name: lines for name, lines in functions.items() if lines > AIM_FUNCTION}
    if large:
        with capsys.disabled():
            sys.stdout.write(f"\nlarger than we aim at: {', '.join(f'{n} ({lines})' for n, lines in large.items())}\n")
    assert {name: lines for name, lines in modules.items() if lines > MOST_MODULE} == {}
    assert {name: lines for name, lines in functions.items() if lines > MOST_FUNCTION} == {}


def calls(attribute: str, *rooms: str) -> list[str]:
    """Where `.attribute(` is called."""
    found = nodes(ast.Call, *rooms)
    return [name_of(path) for path, node in found if getattr(node.func, "attr", "") == attribute]


def test_one_place_commits() -> None:
    assert calls("commit") == ["core/db.py"]


def test_only_the_worker_sends() -> None:
    assert calls("send", "desk", "portal", "actions", "cases", "core") == []
    assert calls("send", "webhook") == ["webhook/deliver.py"]


def test_the_map_for_engineers_names_every_module_in_its_room() -> None:
    """docs/engineering.md: a newcomer finds a module there, by its name or by a beginning that ends in a star."""
    page = (ROOT / "docs/engineering.md").read_text("utf-8")
    rooms = dict(re.findall(r"^\*\*(\w+)\*\*(.*?)(?=^\*\*\w+\*\*|^## )", page, re.MULTILINE | re.DOTALL))
    assert set(rooms) == {room for room in MAY_IMPORT if room != "migrations" and not room.endswith(".py")}
    named = {
        room: {word for part in re.findall(r"`([^`\n]+)`", told) for word in re.findall(r"[\w*]+", part)}
        for room, told in rooms.items()
    }
    missing = [
        name_of(path)
        for path in PYTHON
        if room_of(path) in rooms and not path.stem.startswith("__")
        if not any(fnmatch(path.stem, word) for word in named[room_of(path)])
    ]
    assert missing == []


def test_every_module_says_its_job_in_its_first_line() -> None:
    written = [path for path in PYTHON if path.stat().st_size and room_of(path) != "migrations"]
    assert [name_of(path) for path in written if not ast.get_docstring(tree(path))] == []


MODULES = {dotted(path): path for path in PYTHON}
CALLERS = re.compile(r"[Cc]alled (?:by|through) ((?:[^.;:()]|\.(?=\w))*)")
# What people call a process or a command line: the room whose modules it runs.
PROCESSES = {"worker": "webhook", "gateway": "webhook", "manage": "commands"}


@cache
def importers() -> dict[str, set[str]]:
    """By module: the modules that import it; a package brings in all that it is made of."""
    found: dict[str, set[str]] = {name: set() for name in MODULES}
    for name, path in MODULES.items():
        for brought in (imported(path) | imported_names(path)) & set(MODULES) - {name}:
            found[brought].add(name)
    for package in (name for name, path in MODULES.items() if path.name == "__init__.py"):
        for name in MODULES:
            if name.startswith(f"{package}.") and package in found[name]:
                found[name] |= found[package]
    return found


def imported_names(path: Path) -> set[str]:
    """What "from package import module" brings, whether the module is ours or not."""
    return {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def callers(module: str) -> list[tuple[set[str], bool]]:
    """Each caller that the docstring of a module names, as the modules it may mean; and whether it says "only"."""
    told, found = " ".join((ast.get_docstring(tree(MODULES[module])) or "").split()), []
    for clause in CALLERS.findall(told):
        for part in re.split(r", (?:and )?(?:by )?|\band (?:by )?", clause):
            word = re.sub(r"^the |`", "", part).split(" ")[0].split("'")[0]
            meant = names_meant(module, word.removesuffix(".py").replace("/", "."))
            if not meant:
                break  # the list of names is over, what follows explains
            found.append((meant, bool(re.search(r"\bonly$", clause))))
    return found


def names_meant(module: str, word: str) -> set[str]:
    """A neighbour of that name, or else a module, or a room, of that name anywhere."""
    word, room = PROCESSES.get(word, word), module.split(".")[0]
    near = {f"{room}.{word}", f"{module.rpartition('.')[0]}.{word}"} & set(MODULES)
    return near or {name for name in MODULES if f".{name}".endswith(f".{word}")}


def calls_it(callers_meant: set[str], by: set[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in callers_meant for name in by)


def test_a_module_is_called_by_those_it_names_as_its_callers() -> None:
    named = [(module, meant) for module in MODULES for meant, _ in callers(module)]
    assert len(named) > 150
    assert [f"{module}: {sorted(meant)}" for module, meant in named if not calls_it(meant, importers()[module])] == []


def test_who_is_said_to_be_the_only_caller_is_the_only_one() -> None:
    said = {module: [meant for meant, only in callers(module) if only] for module in MODULES}
    assert sum(map(bool, said.values())) >= 4
    others = {
        module: sorted(name for name in importers()[module] if not any(calls_it(one, {name}) for one in meant))
        for module, meant in said.items()
        if meant
    }
    assert {module: names for module, names in others.items() if names} == {}


def is_ours(_item: Any, name: str | None, *_rest: Any) -> bool:
    """The full-text index is of another kind on each database: the models do not know it, test_rebuild does."""
    return not (name or "").startswith("case_search")


def differences(database: Database) -> list[Any]:
    with database.engine.connect() as connection:
        opts = {"compare_type": True, "include_object": is_ours}
        context = MigrationContext.configure(connection, opts=opts)
        return compare_metadata(context, Base.metadata)


def tables(database: Database) -> set[str]:
    found = inspect(database.engine).get_table_names()
    return {name for name in found if name != "alembic_version" and is_ours(None, name)}


def test_migrations_build_what_the_models_say_and_go_down_and_up_again(empty_database: Database) -> None:
    for _ in range(2):
        migrate(empty_database)
        assert differences(empty_database) == []
        assert tables(empty_database) == set(Base.metadata.tables)
        migrate(empty_database, "base")
        assert tables(empty_database) == set()


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_database_of_any_earlier_day_is_brought_up(empty_database: Database, revision: str) -> None:
    migrate(empty_database, revision)
    migrate(empty_database)
    assert differences(empty_database) == []


def test_the_comparison_would_notice_a_missing_table_and_index(empty_database: Database) -> None:
    migrate(empty_database)
    with empty_database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE attachments")
        connection.exec_driver_sql("DROP INDEX ix_cases_category")
    assert {difference[0] for difference in differences(empty_database)} >= {"add_table", "add_index"}


def recorded_kinds() -> set[str]:
    """Every kind of event that the services write."""
    written = [node for _, node in nodes(ast.Call, "cases") if getattr(node.func, "id", "") == "record"]
    return {node.args[2].value for node in written if isinstance(node.args[2], ast.Constant)}


def test_every_code_people_meet_has_its_words(rulebook: Rulebook) -> None:
    words = rulebook.words
    assert set(words.statuses) == set(Status)
    assert set(words.urgencies) == set(Urgency)
    assert set(words.roles) == set(Role)
    assert set(words.channels) == {folder.name for folder in (ROOT / "tests/payloads").iterdir()}
    assert set(words.purposes) == set(Purpose)
    assert set(words.wishes) == set(CHOICES) > set(Kind)
    assert len(recorded_kinds()) >= 9
    assert set(words.events) == recorded_kinds()
    told = {"replied", "asked", "transferred", "resolved", "reopened", "answer_kept", "bot_failed"}
    assert told <= set(words.notices)
    assert set(words.undelivered) == set(words.next_steps) == windows.CLOSED | windows.OTHERS | {"dead"}
    noted = [node for _, node in nodes(ast.Call, "cases", "desk") if getattr(node.func, "attr", "") == "note"]
    audited = {arg.value for node in noted for arg in node.args[2:3] if isinstance(arg, ast.Constant)}
    chosen = {"leave_set", "leave_ended", "kept_changed", "kept_withdrawn"}  # by a condition
    chosen |= {"export_right_set"}  # by a command
    assert {action for action in audited if isinstance(action, str)} | chosen == set(words.audits)
    assert all(text.strip() for table in vars(words).values() for text in table.values())


@pytest.mark.parametrize("kind", ["replied", "asked", "transferred", "resolved", "reopened", "answer_kept"])
def test_a_notice_names_the_case_and_needs_nothing_that_is_not_given(rulebook: Rulebook, kind: str) -> None:
    text = rulebook.words.notices[kind].format(code="PA-482-913-773", unit="Phường Láng", text="{x} %s", due="17:00")
    assert "PA-482-913-773" in text


INTENTS = set(
    """greet goodbye thank affirm deny cancel help bot_identity report praise track_case add_info dispute_result
    ask_human emergency denounce complain_decision privacy_request inform abuse out_of_scope""".split()
)
FAQ = set(
    """birth_registration death_registration marriage_registration single_status id_card vneid temporary_residence
    permanent_residence certification land_certificate construction_permit household_business driving_licence
    vehicle_registration passport criminal_record health_insurance social_insurance unemployment_benefit
    social_allowance school_enrolment vaccination bus working_hours office_address hotlines online_services fees
    ward_merger complaint_process waste_schedule power_outage water_outage traffic_fine parking_rules noise_rules
    fire_safety""".split()
)
CATEGORIES = set(
    """road_damage traffic public_transport urban_order construction waste pollution noise drainage water_supply
    power_lighting trees_parks public_security fire_safety health_food education land_housing social_welfare
    public_service animals market other""".split()
)
AREAS = set(
    """ba_dinh hoan_kiem tay_ho long_bien cau_giay dong_da hai_ba_trung hoang_mai thanh_xuan nam_tu_liem bac_tu_liem
    ha_dong soc_son dong_anh gia_lam thanh_tri me_linh son_tay ba_vi phuc_tho dan_phuong hoai_duc quoc_oai thach_that
    chuong_my thanh_oai thuong_tin phu_xuyen ung_hoa my_duc""".split()
)


@cache
def domain() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "domain.yml").read_text("utf-8"))
    return loaded


@cache
def rules() -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = yaml.safe_load((ROOT / "data/rules.yml").read_text("utf-8"))["rules"]
    return loaded


def steps(key: str) -> set[str]:
    """Everything the rules name under a key of a step, alternatives included."""
    flat = [inner for rule in rules() for step in rule["steps"] for inner in (step, *step.get("or", ()))]
    return {step[key] for step in flat if isinstance(step.get(key), str)}


def test_the_labels_are_the_closed_list(rulebook: Rulebook) -> None:
    assert set(domain()["intents"]) == INTENTS | {f"faq_{topic}" for topic in FAQ}
    assert len(domain()["intents"]) == len(set(domain()["intents"])) == 58
    assert set(rulebook.categories) == CATEGORIES
    assert {unit.ref.slug for unit in rulebook.gazetteer.units() if unit.ref.kind == "area"} == AREAS


def test_every_intent_is_trained_and_every_trained_intent_is_known() -> None:
    trained = set()
    for path in sorted((ROOT / "data/nlu").glob("**/*.yml")):
        trained |= set(re.findall(r"^\s*- intent: (\S+)", path.read_text("utf-8"), re.MULTILINE))
    assert {name.split("/")[0] for name in trained} == set(domain()["intents"])


def test_every_intent_has_a_rule() -> None:
    assert steps("intent") - {"nlu_fallback"} == set(domain()["intents"])


def test_every_action_of_a_rule_is_declared_and_every_declared_action_has_its_place() -> None:
    declared = set(domain()["actions"]) | set(domain()["forms"])
    spoken = {action for action in steps("action") if action.startswith("utter_")}
    assert steps("action") - spoken == declared - {"validate_report_form"}
    assert strings(r"(action|validate)_\w+", "actions") == set(domain()["actions"])


def spoken_by_code() -> set[str]:
    """Responses that actions and bot name, and those put together from an intent (a detour, a request)."""
    put_together = {f"utter_{intent}" for intent in (DETOURS | REASONS) - {"track_case"}}
    return strings(r"utter_\w+", "actions", "bot") - {"utter_"} | put_together


def test_every_response_that_is_spoken_exists_and_every_one_that_exists_is_spoken() -> None:
    spoken = spoken_by_code() | {action for action in steps("action") if action.startswith("utter_")}
    assert spoken == set(domain()["responses"])
    assert all(text["text"].strip() for response in domain()["responses"].values() for text in response)


def test_a_response_is_given_every_value_it_names() -> None:
    """A name in braces that no action fills would be shown to the citizen as it stands."""
    filled = {keyword.arg for _, call in nodes(ast.Call, "actions", "bot") for keyword in call.keywords}
    filled |= {
        key.value for _, table in nodes(ast.Dict, "actions") for key in table.keys if isinstance(key, ast.Constant)
    }
    named = {
        name
        for response in domain()["responses"].values()
        for text in response
        for name in re.findall(r"\{(\w+)\}", text["text"])
    }
    assert named
    assert named <= filled


# "khóa", "hủy" as phones type it, and never "khoá", "huỷ" beside it on the next page.
OTHER_TONE = re.compile(r"\w*(?:o[àáảãạèéẻẽẹ]|(?<![qQ])u[ỳýỷỹỵ])\b")
READ_BY_PEOPLE = (
    *("desk/templates/**/*.html", "portal/templates/**/*.html", "cases/catalogue/*.yml", "domain.yml"),
    *("actions/*.py", "portal/*.py"),
)
# A part of an address that is kept with the case, the name of the city, and words that nobody says.
VIETNAMESE_IN_CODE = r"Vị trí ghim |Thành phố Hà Nội|\(\?<!\\w\)\(\?:đ.*"


def test_what_the_bot_says_is_in_the_domain_or_the_catalogue_and_every_piece_is_used(rulebook: Rulebook) -> None:
    told = strings(r"(?s).*[À-ỹĐđ].*", "actions", "portal")
    told -= {ast.get_docstring(node, clean=False) for kind in (ast.FunctionDef, ast.ClassDef, ast.Module)
             for _, node in nodes(kind, "actions", "portal")}  # fmt: skip
    assert {text for text in told if not re.fullmatch(VIETNAMESE_IN_CODE, text)} == set()
    chat = rulebook.words.chat
    assert set(chat) <= strings(r"[a-z_]+", "actions") | {f"button_{about}" for about in About}
    assert max(len(title) for name, title in chat.items() if name.startswith("button_")) <= 20


def test_tones_stand_in_one_place_in_all_that_people_read() -> None:
    texts = {path: path.read_text("utf-8") for pattern in READ_BY_PEOPLE for path in sorted(ROOT.glob(pattern))}
    made_up = {"demo_reports.yml"}  # citizens type as they like
    found = {name_of(path): OTHER_TONE.findall(text) for path, text in texts.items() if path.name not in made_up}
    assert len(found) > 50
    assert {name: words for name, words in found.items() if words} == {}


def test_no_test_reaches_the_network() -> None:
    with pytest.raises((SocketConnectBlockedError, UserWarning), match=r"192\.0\.2\.1"):
        socket.create_connection(("192.0.2.1", 9), timeout=1)


UNWANTED = re.compile(
    r"(^|/)\.env$|(^|/)var/|\.(db|sqlite3?|db-wal|pem|key|p12|pyc|pkl|joblib|npy|bin|zip|gz|tgz|tar|whl|log|event)$"
)
SECRETS = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bEAA[A-Za-z0-9]{60,}|\bgh[pousr]_[A-Za-z0-9]{36}|\bAKIA[0-9A-Z]{16}\b"
    rb"|://[^/\s:@{}\"']+:(?!(?i:password)@)[^/\s@{}\"'<$]{3,}@"
)


@cache
def tracked() -> list[str]:
    """Files that git keeps or would keep."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no git checkout, or git is not installed")
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_git_keeps_no_database_model_archive_or_credential() -> None:
    assert [name for name in tracked() if UNWANTED.search(name)] == []


def test_git_keeps_no_secret_and_nothing_that_is_not_text() -> None:
    contents = {name: (ROOT / name).read_bytes() for name in tracked()}
    assert len(contents) > 100
    assert [name for name, raw in contents.items() if b"\0" in raw] == []
    assert [name for name, raw in contents.items() if SECRETS.search(raw)] == []


@pytest.mark.parametrize(
    ("raw", "secret"),
    [
        (b"-----BEGIN RSA " + b"PRIVATE KEY-----", True), (b"postgresql://tiepdan:" + b"Xy7kq@db/x", True),
        (b"postgresql://user:password@host/database", False), (b"https://graph.facebook.com/v25.0/me", False),
        (b"AKIA" + b"A" * 16, True),
    ],
)  # fmt: skip
def test_the_search_for_secrets_finds_them(raw: bytes, secret: bool) -> None:
    assert bool(SECRETS.search(raw)) is secret
