"""The official `sinch` package with nothing changed but where it calls."""

import base64
import hashlib
import hmac

from sinch import SinchClient


def client(demo, **changed):
    """A client of the demo tenant's project; `changed` replaces `project_id`, `key_id` or `key_secret`."""
    keys = {name: demo.info["sinch"][name] for name in ("project_id", "key_id", "key_secret")}
    kit = SinchClient(**{**keys, **changed}, conversation_region="eu")
    kit.configuration.auth_origin = demo.base_url
    kit.configuration.conversation_domain = demo.base_url
    return kit


def signed_with(secret, callback):
    """Sinch's documented rule, from the page alone: Base64 of HMAC-SHA256 over body, nonce and time, dots between."""
    nonce = callback.headers["x-sinch-webhook-signature-nonce"]
    timestamp = callback.headers["x-sinch-webhook-signature-timestamp"]
    words = b".".join([callback.body, nonce.encode(), timestamp.encode()])
    digest = hmac.new(secret.encode(), words, hashlib.sha256).digest()
    return base64.b64encode(digest).decode() == callback.headers["x-sinch-webhook-signature"]
