"""Plausible text from the words of a prompt, in the shape a JSON schema asks for.

The same prompt in the same turn always gives the same text. Supported: object, array, string (enum, const, length),
number, integer, boolean, null, anyOf (the first), $ref into $defs.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STOP = frozenset(
    re.findall(
        r"[\w']+",
        """
        a about an and are as at be below by characters create description design english for from
        german in into is it it's language max maximum must no not of on only or please product
        shop tags that the this title to under use we with words write you your
        """,
    )
)
NAMED = re.compile(r"^\s*niche:\s*(.+)$", re.IGNORECASE | re.MULTILINE)
LONGEST_TITLE = 60
OPENERS = ("Vintage", "Bold", "Quiet", "Happy", "Wild", "Minimal", "Sunny", "Classic")
THINGS = ("Tee", "Print", "Graphic", "Design", "Artwork", "Gift")
LINES = (
    "A design for everyone who loves {subject}.",
    "Clean lines and warm colours put {subject} at the centre.",
    "It makes a thoughtful present for friends who share the passion.",
    "Printed on demand, so each piece is made just for its owner.",
    "Wear it, hang it up or give it away: {subject} always starts a conversation.",
)


@dataclass(frozen=True)
class Subject:
    """What a prompt is about; ``turn`` tells apart what is written for the same prompt."""

    words: tuple[str, ...]
    seed: int
    turn: int = 0

    @property
    def phrase(self) -> str:
        return " ".join(self.words)


def subject(prompt: str, turn: int = 0) -> Subject:
    """What a line ``Niche: …`` says, else the words after the last ``for``, else all that tell."""
    named = NAMED.search(prompt)
    tail = named[1] if named else prompt.rpartition(" for ")[2].split("\n")[0]
    words = telling(tail) or telling(prompt) or ["Something", "New"]
    seed = int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:4], "big")
    return Subject(tuple(words[:4]), seed, turn)


def telling(text: str) -> list[str]:
    return [word for word in re.findall(r"[^\W_][\w'-]*", text) if word.lower() not in STOP]


def title(about: Subject) -> str:
    """At most LONGEST_TITLE characters; the first 42 turns give 42 titles."""
    said = {word.lower() for word in about.words}
    openers = [word for word in OPENERS if word.lower() not in said]
    opener = openers[(about.seed + about.turn) % len(openers)]
    thing = THINGS[(about.seed // 8 + about.turn // len(openers)) % len(THINGS)]
    words = [word if word.isupper() else word[:1].upper() + word[1:] for word in about.words]
    while words and len(" ".join([opener, *words, thing])) > LONGEST_TITLE:
        words.pop()
    return " ".join([opener, *words, thing])


def sentence(about: Subject) -> str:
    first = (about.seed + about.turn) % len(LINES)
    return LINES[first].format(subject=about.phrase)


def description(about: Subject) -> str:
    first = (about.seed + about.turn) % len(LINES)
    lines = [*LINES[first:], *LINES[:first]]
    return " ".join(line.format(subject=about.phrase) for line in lines[:4])


def tags(about: Subject) -> list[str]:
    return [word.lower() for word in about.words] + ["gift", "print on demand", "unique design"]


def fill(schema: Mapping[str, Any], about: Subject, name: str = "") -> Any:
    """A value that ``schema`` accepts; ``name`` of the property says what kind of text it is."""
    return _fill(schema, schema.get("$defs", {}), about, name.lower())


def _fill(schema: Mapping[str, Any], defs: Mapping[str, Any], about: Subject, name: str) -> Any:
    if "$ref" in schema:
        return _fill(defs[schema["$ref"].rpartition("/")[2]], defs, about, name)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][about.seed % len(schema["enum"])]
    if "anyOf" in schema:
        return _fill(schema["anyOf"][0], defs, about, name)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "object":
        return {
            key: _fill(sub, defs, about, key.lower())
            for key, sub in schema.get("properties", {}).items()
        }
    if kind == "array":
        return _list(schema, defs, about, name)
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):
        return max(schema.get("minimum", 1), min(1, schema.get("maximum", 1)))
    if kind == "null":
        return None
    return _text(schema, about, name)


def _list(
    schema: Mapping[str, Any], defs: Mapping[str, Any], about: Subject, name: str
) -> list[Any]:
    least, most = schema.get("minItems", 1), schema.get("maxItems", 10)
    items = schema.get("items", {"type": "string"})
    if items.get("type") != "string" or "enum" in items:
        return [_fill(items, defs, about, name) for _ in range(max(1, least))]
    found = tags(about)
    found += [f"{found[0]} {index}" for index in range(len(found), least)]
    limit = items.get("maxLength", 255)
    return list(dict.fromkeys(tag[:limit] for tag in found))[:most]


def _text(schema: Mapping[str, Any], about: Subject, name: str) -> str:
    if "title" in name:
        text = title(about)
    elif "description" in name or "text" in name or "body" in name:
        text = description(about)
        if "html" in name:
            text = f"<p>{text}</p>"
    else:
        text = sentence(about)
    most, least = schema.get("maxLength"), schema.get("minLength", 0)
    if most is not None and len(text) > most:
        text = text[:most].rsplit(" ", 1)[0].rstrip(" ,.:") or text[:most]
    return text.ljust(least, ".")
