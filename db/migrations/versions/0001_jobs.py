"""The kernel: queue, schedules, runs, limits, clock; and the roles that may use it."""

from db.migrations import run

revision = "0001"
down_revision = None


def upgrade() -> None:
    run("0001_jobs.sql", "0001_jobs_watch.sql")


def downgrade() -> None:
    run("0001_jobs.down.sql")
