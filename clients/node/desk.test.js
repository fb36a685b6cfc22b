// The agents' side: Chatwoot's dialect through a published kit with nothing changed but its base path, and LiveDesk's,
// for which nobody publishes a kit, by plain requests as its page shows them.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import Chatwoot from "@figuro/chatwoot-sdk";
import { Demo, waitFor } from "./demo.js";
import { Sink } from "./sink.js";

const ACCOUNT = 1;
// The smallest PNG there is: one transparent pixel.
const PICTURE = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
  "base64",
);
let demo, sink, desk, chatwoot;
let phones = 447700906000;

before(async () => {
  [demo, sink] = [await Demo.start(), await Sink.open()];
  desk = demo.info.livedesk;
  chatwoot = kit(desk.api_access_token);
});

after(async () => {
  sink?.close();
  await demo?.stop();
});

function kit(token) {
  const config = { basePath: demo.baseUrl, with_credentials: true, credentials: "include", token };
  return new Chatwoot.default({ config });
}

/** A conversation that a person has just begun: its phone and its id. */
async function thread() {
  const phone = String(phones++);
  const words = `Hello from ${phone}`;
  await demo.personWrites("WHATSAPP", phone, words);
  const conversationId = await waitFor("the conversation", async () => {
    const { data } = await chatwoot.conversations.list({ accountId: ACCOUNT, status: "open" });
    return data.payload.find((one) => one.last_non_activity_message?.content === words)?.id;
  });
  return { phone, conversationId };
}

/** One LiveDesk request; `body` is JSON unless it is a form. */
async function liveDesk(method, path, body, secret = desk.api_secret) {
  const basic = Buffer.from(`${desk.api_key}:${secret}`).toString("base64");
  const headers = { authorization: `Basic ${basic}` };
  if (body && !(body instanceof FormData)) {
    headers["content-type"] = "application/json";
    body = JSON.stringify(body);
  }
  const answer = await fetch(`${demo.baseUrl}/api/v2/accounts${path}`, { method, headers, body });
  return { status: answer.status, json: await answer.json() };
}

test("Chatwoot: the profile is the agent of the token", async () => {
  const profile = await chatwoot.profile.profile();
  assert.deepEqual([profile.id, profile.name, profile.account_id], [desk.agent_id, desk.agent_name, ACCOUNT]);
});

test("Chatwoot: an answer reaches the phone, a note does not", async () => {
  const { phone, conversationId } = await thread();
  const say = (content, isPrivate) =>
    chatwoot.messages.create({ accountId: ACCOUNT, conversationId, data: { content, private: isPrivate } });
  const note = await say("Seems upset.", true);
  const answer = await say("Let me look.", false);
  await demo.phoneGets("WHATSAPP", phone, "Let me look.");
  assert(!JSON.stringify(await demo.phone("WHATSAPP", phone)).includes("Seems upset."));
  const { payload } = await chatwoot.messages.list({ accountId: ACCOUNT, conversationId });
  const kinds = payload.map((one) => [one.id, one.private, one.message_type]);
  assert.deepEqual(kinds.slice(-2), [[note.id, true, 1], [answer.id, false, 1]]);
});

test("Chatwoot: a file goes as multipart, and its link gives the same bytes", async () => {
  const { conversationId } = await thread();
  const file = { content: PICTURE, encoding: "binary", filename: "map.png" };
  const data = { content: "Here is a map", attachments: [file] };
  const sent = await chatwoot.messages.create({ accountId: ACCOUNT, conversationId, data });
  assert.equal(sent.attachments.length, 1);
  assert.equal(sent.attachments[0].file_type, "image");
  const download = await fetch(sent.attachments[0].data_url);
  assert.deepEqual(Buffer.from(await download.arrayBuffer()), PICTURE);
});

test("Chatwoot: a conversation is shown, assigned and resolved", async () => {
  const { conversationId } = await thread();
  const at = { accountId: ACCOUNT, conversationId };
  const colleague = desk.colleague.agent_id;
  const assignee = await chatwoot.conversationAssignment.assign({ ...at, data: { assignee_id: colleague } });
  assert.equal(assignee.id, colleague);
  const toggled = await chatwoot.conversations.toggleStatus({ ...at, data: { status: "resolved" } });
  assert.equal(toggled.payload.current_status, "resolved");
  const shown = await chatwoot.conversations.get(at);
  assert.deepEqual([shown.id, shown.status, shown.meta.assignee.id], [conversationId, "resolved", colleague]);
});

test("Chatwoot: an account's webhook hears what a person writes, signed by its rule, until it is deleted", async () => {
  const url = `${sink.url}/account`;
  const data = { url, subscriptions: ["message_created"] };
  const made = (await chatwoot.webhooks.create({ accountId: ACCOUNT, data })).payload.webhook;
  const { phone } = await thread();
  const { headers, body, json } = await sink.hears("the words", (one) => one.json.content === `Hello from ${phone}`);
  assert.equal(json.event, "message_created");
  assert.equal(json.message_type, "incoming");
  const words = `${headers["x-chatwoot-timestamp"]}.${body}`;
  const digest = createHmac("sha256", made.secret).update(words).digest("hex");
  assert.equal(headers["x-chatwoot-signature"], `sha256=${digest}`);
  const listed = async () => (await chatwoot.webhooks.list({ accountId: ACCOUNT })).payload.webhooks;
  assert.deepEqual((await listed()).find((one) => one.id === made.id), made);
  await chatwoot.webhooks.delete({ accountId: ACCOUNT, webhookId: made.id });
  assert(!(await listed()).some((one) => one.id === made.id));
});

test("Chatwoot: a wrong token and a foreign account are refused", async () => {
  await assert.rejects(kit("wrong").profile.profile(), { status: 401 });
  await assert.rejects(chatwoot.conversations.get({ accountId: 2, conversationId: 1 }), { status: 401 });
});

test("LiveDesk: a message has the page's members and reaches the phone", async () => {
  const { phone, conversationId } = await thread();
  const messages = `/conversations/${conversationId}/messages`;
  const { json: listed } = await liveDesk("GET", messages);
  const words = listed.payload.at(-1);
  const said = { content: "Agent sending message", private: false, content_attributes: { in_reply_to: words.id } };
  const { status, json: sent } = await liveDesk("POST", messages, said);
  assert.equal(status, 200);
  const members = [
    ...["id", "content", "inbox_id", "conversation_id", "message_type", "content_type", "status"],
    ...["content_attributes", "created_at", "private", "source_id", "sorting_id", "sender"],
  ];
  assert.deepEqual(Object.keys(sent).sort(), members.sort());
  const { id, created_at, sorting_id, sender, content_attributes, ...rest } = sent;
  assert.deepEqual(rest, {
    content: "Agent sending message",
    inbox_id: desk.inbox_id,
    conversation_id: conversationId,
    message_type: 1,
    content_type: "text",
    status: "sent",
    private: false,
    source_id: null,
  });
  assert(id > words.id && sorting_id > words.sorting_id);
  assert(Math.abs(Date.now() / 1000 - created_at) < 60);
  assert.equal(content_attributes.in_reply_to, words.id);
  assert.deepEqual([sender.id, sender.name, sender.type], [desk.agent_id, desk.agent_name, "user"]);
  await demo.phoneGets("WHATSAPP", phone, "Agent sending message");
});

test("LiveDesk: a file goes as multipart and its link gives the same bytes", async () => {
  const { phone, conversationId } = await thread();
  const form = new FormData();
  form.append("attachments[]", new Blob([PICTURE], { type: "image/png" }), "map.png");
  form.append("content", "Detailed image as follows");
  const { status, json } = await liveDesk("POST", `/conversations/${conversationId}/messages`, form);
  assert.equal(status, 200);
  assert.equal(json.content, "Detailed image as follows");
  const [file] = json.attachments;
  assert.deepEqual([file.message_id, file.file_type, file.file_size], [json.id, "image", PICTURE.length]);
  assert.deepEqual([file.width, file.height, file.account_id], [1, 1, ACCOUNT]);
  const { media_url: shown } = await demo.phoneGets("WHATSAPP", phone, "Detailed image as follows");
  for (const link of [file.data_url, shown]) {
    const download = await fetch(link);
    assert.deepEqual(Buffer.from(await download.arrayBuffer()), PICTURE);
  }
});

test("LiveDesk: a wrong secret, a conversation that is not there and an empty message are refused", async () => {
  const { conversationId } = await thread();
  const messages = `/conversations/${conversationId}/messages`;
  assert.equal((await liveDesk("POST", messages, { content: "x" }, "wrong")).status, 401);
  assert.equal((await liveDesk("POST", "/conversations/999999/messages", { content: "x" })).status, 404);
  const before = (await liveDesk("GET", messages)).json.payload.length;
  assert.equal((await liveDesk("POST", messages, { content: "" })).status, 422);
  assert.equal((await liveDesk("GET", messages)).json.payload.length, before);
});
