from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from workers.http import client


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with client() as http:
        yield http
