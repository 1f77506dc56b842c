"""Encryption at rest with DATA_KEY: phone numbers, platform tokens, spooled events; called by who keeps them."""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class SealBrokenError(Exception):
    """Something sealed cannot be read with any DATA_KEY we have. Not worth a retry before the key is back."""


class Vault:
    """Seals with the first key, opens with any: put a new key in front of the list to rotate."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._hash_keys = [hashlib.sha256(b"tiepdan-fingerprint:" + key.encode()).digest() for key in keys]
        self._fernet = MultiFernet([Fernet(_derive(key)) for key in keys])

    def seal(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def fingerprint(self, text: str) -> str:
        """A keyed hash by which something sealed is found again without unsealing anything."""
        return self.fingerprints(text)[0]

    def fingerprints(self, text: str) -> list[str]:
        """The hash under every key we have, the newest first: rows may be older than the last rotation."""
        return [hmac.digest(key, text.encode(), hashlib.sha256).hex() for key in self._hash_keys]

    def unseal(self, sealed: bytes) -> str:
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken as error:
            raise SealBrokenError("sealed with a key that is not in DATA_KEY") from error


def digest(token: str) -> str:
    """By which a long random token is known again; whoever reads it in the store cannot make the token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _derive(key: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(b"tiepdan-vault:" + key.encode()).digest())
