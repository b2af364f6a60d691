"""The rows of the cluster's database, past the service."""

from __future__ import annotations

from collections.abc import Sequence

from infra.failover.cluster import connected
from infra.runtime.protocol import Runtime


def missing_rows(runtime: Runtime, node: str, ids: Sequence[str]) -> list[str]:
    """Those of the ids that stand in no row of any table with a column `id` on that node."""
    with connected(runtime, node) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.columns"
            " WHERE column_name = 'id' AND data_type IN ('text', 'character varying', 'character')"
            " AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        found: set[str] = set()
        for (table,) in tables:
            rows = connection.execute(f"SELECT id FROM {table} WHERE id = ANY(%s)", (list(ids),))
            found |= {str(row[0]) for row in rows.fetchall()}
    return [one for one in ids if one not in found]
