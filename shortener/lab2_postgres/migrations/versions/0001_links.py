"""The links. Each is found by its id; to find those to a url means to read them all."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None


def upgrade() -> None:
    op.create_table(
        "links",
        sa.Column("id", sa.Text(collation="C"), primary_key=True),
        sa.Column("url", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("clock_timestamp()")
        ),
    )


def downgrade() -> None:
    op.drop_table("links")
