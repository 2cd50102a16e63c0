"""Alembic's entry: runs on the connection that `migrate.upgrade` hands in."""

from alembic import context

from wake_service.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
