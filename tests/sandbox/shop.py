"""A shop to talk to, as tests do."""

from __future__ import annotations

from typing import Any

import httpx

from tests.fixtures.sandbox import Sandbox

DOMAIN = "one.myshopify.com"
DEFAULT_TITLE = {"optionName": "Title", "name": "Default Title"}
UPSERT = """
mutation Upsert($identifier: ProductSetIdentifiers, $input: ProductSetInput!) {
  productSet(identifier: $identifier, input: $input, synchronous: true) {
    product {
      id handle title status tags
      variants(first: 10) { nodes { id price sku inventoryItem { id } } }
      media(first: 10) { nodes { status ... on MediaImage { image { url } mediaErrors { code } } } }
    }
    userErrors { field message code }
  }
}
"""


class Client:
    """Sends GraphQL to one shop of the sandbox."""

    def __init__(self, sandbox: Sandbox, domain: str = DOMAIN, **settings: Any) -> None:
        self.base_url = sandbox.base_url("shopify", domain)
        self.account = sandbox.open("shopify", domain, **settings)
        self.token = self.account["access_token"]
        self.version = "2026-10"
        self.http = httpx.Client(timeout=10, verify=False)

    def send(self, query: str, variables: Any = None, **extra: Any) -> httpx.Response:
        return self.http.post(
            f"{self.base_url}/admin/api/{self.version}/graphql.json",
            json={"query": query, "variables": variables or {}, **extra},
            headers={"X-Shopify-Access-Token": self.token},
        )

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of an answer without errors."""
        body = self.send(query, variables).json()
        assert "errors" not in body, body["errors"]
        return body["data"]

    def errors(self, query: str, **variables: Any) -> list[dict[str, Any]]:
        return list(self.send(query, variables).json().get("errors", []))

    def upsert(self, handle: str, /, **given: Any) -> Any:
        """productSet by handle; the payload."""
        variables = {"identifier": {"handle": handle}, "input": product(handle, **given)}
        return self.ask(UPSERT, **variables)["productSet"]


def product(handle: str, /, **given: Any) -> dict[str, Any]:
    """The input of productSet for a simple product."""
    variant = {"optionValues": [DEFAULT_TITLE], "price": "29.99", "sku": handle.upper()}
    return {
        "handle": handle,
        "title": handle.replace("-", " ").title(),
        "status": "DRAFT",
        "productOptions": [{"name": "Title", "values": [{"name": "Default Title"}]}],
        "variants": [variant],
        **given,
    }
