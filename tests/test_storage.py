"""What lets us into the workspace's storage where it has only an account key."""

import base64
from datetime import UTC, datetime

from azure.storage.blob._shared_access_signature import BlobSharedAccessSignature

from ops import storage


def test_our_signature_is_the_one_that_azures_client_makes():
    key = base64.b64encode(b"k" * 64).decode()
    expires = datetime(2026, 11, 25, 15, tzinfo=UTC)
    azures = BlobSharedAccessSignature("account", account_key=key)
    azures.x_ms_version = storage.VERSION

    ours = storage.signature("account", "container", key, expires)

    theirs = azures.generate_container(
        "container", permission="rcwdl", expiry=expires, protocol="https"
    )
    assert sorted(ours.split("&")) == sorted(theirs.split("&"))
