"""Messages, contacts and apps through the official Python kit."""

import itertools

import pytest
from demo import wait_for
from sinch_kit import client

PHONES = itertools.count(447700901000)

# Of the kit's call: the argument that carries the content, the content, and words that reach the phone.
RICH = {
    "card": (
        "card_message",
        {
            "title": "Locker 12",
            "description": "Open until nine",
            "choices": [{"text_message": {"text": "Thanks"}, "postback_data": "thanks"}],
        },
        "Locker 12",
    ),
    "carousel": (
        "carousel_message",
        {"cards": [{"title": "Locker 12"}, {"title": "Locker 13"}]},
        "Locker 13",
    ),
    "choice": (
        "choice_message",
        {
            "text_message": {"text": "Which locker?"},
            "choices": [
                {"text_message": {"text": "Twelve"}, "postback_data": "12"},
                {"text_message": {"text": "Thirteen"}, "postback_data": "13"},
            ],
        },
        "Which locker?",
    ),
    "list": (
        "list_message",
        {
            "title": "Lockers",
            "description": "Choose one",
            "sections": [{"title": "Hall", "items": [{"choice": {"title": "Twelve", "postback_data": "12"}}]}],
            "message_properties": {"menu": "Open"},
        },
        "Lockers",
    ),
    "location": (
        "location_message",
        {"title": "The hall", "label": "Main Street 1", "coordinates": {"latitude": 55.6, "longitude": 12.9}},
        "The hall",
    ),
    "contact info": (
        "contact_info_message",
        {"name": {"full_name": "Mina Okafor"}, "phone_numbers": [{"phone_number": "+46701234567"}]},
        "Mina Okafor",
    ),
}


@pytest.fixture(scope="module")
def sinch(demo):
    return client(demo)


@pytest.fixture
def phone():
    return str(next(PHONES))


def to(phone, channel="WHATSAPP"):
    return [{"channel": channel, "identity": phone}]


def test_kit_signs_in_once_and_keeps_its_token(demo, sinch):
    app_id = demo.info["sinch"]["app_id"]
    assert sinch.conversation.apps.get(app_id).id == app_id
    token = sinch.configuration.token_manager.token
    assert token.token_type == "bearer"
    assert 3000 < token.expires_in <= 3600
    assert [app.id for app in sinch.conversation.apps.list().content()] == [app_id]
    assert sinch.configuration.token_manager.token is token


def test_text_reaches_the_phone_and_reads_back(demo, sinch, phone):
    app_id = demo.info["sinch"]["app_id"]
    sent = sinch.conversation.messages.send_text_message(
        app_id, "Your parcel waits.", recipient_identities=to(f"+{phone}"), message_metadata="order-17"
    )
    demo.phone_gets("WHATSAPP", phone, "Your parcel waits.")
    message = sinch.conversation.messages.get(sent.message_id)
    assert message.app_message.text_message.text == "Your parcel waits."
    assert message.direction == "TO_CONTACT"
    assert message.metadata == "order-17"
    assert (message.channel_identity.channel, message.channel_identity.identity) == ("WHATSAPP", phone)
    assert message.accept_time == sent.accepted_time


@pytest.mark.parametrize("kind", RICH)
def test_rich_message_reaches_the_phone_and_reads_back_as_its_kind(demo, sinch, phone, kind):
    argument, content, words = RICH[kind]
    send = getattr(sinch.conversation.messages, f"send_{argument}")
    sent = send(demo.info["sinch"]["app_id"], content, recipient_identities=to(phone))
    wait_for(f"{kind} on the phone", lambda: words in str(demo.phone("WHATSAPP", phone)))
    message = sinch.conversation.messages.get(sent.message_id).app_message
    assert getattr(message, argument).model_dump(exclude_none=True) == content


def test_list_pages_through_a_conversation_newest_first(demo, sinch, phone):
    messages = sinch.conversation.messages
    app_id = demo.info["sinch"]["app_id"]
    sent = [messages.send_text_message(app_id, f"part {n}", recipient_identities=to(phone)).message_id for n in range(5)]
    conversation_id = messages.get(sent[0]).conversation_id
    first = messages.list(conversation_id=conversation_id, page_size=2)
    assert [message.id for message in first.content()] == sent[:2:-1]
    assert first.has_next_page
    assert [message.id for message in first.iterator()] == sent[::-1]


def test_sending_to_a_stranger_makes_a_contact_and_a_contact_can_be_written_to(demo, sinch, phone):
    app_id = demo.info["sinch"]["app_id"]
    sent = sinch.conversation.messages.send_text_message(app_id, "Hello", recipient_identities=to(phone))
    contact_id = sinch.conversation.messages.get(sent.message_id).contact_id
    contact = sinch.conversation.contacts.get(contact_id)
    assert [(one.channel, one.identity) for one in contact.channel_identities] == [("WHATSAPP", phone)]
    assert contact_id in [one.id for one in sinch.conversation.contacts.list(page_size=20).iterator()]
    sinch.conversation.messages.send_text_message(app_id, "Hello again", contact_id=contact_id)
    demo.phone_gets("WHATSAPP", phone, "Hello again")


def test_what_the_person_writes_reads_as_a_contact_message(demo, sinch, phone):
    app_id = demo.info["sinch"]["app_id"]
    messages = sinch.conversation.messages
    sent = messages.send_text_message(app_id, "Are you there?", recipient_identities=to(phone))
    demo.phone_gets("WHATSAPP", phone, "Are you there?")
    demo.person_writes("WHATSAPP", phone, "Yes, here.")
    conversation_id = messages.get(sent.message_id).conversation_id

    def heard():
        listed = messages.list(conversation_id=conversation_id, direction="TO_APP").content()
        return listed and listed[0]

    reply = wait_for("the person's words", heard)
    assert reply.contact_message.text_message.text == "Yes, here."
    assert reply.direction == "TO_APP"


def test_second_channel_gets_what_the_first_refuses(demo, sinch, phone):
    demo.provider_refuses("WHATSAPP", phone)
    sinch.conversation.messages.send_text_message(
        demo.info["sinch"]["app_id"],
        "By another way.",
        recipient_identities=to(phone) + to(phone, "SMS"),
        channel_priority_order=["WHATSAPP", "SMS"],
        ttl=60,
    )
    demo.phone_gets("SMS", phone, "By another way.")
    assert demo.phone("WHATSAPP", phone) == []
