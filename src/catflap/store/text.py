"""Make text from other systems safe to store in PostgreSQL."""


def sanitize_text(text: str, limit: int) -> str:
    """Return at most `limit` characters of `text`, without what PostgreSQL's `text` and `jsonb` reject.

    JSON can express NUL and lone surrogates; PostgreSQL stores neither.
    """
    return text[:limit].replace("\0", "").encode("utf-8", "replace").decode()
