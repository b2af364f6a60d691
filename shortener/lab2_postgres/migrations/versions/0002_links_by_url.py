"""The index that finds the links to a url, newest first. Leave it out (`migrate 0001`) to see the slow plan.

It is built while others write, outside of any transaction; what an earlier, broken attempt left is dropped first."""

from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    downgrade()
    with op.get_context().autocommit_block():
        op.create_index("links_by_url", "links", ["url", "created_at", "id"], postgresql_concurrently=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("links_by_url", postgresql_concurrently=True, if_exists=True)
