"""What events need: the outbox, the offsets that are kept beside what they led to, the counts, the audit log; and the
idempotency keys of POST."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"

TEXT = sa.Text(collation="C")
NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("link_id", TEXT, nullable=False),
        sa.Column("event", TEXT, nullable=False),  # created, changed, deleted
        sa.Column("url", TEXT),  # after the change; none once deleted
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
    )
    op.create_table(
        "click_counts",
        sa.Column("link_id", TEXT, primary_key=True),
        sa.Column("clicks", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "consumed",
        sa.Column("consumer", TEXT, primary_key=True),
        sa.Column("topic", TEXT, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("next_offset", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "audit_log",
        sa.Column("event_id", TEXT, primary_key=True),
        sa.Column("link_id", TEXT, nullable=False),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("url", TEXT),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("key", TEXT, primary_key=True),
        sa.Column("url", TEXT, nullable=False),  # of the first request, and so of its answer
        sa.Column("link_id", TEXT, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
    )
    op.create_index("idempotency_keys_by_age", "idempotency_keys", ["created_at"])


def downgrade() -> None:
    for table in ("idempotency_keys", "audit_log", "consumed", "click_counts", "outbox"):
        op.drop_table(table)
