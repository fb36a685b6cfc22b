// The consumer's side: LivePerson's own lookup and token code, and a connector written from the vendor's pages, over
// TLS with the demo's CA.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Demo, waitFor } from "./demo.js";
import { Connector, claims } from "./liveperson/connector.js";
import { Sink } from "./sink.js";

const EVENTS = ["ContentEvent", "RichContentEvent", "AcceptStatusEvent", "ChatStateEvent"];
let demo, sink, keys, lookup, ca, connector;
let people = 0;

before(async () => {
  [demo, sink] = [await Demo.start(), await Sink.open()];
  keys = demo.info.liveperson;
  lookup = new URL(demo.info.tls_base_url).host;
  ca = await readFile(demo.caFile);
  connector = connect({});
  await install();
});

after(async () => {
  sink?.close();
  await demo?.stop();
});

function connect(changed) {
  const [account, clientId, clientSecret] = [keys.account_id, keys.client_id, keys.client_secret];
  return new Connector({ lookup, ca, account, clientId, clientSecret, ...changed });
}

/** Points the installation's webhooks at the sink, as an administrator does. */
async function install() {
  const account = `/api/account/${keys.account_id}`;
  const login = { username: keys.admin_login, password: keys.admin_password };
  const { json: session } = await connector.post("agentVep", `${account}/login?v=1.3`, login);
  const names = EVENTS.map((name) => `ms.MessagingEventNotification.${name}`);
  const hooks = [...names, "cqm.ExConversationChangeNotification"].map((name) => [name, { endpoint: `${sink.url}/lp` }]);
  const path = `${account}/configuration/app-install/installations/${keys.client_id}?v=1.0`;
  const headers = { authorization: `Bearer ${session.bearer}`, "content-type": "application/json" };
  const host = await connector.domain("accountConfigReadWrite");
  const { json: installed } = await connector.call("GET", host, path, { headers });
  const manifest = { ...installed, capabilities: { webhooks: Object.fromEntries(hooks) } };
  const saved = await connector.call("PUT", host, path, { headers, body: JSON.stringify(manifest) });
  assert.equal(saved.status, 200, saved.bytes);
}

/** Somebody new with an open conversation that begins with these words. */
async function opened(words) {
  const person = await connector.consumer(`test:${process.pid}:${++people}`);
  const profile = { authenticatedData: { lp_sdes: [{ type: "personal", personal: { firstname: "Ada", lastname: "Nwosu" } }] } };
  const { status, json } = await person.create(profile, words);
  assert.equal(status, 200, JSON.stringify(json));
  return { person, json, id: json[1].body.conversationId };
}

/** The first notification about a conversation that is wanted; its signature must be right. */
async function told(what, conversationId, wanted) {
  const { headers, body, json } = await sink.hears(what, ({ json }) => {
    const change = json.body.changes[0];
    return (change.conversationId ?? change.result.convId) === conversationId && wanted(change, json.type);
  });
  const digest = createHmac("sha1", keys.client_secret).update(body).digest("base64");
  assert.equal(headers["x-liveperson-signature"], `sha1=${digest}`);
  assert.equal(headers["x-liveperson-account-id"], keys.account_id);
  assert.equal(headers["x-liveperson-client-id"], keys.client_id);
  assert.equal(body.toString(), JSON.stringify(json), "written compactly, so that it may be parsed and written again");
  return json.body.changes[0];
}

test("the vendor's own code finds its domains and gets an AppJWT", async () => {
  const line = [new URL(demo.baseUrl).host, keys.account_id, keys.client_id, keys.client_secret];
  const script = fileURLToPath(new URL("liveperson/vendor-kit.js", import.meta.url));
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: demo.caFile };
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...line], { env, timeout: 20_000 });
  const { header, sameHeader, idp } = JSON.parse(stdout);
  assert.equal(idp, lookup);
  assert(sameHeader, "a token that is good for an hour is asked for once");
  const { iat, exp, ...rest } = claims(header);
  assert.deepEqual(rest, { aud: keys.account_id, azp: keys.client_id, scope: "msg.consumer", iss: "Sentinel" });
  assert.equal(exp - iat, 3600);
  assert.equal((await connector.consumerJws(header, "from the vendor's token")).status, 201);
});

test("the lookup knows every service, alone and in the list, and no foreign account", async () => {
  const services = ["asyncMessagingEnt", "sentinel", "idp", "swift", "accountConfigReadWrite", "agentVep"];
  for (const service of services) {
    assert.equal(await connector.domain(service), lookup);
    const path = `/api/account/${keys.account_id}/service/${service}/baseURI.json?version=1.0`;
    const { json } = await connector.call("GET", lookup, path);
    assert.deepEqual(json, { service, account: keys.account_id, baseURI: lookup });
  }
  const { status } = await connector.call("GET", lookup, "/api/account/123/service/baseURI.json?version=1.0");
  assert.equal(status, 401);
});

test("a person's token is the same each time and names the person", async () => {
  const { json } = await connector.appJwt();
  const [first, second] = [await connector.consumerJws(json.access_token, "ada"), await connector.consumerJws(json.access_token, "ada")];
  assert.deepEqual(first.json, second.json);
  const said = claims(first.json.token);
  assert.deepEqual([said.account_id, said.ext_consumer_id], [keys.account_id, "ada"]);
  assert.match(said.lp_consumer_id, /^[0-9a-f]{64}$/);
  assert.notEqual(claims((await connector.consumerJws(json.access_token, "bob")).json.token).lp_consumer_id, said.lp_consumer_id);
});

test("a conversation opens with profile and first words, and the connector is told", async () => {
  const { person, json, id } = await opened("Hello, where is my parcel?");
  assert.deepEqual(json, [
    { code: "OK", body: { msg: "OK User Profile set successfully" }, reqId: "1" },
    { code: "OK", body: { conversationId: id }, reqId: "2" },
    { code: "OK", body: { sequence: 0 }, reqId: "3" },
  ]);
  const { result } = await told("the opening", id, (_, type) => type === "cqm.ExConversationChangeNotification");
  assert.equal(result.conversationDetails.state, "OPEN");
  assert.deepEqual(result.conversationDetails.participants, [{ id: person.id, role: "CONSUMER" }]);
  const words = await told("the words", id, (change) => change.event?.message === "Hello, where is my parcel?");
  assert.deepEqual([words.sequence, words.dialogId, words.originatorId], [0, id, person.id]);
  assert.equal(words.originatorMetadata.role, "CONSUMER");
});

test("what is sent gets the next number, and a chat state none", async () => {
  const { person, id } = await opened("Hello");
  const ok = (body, reqId) => ({ code: "OK", body, reqId });
  const said = await person.say(id, "Grüße 👋");
  assert.deepEqual([said.status, said.json], [200, ok({ sequence: 1 }, "4")]);
  const typing = await person.publish(id, { type: "ChatStateEvent", chatState: "COMPOSING" });
  assert.deepEqual([typing.status, typing.json], [200, ok({ sequence: 0 }, "5")]);
  const more = await person.publish(id, { type: "ContentEvent", contentType: "text/plain", message: "More" }, [
    { type: "ExternalId", id: "card-17" },
  ]);
  assert.deepEqual([more.status, more.json], [200, ok({ sequence: 2 }, "6")]);
  assert.equal((await told("the words", id, (change) => change.sequence === 1)).event.message, "Grüße 👋");
  const state = await told("the typing", id, (change) => change.event?.type === "ChatStateEvent");
  assert.equal(state.event.chatState, "COMPOSING");
  const carried = await told("the metadata", id, (change) => change.sequence === 2);
  assert.deepEqual(carried.metadata, [{ type: "ExternalId", id: "card-17" }]);
});

test("an agent's answer comes to the connector, is read, and its reading is told", async () => {
  const words = `Where is parcel ${process.pid}?`;
  const { person, id } = await opened(words);
  const desk = { headers: { api_access_token: demo.info.livedesk.api_access_token, "content-type": "application/json" } };
  const conversations = `${demo.baseUrl}/api/v1/accounts/${demo.info.livedesk.account_id}/conversations`;
  const number = await waitFor("the conversation on the desk", async () => {
    const { data } = await (await fetch(conversations, desk)).json();
    return data.payload.find((one) => one.last_non_activity_message?.content === words)?.id;
  });
  const body = JSON.stringify({ content: "At locker 12." });
  assert((await fetch(`${conversations}/${number}/messages`, { ...desk, method: "POST", body })).ok);
  const answer = await told("the answer", id, (change) => change.event?.message === "At locker 12.");
  assert.equal(answer.originatorMetadata.role, "ASSIGNED_AGENT");
  const read = { type: "AcceptStatusEvent", status: "READ", sequenceList: [answer.sequence] };
  assert.equal((await person.publish(id, read)).json.code, "OK");
  await told("the reading", id, ({ event }) => event?.status === "READ" && event.sequenceList.includes(answer.sequence));
});

test("a file goes up by its signed address, is shared, and comes down the same", async () => {
  const { person, id } = await opened("I send a picture");
  const picture = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3]);
  const address = ({ relativePath, queryParams }) => `${relativePath}?${new URLSearchParams(queryParams)}`;
  const size = { fileSize: String(picture.length), fileType: "PNG" };
  const { json: up } = await person.send("ms.GenerateURLForUploadFile", size);
  const swift = await connector.domain("swift");
  assert.equal((await connector.call("PUT", swift, address(up.body), { body: picture })).status, 201);
  const message = { relativePath: up.body.relativePath, fileType: "PNG", caption: "The label" };
  const shared = await person.publish(id, { type: "ContentEvent", contentType: "hosted/file", message });
  assert.equal(shared.json.code, "OK");
  const event = (await told("the file", id, (change) => change.sequence === shared.json.body.sequence)).event;
  assert.deepEqual([event.contentType, event.message.caption], ["hosted/file", "The label"]);
  const { json: down } = await person.send("ms.GenerateURLForDownloadFile", { relativePath: up.body.relativePath });
  const got = await connector.call("GET", swift, address(down.body));
  assert.deepEqual([got.status, got.bytes], [200, picture]);
  const forged = { ...down.body, queryParams: { ...down.body.queryParams, temp_url_sig: "0".repeat(40) } };
  assert.equal((await connector.call("GET", swift, address(forged))).status, 401);
});

test("a closed conversation takes nothing more, and a new one may be opened", async () => {
  const { person, id } = await opened("Hello");
  const twice = await person.create({});
  assert.equal(twice.status, 400);
  assert.match(twice.json[1].body.msg, new RegExp(`User ${person.id} already has open conversation`));
  const closed = await person.close(id);
  assert.deepEqual([closed.status, closed.json.code], [200, "OK"]);
  assert.equal(closed.json.body.msg, "OK Conversation resolved successfully");
  const end = await told("the end", id, (change) => change.result?.conversationDetails.stage === "CLOSE");
  assert.equal(end.result.conversationDetails.closeReason, "CONSUMER");
  const late = await person.say(id, "One more thing");
  assert.deepEqual([late.status, late.json.body.msg], [400, "Bad Request, Conversation is close"]);
  const again = await person.create({});
  assert.equal(again.status, 200);
  assert.notEqual(again.json[1].body.conversationId, id);
});

test("each missing or wrong token has its own error", async () => {
  const { person, id } = await opened("Hello");
  const { authorization, "x-lp-on-behalf": behalf } = person.headers;
  const rows = [
    [{ "x-lp-on-behalf": behalf }, 401, 40105],
    [{ authorization: "garbage", "x-lp-on-behalf": behalf }, 401, 40102],
    [{ authorization }, 401, 40104],
    [{ authorization, "x-lp-on-behalf": "garbage" }, 401, 40103],
  ];
  for (const [headers, status, errorCode] of rows) {
    person.headers = headers;
    const refused = await person.say(id, "Hello?");
    assert.deepEqual([refused.status, refused.json.code, refused.json.body.errorCode], [status, status, errorCode]);
  }
  const other = await connector.consumer("somebody else");
  assert.equal((await other.say(id, "Not mine")).json.body.errorCode, 40103);
  const wrong = await connect({ clientSecret: "wrong" }).appJwt();
  assert.deepEqual([wrong.status, wrong.json.error], [401, "invalid_client"]);
});
