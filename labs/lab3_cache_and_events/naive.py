"""The cache-aside that everybody writes first, to be compared with the lab's: who misses asks the database, and fills.

python -m labs.lab3_cache_and_events.naive, with PORT, DATABASE_URL, REDIS_URL, and PARENT, with which it ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from psycopg_pool import AsyncConnectionPool
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

TTL = 60  # seconds
KEY = "naive:"
SELECT = "SELECT url, 1 AS naive FROM links WHERE id = %s"


class Naive:
    def __init__(self, pool: AsyncConnectionPool, redis: Redis) -> None:
        self._pool, self._redis = pool, redis

    async def follow(self, request: Request) -> Response:
        link_id = request.path_params["id"]
        found = await self._redis.get(KEY + link_id)
        url = str(found) if found is not None else await self._read_and_fill(link_id)
        return Response(status_code=404) if url is None else Response(status_code=302, headers={"location": url})

    async def _read_and_fill(self, link_id: str) -> str | None:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(SELECT, (link_id,))).fetchone()
        if row is None:
            return None
        await self._redis.set(KEY + link_id, row[0], ex=TTL)  # whatever has become of the link meanwhile
        return str(row[0])

    async def delete(self, request: Request) -> Response:
        link_id = request.path_params["id"]
        async with self._pool.connection() as connection:
            deleted = await connection.execute("DELETE FROM links WHERE id = %s", (link_id,))
        await self._redis.delete(KEY + link_id)
        return Response(status_code=204 if deleted.rowcount else 404)


def create_app(database_url: str, redis_url: str, parent: int) -> Starlette:
    pool = AsyncConnectionPool(database_url, max_size=15, open=False, kwargs={"autocommit": True})
    naive = Naive(pool, Redis.from_url(redis_url, decode_responses=True))
    routes = [Route("/{id}", naive.follow), Route("/links/{id}", naive.delete, methods=["DELETE"])]

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        watch = asyncio.create_task(_end_with(parent))
        async with pool:
            yield
        watch.cancel()

    return Starlette(routes=routes, lifespan=lifespan)


async def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        await asyncio.sleep(0.2)
    os._exit(1)


def main() -> None:
    variables = os.environ
    app = create_app(variables["DATABASE_URL"], variables["REDIS_URL"], int(variables["PARENT"]))
    uvicorn.run(app, host="127.0.0.1", port=int(variables["PORT"]), log_level="error", access_log=False)


if __name__ == "__main__":
    main()
