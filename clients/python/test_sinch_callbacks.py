"""Callbacks to a receiver of ours: read by the official kit, and their signature checked twice, by the kit and by
the documented rule written down again."""

import dataclasses
import itertools

import pytest
import requests
from sinch_kit import client, signed_with

PHONES = itertools.count(447700902000)


@pytest.fixture
def phone():
    return str(next(PHONES))


class Webhooks:
    """Webhooks of the demo app. The kit of this generation has no calls for them, so the documented requests are sent."""

    def __init__(self, demo):
        keys = demo.info["sinch"]
        self.app_id = keys["app_id"]
        self._project = f"{demo.base_url}/v1/projects/{keys['project_id']}"
        self._auth = (keys["key_id"], keys["key_secret"])

    def make(self, target, secret, *triggers):
        body = {"app_id": self.app_id, "target": target, "target_type": "HTTP", "secret": secret, "triggers": triggers}
        return self._call("POST", "/webhooks", body)

    def listed(self):
        return self._call("GET", f"/apps/{self.app_id}/webhooks")["webhooks"]

    def delete(self, webhook):
        assert self._call("DELETE", f"/webhooks/{webhook['id']}") == {}

    def _call(self, method, path, body=None):
        answer = requests.request(method, self._project + path, auth=self._auth, json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def webhooks(demo):
    webhooks = Webhooks(demo)
    before = webhooks.listed()
    yield webhooks
    for one in webhooks.listed():
        if one not in before:
            webhooks.delete(one)


def is_genuine(kit, secret, callback):
    """By both judges, who must also refuse the same callback with one byte changed."""
    forged = dataclasses.replace(callback, body=callback.body.replace(b"{", b"{ ", 1))
    events = kit.conversation.sinch_events(secret)
    judges = [
        lambda one: events.validate_authentication_header(one.headers, one.body),
        lambda one: signed_with(secret, one),
    ]
    return all(judge(callback) and not judge(forged) for judge in judges)


def test_receipts_come_to_the_address_named_with_the_message(demo, sink, phone):
    kit, keys = client(demo), demo.info["sinch"]
    sent = kit.conversation.messages.send_text_message(
        keys["app_id"],
        "Your parcel waits.",
        recipient_identities=[{"channel": "WHATSAPP", "identity": phone}],
        event_destination_target=f"{sink.url}/receipts",
        message_metadata="order-17",
        correlation_id="run-3",
    )
    for status in ["QUEUED_ON_CHANNEL", "DELIVERED"]:
        callback = sink.hears(status, lambda one: one.json["message_delivery_report"]["status"] == status)
        assert callback.path == "/receipts"
        assert is_genuine(kit, keys["webhook_secret"], callback)
        event = kit.conversation.sinch_events(keys["webhook_secret"]).parse_event(callback.body, callback.headers)
        report = event.message_delivery_report
        assert (report.message_id, report.metadata) == (sent.message_id, "order-17")
        assert (report.channel_identity.channel, report.channel_identity.identity) == ("WHATSAPP", phone)
        assert (event.app_id, event.project_id) == (keys["app_id"], keys["project_id"])
        assert event.correlation_id == "run-3"


def test_what_a_person_writes_comes_to_the_webhook(demo, sink, webhooks, phone):
    webhooks.make(sink.url, "pepper-and-salt", "MESSAGE_INBOUND")
    kit = client(demo)
    demo.person_writes("WHATSAPP", phone, "Grüße, where is it? 👋")
    callback = sink.hears("the words", lambda one: True)
    assert is_genuine(kit, "pepper-and-salt", callback)
    event = kit.conversation.sinch_events("pepper-and-salt").parse_event(callback.body, callback.headers)
    assert event.message.contact_message.text_message.text == "Grüße, where is it? 👋"
    assert event.message.direction == "TO_APP"
    assert event.message.channel_identity.identity == phone
    assert event.app_id == webhooks.app_id
    stored = kit.conversation.messages.get(event.message.id)
    assert stored.contact_message.text_message.text == "Grüße, where is it? 👋"


def test_a_webhook_is_listed_until_it_is_deleted_and_then_hears_nothing(demo, sink, webhooks, phone):
    gone = webhooks.make(f"{sink.url}/gone", "first", "MESSAGE_SUBMIT")
    kept = webhooks.make(f"{sink.url}/kept", "second", "MESSAGE_SUBMIT")
    kit = client(demo)

    def heard(words, path):
        return sink.hears(f"{words} at {path}", lambda one: one.path == path and words in one.body.decode())

    def send(words):
        to = [{"channel": "WHATSAPP", "identity": phone}]
        kit.conversation.messages.send_text_message(webhooks.app_id, words, recipient_identities=to)

    send("to both")
    assert is_genuine(kit, "first", heard("to both", "/gone"))
    assert is_genuine(kit, "second", heard("to both", "/kept"))
    assert gone in webhooks.listed() and kept in webhooks.listed()
    webhooks.delete(gone)
    assert gone not in webhooks.listed() and kept in webhooks.listed()
    send("to one")
    heard("to one", "/kept")
    assert not sink.has_heard(lambda one: one.path == "/gone" and "to one" in one.body.decode())
