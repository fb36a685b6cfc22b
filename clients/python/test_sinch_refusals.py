"""What the official kit makes of the server's refusals, and of a token that has run out."""

import pytest
import requests
from demo import Demo, wait_for
from sinch.core.exceptions import SinchException
from sinch.domains.conversation.exceptions import ConversationException
from sinch_kit import client

NOBODY = "01HZ0Y7M2K4N6P8R0S2T4V6W8X"
PHONE = [{"channel": "WHATSAPP", "identity": "447700903000"}]


def refused(call):
    with pytest.raises(ConversationException) as caught:
        call()
    return caught.value.response_status_code, caught.value.http_response.body["error"]["status"], str(caught.value)


def test_a_message_that_is_not_there_is_404(demo):
    status, name, words = refused(lambda: client(demo).conversation.messages.get(NOBODY))
    assert (status, name) == (404, "NOT_FOUND")
    assert "NOT_FOUND" in words


def test_an_app_that_is_not_there_is_404(demo):
    messages = client(demo).conversation.messages
    status, name, _ = refused(lambda: messages.send_text_message(NOBODY, "Hello", recipient_identities=PHONE))
    assert (status, name) == (404, "NOT_FOUND")


@pytest.mark.parametrize("project", ["nobody's", "the neighbour's"])
def test_another_project_is_404_whether_it_exists_or_not(demo, project):
    neighbour = demo.info["second_tenant"]["sinch"]["project_id"]
    kit = client(demo, project_id=neighbour if project == "the neighbour's" else "5e3f3a1e-0000-4000-8000-0000000000a7")
    status, name, _ = refused(lambda: kit.conversation.contacts.get(NOBODY))
    assert (status, name) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"message_metadata": "x" * 1025}, "message_metadata"),
        ({"correlation_id": "x" * 129}, "correlation_id"),
        ({"ttl": "2s"}, "ttl"),
        ({"recipient_identities": []}, "recipient"),
        ({"recipient_identities": [{"channel": "PIGEON", "identity": "1"}]}, "PIGEON"),
    ],
)
def test_a_field_beyond_its_limit_is_400_and_names_it(demo, changed, words):
    messages = client(demo).conversation.messages
    arguments = {"recipient_identities": PHONE, **changed}
    app_id = demo.info["sinch"]["app_id"]
    status, name, told = refused(lambda: messages.send_text_message(app_id, "Hello", **arguments))
    assert (status, name) == (400, "INVALID_ARGUMENT")
    assert words in told


def test_a_wrong_secret_opens_nothing(demo):
    with pytest.raises(SinchException) as caught:
        client(demo, key_secret="wrong").conversation.contacts.get(NOBODY)
    assert caught.value.response_status_code == 401


def test_a_token_that_has_run_out_is_renewed_without_the_caller_seeing_it(tmp_path):
    demo = Demo(tmp_path, TRUNKLINE_SINCH__TOKEN_LIFETIME_S=1)
    try:
        kit = client(demo)
        contacts = kit.conversation.contacts
        contacts.list()
        first = kit.configuration.token_manager.token.access_token
        url = f"{demo.base_url}/v1/projects/{kit.configuration.project_id}/contacts"

        def expired():
            answer = requests.get(url, headers={"authorization": f"Bearer {first}"}, timeout=5)
            return answer.status_code == 401 and "expired" in answer.headers["www-authenticate"]

        wait_for("the token to run out", expired)
        assert contacts.list().content() is not None
        assert kit.configuration.token_manager.token.access_token != first
    finally:
        demo.stop()
