"""One page for people: what was made in the shops and pinned on the boards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from starlette.responses import HTMLResponse

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; } p.note { opacity: .7; margin-top: 0; }
ul.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 1rem;
  list-style: none; padding: 0; }
ul.cards li { border: 1px solid #8884; border-radius: .5rem; overflow: hidden; }
ul.cards img, ul.cards .blank { display: block; width: 100%; aspect-ratio: 2/3; object-fit: cover;
  background: #8882; }
ul.cards div.text { padding: .5rem .75rem; } ul.cards small { opacity: .7; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .15rem 1rem .15rem 0; }
.bad { color: #c22; }
"""


def overview(
    states: Mapping[str, Any], violations: list[dict[str, str]], specs: list[str]
) -> HTMLResponse:
    shopify, pinterest = states["shopify"], states["pinterest"]
    checked = f"Checked against: {', '.join(specs)}" if specs else "No specifications found"
    parts = ["<h1>AutoM sandbox</h1>", f'<p class="note">{escape(checked)}.</p>']
    parts += wrong(violations)
    for shop in unique(row["shop"] for row in shopify.get("publications", [])):
        parts += shop_part(shop, shopify)
    for board in pinterest.get("boards", []):
        parts += board_part(board, pinterest)
    parts.append("<h2>Calls</h2><table>")
    for service, state in states.items():
        for operation, times in state["calls"].items():
            cells = (service, operation, str(times))
            parts.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    parts.append("</table>")
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>AutoM sandbox</title>'
    view = '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
    return HTMLResponse(f"{head}{view}<style>{STYLE}</style><body>{''.join(parts)}</body></html>")


def wrong(violations: list[dict[str, str]]) -> list[str]:
    if not violations:
        return []
    rows = [f"<li>{escape(' · '.join(row.values()))}</li>" for row in violations]
    return [f'<h2 class="bad">{len(rows)} against the contract</h2><ul>', *rows, "</ul>"]


def shop_part(shop: str, state: Mapping[str, Any]) -> list[str]:
    products = [row for row in state.get("products", []) if row["shop"] == shop]
    orders = [row for row in state.get("orders", []) if row["shop"] == shop]
    sold = sum(line["current_quantity"] for order in orders for line in order["lines"])
    note = f"{len(products)} products, {len(orders)} orders, {sold} units sold and kept"
    parts = [f'<h2>{escape(shop)}</h2><p class="note">{note}</p><ul class="cards">']
    for product in products:
        url = next((media["url"] for media in product["media"] if media["url"]), None)
        price = next((variant["price"] for variant in product["variants"]), "")
        shown = (
            f"on {len(product['published_to'])} channels" if product["published_to"] else "hidden"
        )
        parts.append(card(url, product["title"], f"{price} · {product['status']} · {shown}"))
    return [*parts, "</ul>"]


def board_part(board: Mapping[str, Any], state: Mapping[str, Any]) -> list[str]:
    pins = [row for row in state.get("pins", []) if row["board_id"] == board["id"]]
    name = f"{board['account']} / {board['name']}"
    parts = [f'<h2>{escape(name)}</h2><p class="note">{len(pins)} pins</p><ul class="cards">']
    for pin in pins:
        url = pin["media"]["images"]["1200x"]["url"]
        parts.append(card(url, pin["title"] or "", pin["link"] or "no link"))
    return [*parts, "</ul>"]


def card(url: str | None, title: str, note: str) -> str:
    image = (
        f'<img loading="lazy" src="{escape(url)}" alt="">' if url else '<div class="blank"></div>'
    )
    text = f"<b>{escape(title)}</b><br><small>{escape(note)}</small>"
    return f'<li>{image}<div class="text">{text}</div></li>'


def unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
