"""The tables as the code of today expects them; the migrations lead there, and a test compares the two. Lab 2."""

from sqlalchemy import Column, DateTime, Index, MetaData, Table, Text, text

metadata = MetaData()

links = Table(
    "links",
    metadata,
    Column("id", Text(collation="C"), primary_key=True),
    Column("url", Text(collation="C"), nullable=False),
    # The clock of the one database, read as the row is written: not of the copies of the service, not of a transaction's start.
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
    Index("links_by_url", "url", "created_at", "id"),
)
