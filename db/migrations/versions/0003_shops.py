"""Shops: the catalogue and its work, the rows they start with, then what is sold."""

from db.migrations import run

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run(
        "0003_shops_catalog.sql",
        "0003_shops_work.sql",
        "0003_shops_rows.sql",
        "0003_shops_sales.sql",
        "0003_shops_winners.sql",
    )


def downgrade() -> None:
    run("0003_shops.down.sql")
