"""Users, plans, subscriptions, connections to outside services."""

from db.migrations import run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run("0002_accounts.sql")


def downgrade() -> None:
    run("0002_accounts.down.sql")
