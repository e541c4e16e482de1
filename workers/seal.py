"""Sealed text: authenticated encryption of tokens, with keys that never enter the database.

A sealed text is ``v1.<key id>.<base64url of nonce, ciphertext, tag>``: AES-256-GCM with a random
96-bit nonce. The connection and the field it belongs to are bound in as associated data, so a
sealed text that is copied to another row or column does not open.

Keys come from ``AUTOM_SECRET_KEYS``, parted by commas: the first seals, all of them open. Each
entry is at least 32 characters of randomness; HKDF-SHA256 makes the AES key and the key id of it.

    SealError
    ├── NoKeys       AUTOM_SECRET_KEYS is not set, and there is no key file to use
    ├── WeakKey      an entry is too short to be a key, or the key file is open to others
    ├── NotSealed    the text is no sealed text
    ├── UnknownKey   it was sealed by a key that is not in AUTOM_SECRET_KEYS
    └── Tampered     it was changed, or belongs to another connection or field
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import secrets
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SETTING = "AUTOM_SECRET_KEYS"
KEY_FILE = "secret.keys"
"""In the data folder of the embedded database, where the setting is not set."""
SHORTEST = 32
HOW_TO_MAKE_A_KEY = 'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
_NONCE = 12
_TEXT = re.compile(r"v1\.(?P<key_id>[A-Za-z0-9_-]{1,64})\.(?P<body>[A-Za-z0-9_-]+={0,2})")


class SealError(Exception):
    """Nothing was sealed or opened. No message holds a key, a token or a sealed text."""


class NoKeys(SealError):
    """There is no key."""


class WeakKey(SealError):
    """A key is too short, or others can read it."""


class NotSealed(SealError):
    """The text is not of the form that ``seal`` makes."""


class UnknownKey(SealError):
    """The key is not among ours."""


class Tampered(SealError):
    """The text is not what was sealed for this connection and field."""


class Sealer:
    """Seals with the first key, opens with any."""

    def __init__(self, keys: Iterable[str]) -> None:
        ciphers = [_cipher(key) for key in keys]
        if not ciphers:
            raise NoKeys(f"{SETTING} is not set: nothing can be sealed or opened.")
        self.key_id = ciphers[0][0]
        """The id of the key that seals."""
        self._ciphers = dict(ciphers)

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] = os.environ, key_file: Path | None = None
    ) -> Sealer:
        """The keys of ``AUTOM_SECRET_KEYS``; where that is not set, those of ``key_file``."""
        setting = environment.get(SETTING, "")
        if not setting.strip() and key_file is not None:
            setting = ensure_key_file(key_file)
        return cls(key.strip() for key in setting.split(",") if key.strip())

    @property
    def key_ids(self) -> frozenset[str]:
        """The keys that open."""
        return frozenset(self._ciphers)

    def seal(self, connection_id: UUID, field: str, text: str) -> str:
        nonce = os.urandom(_NONCE)
        body = self._ciphers[self.key_id].encrypt(
            nonce, text.encode(), _place(connection_id, field)
        )
        return f"v1.{self.key_id}.{base64.urlsafe_b64encode(nonce + body).decode()}"

    def unseal(self, connection_id: UUID, field: str, sealed: str) -> str:
        """What was sealed for this connection and field; raises NotSealed, UnknownKey, Tampered."""
        match = _TEXT.fullmatch(sealed)
        if match is None:
            raise NotSealed(f"The {field} of connection {connection_id} is not sealed.")
        cipher = self._ciphers.get(match["key_id"])
        if cipher is None:
            raise UnknownKey(
                f"The {field} of connection {connection_id} was sealed by key {match['key_id']},"
                f" which is not in {SETTING}."
            )
        try:
            body = base64.b64decode(match["body"], altchars=b"-_", validate=True)
            if base64.urlsafe_b64encode(body).decode() != match["body"]:
                raise ValueError("Bits that stand for nothing were changed.")
            text = cipher.decrypt(body[:_NONCE], body[_NONCE:], _place(connection_id, field))
        except (InvalidTag, ValueError, binascii.Error):
            raise Tampered(
                f"The {field} of connection {connection_id} does not open: it was changed,"
                " or sealed for another place."
            ) from None
        return text.decode()


def ensure_key_file(path: Path) -> str:
    """The keys in the file, which is made with one random key and mode 0600 where it is missing.

    Whoever else makes it at the same time gets the same key. WeakKey: others may read the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(SHORTEST) + "\n")
                file.flush()
                os.fsync(file.fileno())
            # A link fails where the name is taken: no half-written key is ever seen, none replaced.
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise WeakKey(f"Others may read the key file {path}: chmod 600 it.")
    return path.read_text().strip().replace("\n", ",")


def _cipher(key: str) -> tuple[str, AESGCM]:
    if len(key) < SHORTEST:
        raise WeakKey(f"A key in {SETTING} has {len(key)} characters, fewer than {SHORTEST}.")
    return _derive(key, b"autom key id v1", 4).hex(), AESGCM(_derive(key, b"autom seal v1", 32))


def _derive(key: str, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose).derive(key.encode())


def _place(connection_id: UUID, field: str) -> bytes:
    return f"autom v1 {connection_id} {field}".encode()
