"""The sandbox's control API from Python: what the demo and the tests say to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx


class Refused(Exception):
    """The sandbox did not understand; the message says what it knows."""


class Control:
    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=f"{url}/_control", timeout=30, verify=False)

    def open(self, service: str, account: str, **settings: Any) -> dict[str, Any]:
        """Tokens of an account, made when it is not there yet; ``settings`` as the service's
        ``open`` says."""
        asked = {"service": service, "account": account, **settings}
        return dict(self._ask("POST", "/accounts", asked))

    def fault(self, service: str, fault: str, **options: Any) -> None:
        """The next call (``times``, after ``skip``) of ``operation`` fails so; see faults.py."""
        self._ask("POST", "/faults", {"service": service, "fault": fault, **options})

    def clear_faults(self) -> None:
        self._ask("DELETE", "/faults")

    def orders(self, shop: str, orders: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Customers buy: product (handle or gid), quantity, days_ago, cancelled, test, refunded;
        or ``lines`` of product and quantity; or ``order`` (its name), for one that changes."""
        found = self._ask("POST", "/orders", {"shop": shop, "orders": list(orders)})
        return list(found["orders"])

    def state(self, service: str) -> dict[str, Any]:
        return dict(self._ask("GET", f"/state/{service}"))

    def violations(self) -> list[dict[str, str]]:
        return list(self._ask("GET", "/violations"))

    def clear_violations(self) -> None:
        self._ask("DELETE", "/violations")

    def reset(self) -> None:
        self._ask("POST", "/reset")

    def close(self) -> None:
        self._http.close()

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, path, json=body)
        if answer.status_code != 200:
            raise Refused(answer.json()["error"])
        return answer.json()
