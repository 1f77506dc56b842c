"""The model letters, for everybody to download; called by `portal.app`."""

import io

from flask import Response, abort, send_file

from cases.letters import MIME, document, load_letters


def download(name: str) -> Response:
    """An empty letter of khiếu nại or tố cáo; nothing is noted of who takes one."""
    found = next((letter for letter in load_letters().values() if letter.file_name == name), None)
    if found is None:
        abort(404)
    return send_file(io.BytesIO(document(found.kind)), MIME, as_attachment=True, download_name=name)
