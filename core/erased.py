"""How an erased text reads, so that no edit brings it back; called by signals, cases.personal and webhook.kept."""

BEGINS = "[nội dung đã được xóa"


def told(why: str) -> str:
    """What stands in place of words that were erased: which right or which law wanted it."""
    return f"{BEGINS} {why}]"


def is_erased(text: str) -> bool:
    return text.startswith(BEGINS)
