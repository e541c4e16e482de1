"""Strict, stateful stand-ins for the outside services, on 127.0.0.1."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def base_urls(url: str) -> dict[str, str]:
    """Base addresses of connections; ``{account}`` stands for the shop's domain."""
    return {
        "shopify": f"{url}/shopify/{{account}}",
        "openai": f"{url}/openai/v1",
        "pinterest": f"{url}/pinterest/v5",
    }
