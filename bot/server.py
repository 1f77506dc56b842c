"""Starts Rasa on loopback with our channel: `python -m bot.server --model var/models --port 5005`.

ACTIONS_PORT (5055) says where the action server listens. /model/parse is open too, for the evaluation.
"""

import argparse
import asyncio
import functools
import logging
import os
import sys
import warnings
from typing import Any, Dict, List, Optional, Sequence, Text

import aiohttp
import jsonschema
import rasa.core.actions.action
import rasa.core.processor
import structlog
from jsonschema.exceptions import best_match
from jsonschema.protocols import Validator
from rasa.core.actions.action import ActionExecutionRejection, RemoteAction
from rasa.core.run import serve_application
from rasa.core.utils import AvailableEndpoints
from rasa.exceptions import ModelNotFound
from rasa.model import get_local_model
from rasa.shared.core.events import Event
from rasa.utils.common import configure_logging_and_warnings
from rasa.utils.endpoints import EndpointConfig

from bot import log
from bot.runner import StraightRunner
from bot.turn import ActionFailed, ActionsUnavailable

HOST = "127.0.0.1"
ACTION_TIMEOUT_SECONDS = 15
TURN_TIMEOUT_SECONDS = 60
CREDENTIALS = "bot/credentials.yml"
ENDPOINTS = "bot/endpoints.yml"

_UNREACHABLE = (aiohttp.ClientConnectionError, asyncio.TimeoutError)
_rasa_run = RemoteAction.run


def main(arguments: Optional[Sequence[Text]] = None) -> int:
    """Serves until SIGTERM; 1 when there is no model to load."""
    options = _options(arguments)
    settle()
    if not _has_model(options.model):
        logging.getLogger("bot").error("no model in %s: train first", options.model)
        return 1
    serve_application(
        model_path=options.model,
        interface=HOST,
        port=options.port,
        credentials=CREDENTIALS,
        enable_api=True,
        response_timeout=TURN_TIMEOUT_SECONDS,
        endpoints=endpoints(os.environ.get("ACTIONS_PORT", "5055")),
    )
    return 0


def settle() -> None:
    """What must hold in a process of ours before Rasa works: no telemetry, no text in logs, failures that are seen."""
    os.environ["RASA_TELEMETRY_ENABLED"] = "false"
    os.environ["SANIC_WORKERS"] = "1"
    quiet_logs()
    RemoteAction.run = run_or_raise
    RemoteAction._validate_action_result = validate_action_result
    rasa.core.processor.DaskGraphRunner = StraightRunner
    rasa.core.actions.action.DEFAULT_REQUEST_TIMEOUT = ACTION_TIMEOUT_SECONDS


def quiet_logs() -> None:
    """Warnings and errors only, and of structured entries only their name: the rest quotes messages and slots."""
    log.configure(logging.WARNING)
    structlog.configure(
        processors=[_name_only, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    configure_logging_and_warnings(logging.WARNING)
    warnings.simplefilter("ignore")  # Rasa's own use of libraries; our tests run with warnings on


def endpoints(actions_port: Text) -> AvailableEndpoints:
    """bot/endpoints.yml plus the address of the action server."""
    found = AvailableEndpoints.read_endpoints(ENDPOINTS)
    found.action = EndpointConfig(url=f"http://{HOST}:{int(actions_port)}/webhook")
    return found


async def run_or_raise(self: RemoteAction, *args: Any, **kwargs: Any) -> List[Event]:
    """RemoteAction.run whose failure cannot be swallowed.

    Rasa catches its own exceptions while it fills slots and goes on as if the action had nothing to say; ours pass.
    """
    try:
        return await _rasa_run(self, *args, **kwargs)
    except ActionExecutionRejection:
        raise
    except Exception as error:
        if isinstance(error, _UNREACHABLE) or isinstance(error.__context__, _UNREACHABLE):
            raise ActionsUnavailable(self.name()) from error
        raise ActionFailed(self.name()) from error


def validate_action_result(self: RemoteAction, result: Dict[Text, Any]) -> bool:
    """Rasa's check of an action's answer without compiling its constant schema each time (76 % of a turn's CPU)."""
    error = best_match(_action_result_validator().iter_errors(result))
    if error is not None:
        raise error
    return True


@functools.lru_cache(maxsize=1)
def _action_result_validator() -> Validator:
    schema = RemoteAction.action_response_format_spec()
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    return validator(schema)


def _name_only(logger: Any, method: Text, event: Dict[Text, Any]) -> Dict[Text, Any]:
    return {"level": method, "event": event.get("event")}


def _has_model(path: Text) -> bool:
    try:
        return bool(get_local_model(path))
    except ModelNotFound:
        return False


def _options(arguments: Optional[Sequence[Text]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bot.server", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="var/models", help="a model file, or a folder whose newest model is loaded")
    parser.add_argument("--port", type=int, default=5005)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
