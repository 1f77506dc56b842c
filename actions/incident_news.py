"""What is known of an incident that a draft falls into, said before it is confirmed; called by actions/report."""

from actions.context import Context
from actions.draft import Draft
from cases import conflict, incidents
from core.db import reading


def incident_news(context: Context, before: Draft, draft: Draft) -> dict[str, str] | None:
    """Values of the one line; None without a running incident, or when it was said before."""
    ward_id = draft.location.ward_id if draft.location else None
    told = before.location.ward_id if before.location and before.next_question() == "confirm" else None
    if ward_id is None or draft.category is None or (told, before.category) == (ward_id, draft.category):
        return None
    if conflict.is_about_an_office(context.rulebook.casebook, draft.description or ""):
        return None
    with reading(context.database) as session:
        found = incidents.current_for(session, draft.category, ward_id, context.clock())
    if found is None:
        return None
    news = f" {found.status_text.strip()}" if found.status_text else ""
    return {"unit": context.placer.name(ward_id), "reports": str(found.reports), "news": news}
