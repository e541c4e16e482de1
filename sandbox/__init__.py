"""Strict, stateful stand-ins for the outside services, on 127.0.0.1."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
