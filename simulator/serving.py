"""Runs one call of the gateway: notes it, plays an ordered fault, lets the server answer; called by both servers."""

from collections.abc import Callable

from flask import Response, request

from simulator.faults import Fault, drip, hang_up, play_before
from simulator.sent import Call, redact
from simulator.world import World

Act = Callable[[Fault | None], Response]


def serve(world: World, endpoint: str, act: Act) -> Response:
    """Answers a call that can be told to misbehave; `act` gives the real answer."""
    return _run(world.faults.take(endpoint), act, None)


def serve_send(world: World, endpoint: str, token: str, valid: bool, act: Act) -> Response:
    """The same for a send endpoint: the call is also noted for GET /api/sent."""
    headers: dict[str, str | bool | None] = {
        "access_token": redact(token),
        "access_token_valid": valid,
        "authorization": "Bearer" if request.headers.get("Authorization", "").startswith("Bearer ") else None,
        "content_type": request.headers.get("Content-Type"),
    }
    fault = world.faults.take(endpoint)
    body = request.get_json(silent=True)
    call = world.sent.add(world.now(), endpoint, request.method, request.path, headers, body)
    return _run(fault, act, call)


def _run(fault: Fault | None, act: Act, call: Call | None) -> Response:
    early = play_before(fault)
    answer = early if early is not None else act(fault)
    lost = fault is not None and fault.kind in ("lost_answer", "reset", "timeout")
    if call is not None:
        call.fault = fault.kind if fault else None
        call.answer = answer.get_json(silent=True)
        call.accepted = early is None and isinstance(call.answer, dict) and call.answer.get("error") in (None, 0)
        call.status = None if lost else answer.status_code
    if early is None and lost:
        return hang_up()
    if fault is not None and fault.kind == "slow_bytes":
        return drip(answer, fault.seconds)
    return answer
