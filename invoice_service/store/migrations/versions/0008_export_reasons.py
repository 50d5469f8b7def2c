"""Why an export was asked for; and the one that is least far goes first"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UNFINISHED = "state IN ('waiting', 'running')"


def upgrade() -> None:
    op.add_column("exports", sa.Column("reason", sa.Text(), server_default="", nullable=False))
    op.alter_column("exports", "reason", server_default=None)
    op.drop_index("exports_unfinished_idx", "exports")
    op.create_index("exports_unfinished_idx", "exports", ["rows_done"], postgresql_where=sa.text(UNFINISHED))
