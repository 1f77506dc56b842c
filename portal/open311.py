"""Open311 GeoReport v2, reading only: services and requests in JSON and XML; called by `portal.app`.

https://wiki.open311.org/GeoReport_v2/ - requests are those that `cases.public_figures` lets out: of finished months, by
day and by ward. A GET with `service_request_id` takes precedence over every other argument, as the specification says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from flask import jsonify, request
from werkzeug.wrappers import Response

from cases.categories import Categories
from cases.deadlines import LOCAL
from cases.public_figures import (
    Month,
    PublicRequest,
    Wanted,
    case_id_of,
    is_finished,
    may_be_told,
    requests,
)
from cases.public_figures import request as one_request
from cases.rulebook import Rulebook
from core.db import reading
from portal.gate import ClosedError, Gate, TooOftenError

LONGEST_SPAN = timedelta(days=90)
USUAL_PAGE, LARGEST_PAGE = 100, 500
MOST_IDS = 50

Record = Mapping[str, Any]


class BadRequestError(Exception):
    """An argument cannot be read; the message says which and how it should look."""


@dataclass(frozen=True)
class Open311:
    """The interface, behind the gate."""

    gate: Gate

    def services(self, form: str) -> Response:
        return self._answer(form, "services", "service", lambda rulebook: _services(rulebook.categories))

    def requests(self, form: str) -> Response:
        return self._answer(form, "service_requests", "request", self._requests)

    def request(self, form: str, name: str) -> Response:
        return self._answer(form, "service_requests", "request", lambda rulebook: self._named(rulebook, [name]))

    def _answer(self, form: str, root: str, item: str, records: Any) -> Response:
        """The records in the form asked for, or the errors of the specification in the same form."""
        try:
            found = records(self.gate.enter(request.remote_addr or ""))
        except ClosedError:
            return _errors(form, 404, "Not found")
        except TooOftenError:
            return _errors(form, 429, "Too many requests: wait a minute")
        except BadRequestError as error:
            return _errors(form, 400, str(error))
        if not found and root == "service_requests" and request.view_args and "name" in request.view_args:
            return _errors(form, 404, "service_request_id was not found")
        return _rendered(form, root, item, found)

    def _requests(self, rulebook: Rulebook) -> list[Record]:
        names = _listed("service_request_id")
        if names:
            return self._named(rulebook, names)
        wanted, now = _wanted(rulebook.categories, self.gate.clock()), self.gate.clock()
        size = _number("page_size", USUAL_PAGE, LARGEST_PAGE)
        page = _number("page", 1, 1_000_000)
        months = [month for month in _months(wanted) if is_finished(month, now)]
        with reading(self.gate.database) as session:
            tables = self.gate.tables(session, rulebook, months)
            key = self.gate.config.data_keys[0]
            found = requests(session, tables, wanted, key, limit=size, offset=(page - 1) * size)
        return [_record(rulebook.categories, one) for one in found]

    def _named(self, rulebook: Rulebook, names: Sequence[str]) -> list[Record]:
        """Those of the named requests that may be told; a name we never gave and one that is hidden look the same."""
        keys, now = self.gate.config.data_keys, self.gate.clock()
        ids = [case_id_of(name, keys) for name in names[:MOST_IDS]]
        with reading(self.gate.database) as session:
            found = [
                one_request(session, case_id, lambda month: self.gate.table(session, rulebook, month), now, keys[0])
                for case_id in ids
                if case_id is not None
            ]
        return [_record(rulebook.categories, one) for one in found if one is not None]


def _services(categories: Categories) -> list[Record]:
    return [
        {
            "service_code": code,
            "service_name": categories[code].label,
            "description": categories[code].description,
            "metadata": "false",
            "type": "realtime",
            "keywords": "",
            "group": "",
        }
        for code in may_be_told(categories)
    ]


def _record(categories: Categories, one: PublicRequest) -> Record:
    label = categories[one.category].label
    return {
        "service_request_id": one.public_id,
        "status": "open" if one.is_open else "closed",
        "status_notes": None,
        "service_name": label,
        "service_code": one.category,
        "description": None,
        "agency_responsible": one.unit,
        "service_notice": None,
        "requested_datetime": _midnight(one.opened).isoformat(),
        "updated_datetime": _midnight(one.updated).isoformat(),
        "expected_datetime": _midnight(one.expected).isoformat(),
        "address": one.ward,
        "address_id": one.ward_id,
        "zipcode": None,
        "lat": one.lat,
        "long": one.lon,
        "media_url": None,
    }


def _wanted(categories: Categories, now: datetime) -> Wanted:
    """Without dates the last 90 days; a longer span is cut at its beginning, as the specification allows."""
    codes, status = _listed("service_code"), request.args.get("status", "")
    if not set(codes) <= set(may_be_told(categories)):
        raise BadRequestError("service_code is not one of /services")
    if status not in {"", "open", "closed"}:
        raise BadRequestError("status must be open or closed")
    end = _moment("end_date") or now
    start = _moment("start_date") or end - LONGEST_SPAN
    if start > end:
        raise BadRequestError("start_date is after end_date")
    return Wanted(max(start, end - LONGEST_SPAN), end, codes, {"": None, "open": True, "closed": False}[status])


def _months(wanted: Wanted) -> list[Month]:
    month, found = Month(wanted.start.astimezone(LOCAL).date().replace(day=1)), []
    while month.start < wanted.end:
        found.append(month)
        month = month.after
    return found


def _listed(name: str) -> list[str]:
    return [part.strip() for part in request.args.get(name, "").split(",") if part.strip()]


def _number(name: str, usual: int, most: int) -> int:
    text = request.args.get(name, str(usual))
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= most):
        raise BadRequestError(f"{name} must be a number from 1 to {most}")
    return int(text[:9])


def _moment(name: str) -> datetime | None:
    """A date and time of W3C's profile of ISO 8601; without a zone it is Hà Nội's."""
    text = request.args.get(name, "")
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))  # a plus sign in an address reads as a space
        aware = found if found.tzinfo else found.replace(tzinfo=LOCAL)
        return aware.astimezone(UTC) if 2000 <= aware.year <= 2100 else _refuse(name)
    except (ValueError, OverflowError):
        return _refuse(name)


def _refuse(name: str) -> datetime:
    raise BadRequestError(f"{name} must look like 2026-11-24T00:00:00+07:00")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LOCAL)


def _errors(form: str, code: int, words: str) -> Response:
    response = _rendered(form, "errors", "error", [{"code": code, "description": words}])
    response.status_code = code
    return response


def _rendered(form: str, root: str, item: str, records: Sequence[Record]) -> Response:
    if form == "json":
        return jsonify(list(records))
    top = Element(root)
    for record in records:
        element = SubElement(top, item)
        for name, value in record.items():
            SubElement(element, name).text = None if value is None else str(value)
    body = tostring(top, encoding="utf-8", xml_declaration=True)
    return Response(body, mimetype="text/xml")
