"""Postgres and nothing else: tables, migrations, LISTEN/NOTIFY and the embedded server."""
