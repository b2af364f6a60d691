"""What the sweeper needs: when a link's time is over, a row for each round, and the newest token that was seen.

The service of the labs before knows nothing of it: a link without an end stays for ever."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0004", "0003"

TEXT = sa.Text(collation="C")


def upgrade() -> None:
    op.add_column("links", sa.Column("expires_at", sa.DateTime(timezone=True)))  # null: never
    op.create_index("links_by_end", "links", ["expires_at"], postgresql_where=sa.text("expires_at IS NOT NULL"))
    op.create_table(
        "sweeps",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("node", TEXT, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),  # of the term in which the node believed that it led
        sa.Column("links", sa.Integer, nullable=False),  # how many it deleted
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("clock_timestamp()")),
    )
    op.create_table(
        "fences",
        sa.Column("job", TEXT, primary_key=True),
        sa.Column("token", sa.BigInteger, nullable=False),  # the newest that was seen
    )


def downgrade() -> None:
    op.drop_table("fences")
    op.drop_table("sweeps")
    op.drop_index("links_by_end", "links")
    op.drop_column("links", "expires_at")
