// A connector for LivePerson's Connector API, written from the vendor's pages alone: nobody publishes one. It knows a
// lookup host, an account and the two credentials of an app installation; every other address comes from the lookup.

import { request } from "node:https";

export class Connector {
  #domains;

  constructor({ lookup, ca, account, clientId, clientSecret }) {
    Object.assign(this, { lookup, ca, account, clientId, clientSecret });
  }

  /** One HTTPS request: status and the JSON answer, or the bytes where it is none. `to` is `host[:port]`. */
  call(method, to, path, { headers = {}, body = "" } = {}) {
    return new Promise((resolve, reject) => {
      const length = Buffer.byteLength(body);
      const sent = request(`https://${to}${path}`, { method, ca: this.ca, headers: { ...headers, "content-length": length } });
      sent.on("error", reject).on("response", async (answer) => {
        const bytes = Buffer.concat(await answer.toArray());
        const isJson = /^application\/json/.test(answer.headers["content-type"]);
        resolve({ status: answer.statusCode, json: isJson ? JSON.parse(bytes) : null, bytes });
      });
      sent.end(body);
    });
  }

  /** Where a service of the account lives. */
  async domain(service) {
    this.#domains ??= await this.call("GET", this.lookup, `/api/account/${this.account}/service/baseURI.json?version=1.0`);
    return this.#domains.json.baseURIs.find((row) => row.service === service).baseURI;
  }

  async post(service, path, json, headers = {}) {
    const given = { "content-type": "application/json", ...headers };
    return this.call("POST", await this.domain(service), path, { headers: given, body: JSON.stringify(json) });
  }

  /** The AppJWT; its parameters in the query, as the oldest page has them. */
  async appJwt() {
    const words = new URLSearchParams({
      v: "1.0",
      grant_type: "client_credentials",
      client_id: this.clientId,
      client_secret: this.clientSecret,
    });
    const path = `/sentinel/api/account/${this.account}/app/token?${words}`;
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return this.call("POST", await this.domain("sentinel"), path, { headers });
  }

  /** The ConsumerJWS of a person. */
  async consumerJws(appJwt, externalId) {
    const path = `/api/account/${this.account}/consumer?v=1.0`;
    return this.post("idp", path, { ext_consumer_id: externalId }, { authorization: appJwt });
  }

  /** A person who can write: both tokens, and what they open. */
  async consumer(externalId) {
    const app = (await this.appJwt()).json.access_token;
    const jws = (await this.consumerJws(app, externalId)).json.token;
    return new Consumer(this, { authorization: app, "x-lp-on-behalf": jws });
  }
}

export class Consumer {
  #requests = 0;

  constructor(connector, headers) {
    Object.assign(this, { connector, headers });
  }

  get id() {
    return claims(this.headers["x-lp-on-behalf"]).lp_consumer_id;
  }

  #request(type, body, metadata) {
    return { kind: "req", id: String(++this.#requests), type, body, metadata };
  }

  /** CREATE: the profile, the request for a conversation and, when given, the first words. */
  create(profile, words) {
    const batch = [
      this.#request("userprofile.SetUserProfile", profile),
      this.#request("cm.ConsumerRequestConversation", {
        brandId: this.connector.account,
        ttrDefName: "NORMAL",
        channelType: "MESSAGING",
        conversationContext: { type: "SharkContext", lang: "en-US" },
      }),
    ];
    if (words) batch.push(this.#request("ms.PublishEvent", { event: content(words) }));
    const path = `/api/account/${this.connector.account}/messaging/consumer/conversation?v=3`;
    return this.connector.post("asyncMessagingEnt", path, batch, this.headers);
  }

  /** SEND: one action. */
  send(type, body, metadata) {
    const path = `/api/account/${this.connector.account}/messaging/consumer/conversation/send?v=3`;
    return this.connector.post("asyncMessagingEnt", path, this.#request(type, body, metadata), this.headers);
  }

  publish(dialogId, event, metadata) {
    return this.send("ms.PublishEvent", { dialogId, event }, metadata);
  }

  say(dialogId, words) {
    return this.publish(dialogId, content(words));
  }

  close(conversationId) {
    const conversationField = { field: "ConversationStateField", conversationState: "CLOSE" };
    return this.send("cm.UpdateConversationField", { conversationId, conversationField });
  }
}

/** What a token says of itself. */
export function claims(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
}

function content(message) {
  return { type: "ContentEvent", contentType: "text/plain", message };
}
