"""Alembic runs this: the migrations go over the connection that migrate.py opened."""

from alembic import context

from shortener.lab2_postgres.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transaction_per_migration=True
)
with context.begin_transaction():
    context.run_migrations()
