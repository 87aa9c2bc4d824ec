"""The tables of counters in the schema `app`, for SQLAlchemy Core; `migrations/` creates them."""

from sqlalchemy import BigInteger, Column, DateTime, Table, Text

from catflap.store.tables import metadata

# What happened how often, by five minutes, and in all since the first start.
counters = Table(
    "counters",
    metadata,
    Column("bucket_at", DateTime(timezone=True), primary_key=True),
    Column("name", Text, primary_key=True),
    # How it ended, or in which range of a histogram it is.
    Column("label", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
    schema="app",
)

counter_totals = Table(
    "counter_totals",
    metadata,
    Column("name", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
    schema="app",
)
