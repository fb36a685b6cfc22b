"""The agent's side through Chatwoot's own Python kit, `chatwoot-sdk`, with nothing changed but its base URL."""

import asyncio
import itertools

import pytest
from chatwoot import AsyncChatwootClient, ChatwootClient
from chatwoot.exceptions import ChatwootError
from demo import wait_for

PHONES = itertools.count(447700904000)
ACCOUNT = 1


@pytest.fixture
def chatwoot(demo):
    with ChatwootClient(demo.base_url, demo.info["livedesk"]["api_access_token"]) as kit:
        yield kit


@pytest.fixture
def thread(demo, chatwoot):
    """A conversation that a person has just begun: its phone and its id."""
    phone = str(next(PHONES))
    words = f"Hello from {phone}"
    demo.person_writes("WHATSAPP", phone, words)

    def begun():
        for one in chatwoot.conversations.list(account_id=ACCOUNT, status="open"):
            if words in str(one.messages):
                return one.id
        return None

    return phone, wait_for("the conversation", begun)


def test_profile_is_the_agent_of_the_token(demo, chatwoot):
    desk = demo.info["livedesk"]
    profile = chatwoot.profile.get()
    assert (profile.id, profile.name) == (desk["agent_id"], desk["agent_name"])
    assert profile.account_id == ACCOUNT


def test_an_answer_reaches_the_phone(demo, chatwoot, thread):
    phone, conversation_id = thread
    message = chatwoot.messages.create(ACCOUNT, conversation_id, "Let me look.")
    assert (message.content, message.conversation_id, message.private) == ("Let me look.", conversation_id, False)
    assert message.sender.name == demo.info["livedesk"]["agent_name"]
    demo.phone_gets("WHATSAPP", phone, "Let me look.")


def test_a_note_stays_with_the_agents(demo, chatwoot, thread):
    phone, conversation_id = thread
    note = chatwoot.messages.create(ACCOUNT, conversation_id, "Seems upset.", private=True)
    assert note.private
    chatwoot.messages.create(ACCOUNT, conversation_id, "Here it is.")
    demo.phone_gets("WHATSAPP", phone, "Here it is.")
    assert "Seems upset." not in str(demo.phone("WHATSAPP", phone))


def test_a_conversation_is_shown_and_resolved(chatwoot, thread):
    _, conversation_id = thread
    shown = chatwoot.conversations.get(ACCOUNT, conversation_id)
    assert (shown.id, shown.account_id, shown.status) == (conversation_id, ACCOUNT, "open")
    chatwoot.conversations.toggle_status(ACCOUNT, conversation_id, status="resolved")
    assert chatwoot.conversations.get(ACCOUNT, conversation_id).status == "resolved"


def test_a_wrong_token_and_a_foreign_account_are_refused(demo, chatwoot):
    with ChatwootClient(demo.base_url, "wrong") as stranger, pytest.raises(ChatwootError) as caught:
        stranger.profile.get()
    assert caught.value.status_code == 401
    with pytest.raises(ChatwootError) as caught:
        chatwoot.conversations.get(2, 1)
    assert caught.value.status_code == 401


def test_the_asynchronous_kit_speaks_the_same(demo, chatwoot, thread):
    async def answer(conversation_id):
        async with AsyncChatwootClient(demo.base_url, demo.info["livedesk"]["api_access_token"]) as kit:
            return await kit.messages.create(ACCOUNT, conversation_id, "On its way.")

    phone, conversation_id = thread
    assert asyncio.run(answer(conversation_id)).conversation_id == conversation_id
    demo.phone_gets("WHATSAPP", phone, "On its way.")
