"""The action server, `python -m actions.server`: loopback only, one process (a killed parent leaves no child)."""

import logging
from datetime import UTC, datetime

from rasa_sdk.endpoint import create_app
from rasa_sdk.executor import ActionExecutor

from actions.case_talk import CaseTalk, Followup, SmallTalk
from actions.context import Context
from actions.filing import FileCase
from actions.followup import add_to_case, dispute, tell_status
from actions.guidance import AnswerFaq, GuidePetition
from actions.handoff import NoteRequest
from actions.place import Placer
from actions.reader import Reader
from actions.report import ValidateReportForm
from cases import boundaries
from cases.rulebook import load_rulebook
from core.config import Config, load_config
from core.db import open_database
from core.log import configure


def build_context(config: Config) -> Context:
    """Open the database and read the catalogues; raises when one is missing, which stops the start."""
    rulebook = load_rulebook()
    tree = rulebook.gazetteer.units()
    units = {unit.ref.id: unit.ref for unit in tree}
    parents = {unit.ref.id: unit.parent_id for unit in tree if unit.parent_id}
    placer = Placer(rulebook.gazetteer, units, boundaries.load(config.var_dir))
    return Context(
        config=config,
        database=open_database(config.database_url),
        rulebook=rulebook,
        placer=placer,
        reader=Reader(placer, {code: found.label for code, found in rulebook.categories.items()}),
        units=units,
        parents=parents,
        clock=lambda: datetime.now(UTC),
    )


def build_executor(context: Context) -> ActionExecutor:
    executor = ActionExecutor()
    executor.register_action(FileCase(context))
    executor.register_action(GuidePetition(context))
    for action in (
        ValidateReportForm(context),
        AnswerFaq(context),
        Followup(context, "action_track_case", tell_status),
        Followup(context, "action_add_info", add_to_case),
        Followup(context, "action_dispute_result", dispute),
        NoteRequest(context),
        SmallTalk(),
    ):
        executor.register_action(CaseTalk(context, action))
    return executor


def main() -> None:
    configure()
    # rasa-sdk logs whole calls, and with them what people wrote, below this level.
    for name in ("rasa_sdk", "sanic", "sanic.root", "sanic.error", "sanic.access"):
        logging.getLogger(name).setLevel(logging.ERROR)
    config = load_config()
    app = create_app(build_executor(build_context(config)), cors_origins=[])
    app.run(host="127.0.0.1", port=config.actions_port, single_process=True, access_log=False, motd=False)


if __name__ == "__main__":
    main()
