"""How Alembic runs our migrations: on the connection and transaction that the ledger hands over."""

from alembic import context

from rapport.vocabulary.ledger_tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,
    # The ledger's own transaction holds all steps, so that a failed upgrade leaves nothing half.
    transaction_per_migration=False,
)
context.run_migrations()
