// The business's side through Sinch's official kit with nothing changed but where it calls.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { ConversationCallbackWebhooks, SinchClient } from "@sinch/sdk-core";
import { Demo } from "./demo.js";
import { Sink } from "./sink.js";

const NOBODY = "01HZ0Y7M2K4N6P8R0S2T4V6W8X";
const QUIET = { debug() {}, info() {}, warn() {}, error() {} };
let demo, sink, keys, conversation;
let phones = 447700905000;

before(async () => {
  [demo, sink] = [await Demo.start(), await Sink.open()];
  keys = demo.info.sinch;
  conversation = kit();
});

after(async () => {
  sink?.close();
  await demo?.stop();
});

/** The kit of the demo tenant; `changed` replaces `projectId`, `keyId` or `keySecret`. */
function kit(changed) {
  const sinch = new SinchClient({
    projectId: keys.project_id,
    keyId: keys.key_id,
    keySecret: keys.key_secret,
    authHostname: demo.baseUrl,
    conversationHostname: demo.baseUrl,
    logger: QUIET,
    ...changed,
  });
  return sinch.conversation;
}

/** What every send of the kit has, to a phone nobody wrote to before unless one is given. */
function to(phone, message, changed) {
  const identities = [{ channel: "WHATSAPP", identity: phone }];
  const recipient = { identified_by: { channel_identities: identities } };
  return { sendMessageRequestBody: { app_id: keys.app_id, recipient, message, ...changed } };
}

const stranger = () => String(phones++);
const text = (words) => ({ text_message: { text: words } });

/** By the kit and by the documented rule written down again; both must refuse it with one byte changed. */
function assertGenuine(secret, callback) {
  const { headers, body } = callback;
  const forged = body.toString().replace("{", '{"x":1,');
  const judge = new ConversationCallbackWebhooks(secret);
  assert(judge.validateAuthenticationHeader(headers, body.toString()));
  assert(judge.validateAuthenticationHeader(headers, callback.json), "the parsed body, written again, fits too");
  assert(!judge.validateAuthenticationHeader(headers, forged));
  const [nonce, time] = ["nonce", "timestamp"].map((name) => headers[`x-sinch-webhook-signature-${name}`]);
  const rule = (bytes) => createHmac("sha256", secret).update(bytes).update(`.${nonce}.${time}`).digest("base64");
  assert.equal(headers["x-sinch-webhook-signature"], rule(body));
  assert.notEqual(headers["x-sinch-webhook-signature"], rule(forged));
}

const rich = {
  card: [{ card_message: { title: "Locker 12", description: "Open until nine" } }, "Locker 12"],
  carousel: [{ carousel_message: { cards: [{ title: "Locker 12" }, { title: "Locker 13" }] } }, "Locker 13"],
  choice: [
    {
      choice_message: {
        text_message: { text: "Which locker?" },
        choices: [{ text_message: { text: "Twelve" }, postback_data: "12" }],
      },
    },
    "Which locker?",
  ],
  location: [
    { location_message: { title: "The hall", coordinates: { latitude: 55.6, longitude: 12.9 } } },
    "The hall",
  ],
  list: [
    {
      list_message: {
        title: "Lockers",
        sections: [{ title: "Hall", items: [{ choice: { title: "Twelve", postback_data: "12" } }] }],
        message_properties: { menu: "Open" },
      },
    },
    "Lockers",
  ],
};

for (const [kind, [message, words]] of Object.entries(rich)) {
  test(`a ${kind} message reaches the phone and reads back as it was sent`, async () => {
    const phone = stranger();
    const send = `send${kind[0].toUpperCase()}${kind.slice(1)}Message`;
    const sent = await conversation.messages[send](to(phone, message));
    await demo.phoneGets("WHATSAPP", phone, words);
    const kept = await conversation.messages.get({ message_id: sent.message_id });
    assert.deepEqual(kept.app_message, message);
    assert.equal(kept.direction, "TO_CONTACT");
    assert.deepEqual(kept.channel_identity, { channel: "WHATSAPP", identity: phone, app_id: "" });
  });
}

test("the kit reads times as dates", async () => {
  const sent = await conversation.messages.sendTextMessage(to(stranger(), text("Hello")));
  assert(sent.accepted_time instanceof Date);
  assert(Math.abs(Date.now() - sent.accepted_time) < 60_000);
});

test("a conversation is found by its contact, lists its messages by page, and stops", async () => {
  const phone = stranger();
  const sent = [];
  for (const words of ["one", "two", "three"]) {
    sent.unshift((await conversation.messages.sendTextMessage(to(phone, text(words)))).message_id);
  }
  const { contact_id, conversation_id } = await conversation.messages.get({ message_id: sent[0] });
  const contact = await conversation.contact.get({ contact_id });
  assert.deepEqual(contact.channel_identities, [{ channel: "WHATSAPP", identity: phone, app_id: "" }]);
  const [found] = (await conversation.conversation.list({ contact_id })).data;
  assert.equal(found.id, conversation_id);
  assert.equal(found.active, true);
  const listed = [];
  for await (const message of conversation.messages.list({ conversation_id, page_size: 2 })) listed.push(message.id);
  assert.deepEqual(listed, sent);
  assert.deepEqual(await conversation.conversation.stopActive({ conversation_id }), {});
  assert.equal((await conversation.conversation.get({ conversation_id })).active, false);
});

test("a webhook is made, read, changed, listed and deleted", async () => {
  const body = { app_id: keys.app_id, target: `${sink.url}/life`, target_type: "HTTP", secret: "pepper" };
  const made = await conversation.webhooks.create({
    webhookCreateRequestBody: { ...body, triggers: ["MESSAGE_INBOUND"] },
  });
  const webhook_id = made.id;
  assert.deepEqual(made, { ...body, id: webhook_id, triggers: ["MESSAGE_INBOUND"], client_credentials: null });
  assert.deepEqual(await conversation.webhooks.get({ webhook_id }), made);
  const changed = await conversation.webhooks.update({
    webhook_id,
    webhookUpdateRequestBody: { target: `${sink.url}/moved` },
  });
  assert.deepEqual(changed, { ...made, target: `${sink.url}/moved` });
  const listed = async () => (await conversation.webhooks.list({ app_id: keys.app_id })).webhooks;
  assert.deepEqual((await listed()).find((one) => one.id === webhook_id), changed);
  assert.deepEqual(await conversation.webhooks.delete({ webhook_id }), {});
  assert(!(await listed()).some((one) => one.id === webhook_id));
  await assert.rejects(conversation.webhooks.get({ webhook_id }), /404/);
});

test("callbacks are signed, and the kit knows them by their trigger", async () => {
  const triggers = ["MESSAGE_INBOUND", "MESSAGE_DELIVERY", "MESSAGE_SUBMIT", "CONTACT_CREATE", "CONVERSATION_START"];
  const { id: webhook_id } = await conversation.webhooks.create({
    webhookCreateRequestBody: {
      app_id: keys.app_id,
      target: `${sink.url}/events`,
      target_type: "HTTP",
      secret: "pepper-and-salt",
      triggers,
    },
  });
  const phone = stranger();
  await conversation.messages.sendTextMessage(to(phone, text("Grüße 👋"), { message_metadata: "order-17" }));
  await demo.phoneGets("WHATSAPP", phone, "Grüße 👋");
  await demo.personWrites("WHATSAPP", phone, "Thank you / merci");
  const judge = new ConversationCallbackWebhooks("pepper-and-salt");
  for (const trigger of triggers) {
    const callback = await sink.hears(
      trigger,
      (one) => one.path === "/events" && judge.parseEvent(one.json).trigger === trigger,
    );
    assertGenuine("pepper-and-salt", callback);
    assert.equal(callback.json.project_id, keys.project_id);
  }
  const delivered = await sink.hears("DELIVERED", ({ json }) => {
    const report = json.message_delivery_report;
    return report?.status === "DELIVERED" && report.channel_identity.identity === phone;
  });
  assert.equal(delivered.json.message_delivery_report.metadata, "order-17");
  const inbound = await sink.hears("inbound", (one) => one.json.message?.channel_identity.identity === phone);
  assert.deepEqual(inbound.json.message.contact_message, { reply_to: null, ...text("Thank you / merci") });
  assert.deepEqual(await conversation.webhooks.delete({ webhook_id }), {});
});

test("a receipt comes to the address named with the message, signed with the app's secret", async () => {
  const callback_url = `${sink.url}/receipts`;
  await conversation.messages.sendTextMessage(to(stranger(), text("Hello"), { callback_url }));
  assertGenuine(keys.webhook_secret, await sink.hears("a receipt", (one) => one.path === "/receipts"));
});

test("apps are read with their channels in order of priority", async () => {
  const { apps } = await conversation.app.list({});
  assert.deepEqual(apps.map((app) => app.id), [keys.app_id]);
  const app = await conversation.app.get({ app_id: keys.app_id });
  assert.deepEqual(app, apps[0]);
  assert.deepEqual(app.channel_credentials.map((one) => one.channel), ["WHATSAPP", "SMS", "TELEGRAM"]);
});

test("refusals reach the caller with status and name", async () => {
  const refused = async (call) => {
    const error = await call.then(() => assert.fail("it was taken"), (error) => error);
    return [error.statusCode, JSON.parse(error.data).error?.status];
  };
  const neighbour = kit({ projectId: demo.info.second_tenant.sinch.project_id });
  assert.deepEqual(await refused(conversation.messages.get({ message_id: NOBODY })), [404, "NOT_FOUND"]);
  assert.deepEqual(await refused(neighbour.contact.get({ contact_id: NOBODY })), [404, "NOT_FOUND"]);
  const long = to(stranger(), text("Hello"), { message_metadata: "x".repeat(1025) });
  assert.deepEqual(await refused(conversation.messages.sendTextMessage(long)), [400, "INVALID_ARGUMENT"]);
  const empty = to(stranger(), {});
  assert.deepEqual(await refused(conversation.messages.send(empty)), [400, "INVALID_ARGUMENT"]);
});

test("a wrong secret opens nothing", async () => {
  await assert.rejects(kit({ keySecret: "wrong" }).contact.get({ contact_id: NOBODY }), /401|invalid_client/);
});
