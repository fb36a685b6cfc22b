//! The play: one conversation through all three APIs, over real sockets, as three unrelated clients would do it.
//!
//! Every step is judged from outside: by callbacks received with a right signature, and by the sandbox's ledger and
//! handsets. The server's own store is not asked.

use anyhow::{Context as _, ensure};
use http::Method;
use serde_json::{Value, json};

use super::info::Info;
use super::sink::{SINK_PATH, Sink};
use super::wire::{Call, get_json, put_json};

/// The phone that the business writes to.
const PHONE: &str = "46701234567";
/// A picture of 64 × 64 pixels.
const PICTURE: &[u8] = include_bytes!("picture.png");
const BOUNDARY: &str = "trunkline-demo-boundary";

/// Plays everything and returns the timeline to print.
pub async fn play(info: &Info) -> anyhow::Result<Vec<String>> {
    let keys = &info.first;
    let sink = Sink::open(&keys.liveperson.client_secret, &keys.sinch.webhook_secret).await?;
    let mut stage = Stage { info, sink, lines: Vec::new() };
    stage.tell("setting", "webhooks for the consumer's connector and for the business");
    stage.subscribe().await.context("subscribing")?;
    let consumer = stage.open().await.context("the consumer opens a conversation")?;
    stage.agent_answers(&consumer).await.context("the agent answers")?;
    stage.consumer_reads(&consumer).await.context("the consumer reads")?;
    stage.business_sends().await.context("the business sends")?;
    stage.consumer_closes(&consumer).await.context("the consumer closes")?;
    stage.tell("proof", &format!("{} callbacks received, every signature right", stage.sink.count()));
    let complaint = stage.sink.complaint();
    ensure!(complaint.is_empty(), "some callbacks were not right:{complaint}");
    Ok(stage.lines)
}

struct Stage<'a> {
    info: &'a Info,
    sink: Sink,
    lines: Vec<String>,
}

/// The consumer side's tokens and conversation.
struct Consumer {
    app_token: String,
    consumer_token: String,
    conversation: String,
}

impl Stage<'_> {
    fn tell(&mut self, who: &str, what: &str) {
        self.lines.push(format!("  {:>2}  {who:<11} {what}", self.lines.len() + 1));
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.info.base_url)
    }

    async fn subscribe(&mut self) -> anyhow::Result<()> {
        let lp = &self.info.first.liveperson;
        let login = json!({"username": lp.admin_login, "password": lp.admin_password});
        let url = self.url(&format!("/api/account/{}/login?v=1.3", lp.account_id));
        let bearer = text(&Call::new(Method::POST, &url).json(&login).send().await?, "/bearer")?;
        let endpoint = json!({"endpoint": format!("{}/liveperson", self.sink.url)});
        let manifest = json!({"client_name": "demo", "client_id": lp.client_id, "capabilities": {"webhooks": {
            "retry": {"retention_time": 7200},
            "ms.MessagingEventNotification.ContentEvent": endpoint,
            "ms.MessagingEventNotification.RichContentEvent": endpoint,
            "ms.MessagingEventNotification.AcceptStatusEvent": endpoint,
            "ms.MessagingEventNotification.ChatStateEvent": endpoint,
            "cqm.ExConversationChangeNotification": endpoint}}});
        let url = self.url(&format!(
            "/api/account/{}/configuration/app-install/installations/{}?v=1.0",
            lp.account_id, lp.client_id
        ));
        Call::new(Method::PUT, &url).bearer(&bearer).json(&manifest).send().await?;
        self.forget_earlier_plays().await?;
        let sinch = &self.info.first.sinch;
        let webhook = json!({"app_id": sinch.app_id, "target": format!("{}{SINK_PATH}", self.sink.url),
            "target_type": "HTTP", "secret": sinch.webhook_secret,
            "triggers": ["MESSAGE_DELIVERY", "MESSAGE_INBOUND", "MESSAGE_SUBMIT", "CONVERSATION_START",
                         "CONVERSATION_STOP", "CONTACT_CREATE"]});
        let url = self.url(&format!("/v1/projects/{}/webhooks", sinch.project_id));
        Call::new(Method::POST, &url).basic(&sinch.key_id, &sinch.key_secret).json(&webhook).send().await?;
        Ok(())
    }

    /// Deletes the business's webhooks of earlier runs: nobody listens there any more.
    async fn forget_earlier_plays(&self) -> anyhow::Result<()> {
        let sinch = &self.info.first.sinch;
        let call = |method, path: &str| {
            let url = self.url(&format!("/v1/projects/{}/{path}", sinch.project_id));
            Call::new(method, &url).basic(&sinch.key_id, &sinch.key_secret)
        };
        let known = call(Method::GET, &format!("apps/{}/webhooks", sinch.app_id)).send().await?;
        for webhook in known["webhooks"].as_array().into_iter().flatten() {
            let target = webhook["target"].as_str().unwrap_or_default();
            if target.starts_with("http://127.0.0.1:") && target.ends_with(SINK_PATH) {
                call(Method::DELETE, &format!("webhooks/{}", text(webhook, "/id")?)).send().await?;
            }
        }
        Ok(())
    }

    async fn open(&mut self) -> anyhow::Result<Consumer> {
        let lp = &self.info.first.liveperson;
        let url = self.url(&format!(
            "/sentinel/api/account/{}/app/token?v=1.0&grant_type=client_credentials&client_id={}&client_secret={}",
            lp.account_id, lp.client_id, lp.client_secret
        ));
        let form = "application/x-www-form-urlencoded";
        let answer = Call::new(Method::POST, &url).body(form, Vec::new()).send().await?;
        let app_token = text(&answer, "/access_token")?;
        let url = self.url(&format!("/api/account/{}/consumer?v=1.0", lp.account_id));
        let consumer = format!("demo-consumer-{}", crate::random::secret());
        let body = json!({"ext_consumer_id": consumer});
        let answer =
            Call::new(Method::POST, &url).header("authorization", &app_token).json(&body).send().await?;
        let consumer_token = text(&answer, "/token")?;
        let batch = json!([
            {"kind": "req", "id": "1", "type": "userprofile.SetUserProfile",
             "body": {"firstName": "Ada", "lastName": "Nwosu", "privateData": {"mail": "ada@demo.example"}}},
            {"kind": "req", "id": "2", "type": "cm.ConsumerRequestConversation",
             "body": {"ttrDefName": "NORMAL", "channelType": "MESSAGING", "brandId": lp.account_id}},
            {"kind": "req", "id": "3", "type": "ms.PublishEvent",
             "body": {"event": {"type": "ContentEvent", "contentType": "text/plain",
                                "message": "Hello, where is my parcel?"}}}]);
        let url = self.url(&format!("/api/account/{}/messaging/consumer/conversation?v=3", lp.account_id));
        let call = Call::new(Method::POST, &url).header("authorization", &app_token);
        let answer = call.header("x-lp-on-behalf", &consumer_token).json(&batch).send().await?;
        let conversation = text(&answer, "/1/body/conversationId")?;
        self.tell(
            "consumer",
            "opens a conversation as Ada Nwosu: \"Hello, where is my parcel?\"  [LivePerson CREATE]",
        );
        self.sink.wait("MESSAGE_INBOUND at the business", |body| body.get("message").is_some()).await?;
        self.tell("business", "hears of it: MESSAGE_INBOUND, signature right  [Sinch callback]");
        Ok(Consumer { app_token, consumer_token, conversation })
    }

    async fn agent_answers(&mut self, consumer: &Consumer) -> anyhow::Result<()> {
        let desk = &self.info.first.livedesk;
        let url = self.url(&format!("/api/v1/accounts/{}/conversations", desk.account_id));
        let call = Call::new(Method::GET, &url).header("api_access_token", &desk.api_access_token);
        let list = call.send().await?;
        let conversation =
            list.pointer("/data/payload/0/id").and_then(Value::as_u64).context("no conversation")?;
        let url = self.url(&format!("/api/v2/accounts/conversations/{conversation}/messages"));
        let post = || Call::new(Method::POST, &url).basic(&desk.api_key, &desk.api_secret);
        post().json(&json!({"content": "Hi Ada, let me look."})).send().await?;
        let note = json!({"content": "Parcel 7 is at locker 12.", "private": true});
        post().json(&note).send().await?;
        let answer = post().body(&format!("multipart/form-data; boundary={BOUNDARY}"), form()).send().await?;
        let (name, number) = (desk.agent_name.clone(), conversation);
        self.tell(
            &format!("agent {number}"),
            &format!("{name} replies \"Hi Ada, let me look.\", adds a note and a picture  [LiveDesk]"),
        );
        let data_url = text(&answer, "/attachments/0/data_url")?;
        let (bytes, kind) = Call::new(Method::GET, &data_url).bytes().await?;
        ensure!(
            &bytes[..] == PICTURE && kind == "image/png",
            "the picture came back as {kind}, {} bytes",
            bytes.len()
        );
        self.tell("anyone", "downloads the picture byte for byte by its link  [LiveDesk]");
        let of_agent = |body: &Value, words: &str| {
            let change = &body["body"]["changes"][0];
            change["originatorMetadata"]["role"] == "ASSIGNED_AGENT" && change.to_string().contains(words)
        };
        let heard =
            self.sink.wait("the reply at the connector", |body| of_agent(body, "let me look")).await?;
        let known = heard.pointer("/body/changes/0/conversationId").and_then(Value::as_str);
        ensure!(known == Some(&consumer.conversation), "the reply came for another conversation");
        self.sink.wait("the picture at the connector", |body| of_agent(body, "Detailed image")).await?;
        self.tell("consumer", "receives reply and picture as events of ASSIGNED_AGENT  [LivePerson webhook]");
        let leaked = self.sink.has_none(|body| body.to_string().contains("locker 12"));
        ensure!(leaked, "the private note left the house");
        self.tell("nobody", "outside the agents hears of the note");
        Ok(())
    }

    async fn consumer_reads(&mut self, consumer: &Consumer) -> anyhow::Result<()> {
        let event = json!({"type": "AcceptStatusEvent", "status": "READ", "sequenceList": [1, 2]});
        let body = json!({"kind": "req", "id": "4", "type": "ms.PublishEvent",
                          "body": {"dialogId": consumer.conversation, "event": event}});
        self.send(consumer, &body).await?;
        let read = |body: &Value| body["message_delivery_report"]["status"] == "READ";
        self.sink.wait("READ at the business", read).await?;
        self.tell(
            "consumer",
            "reads; the business hears MESSAGE_DELIVERY READ  [LivePerson SEND, Sinch callback]",
        );
        Ok(())
    }

    async fn send(&self, consumer: &Consumer, body: &Value) -> anyhow::Result<Value> {
        let account = &self.info.first.liveperson.account_id;
        let url = self.url(&format!("/api/account/{account}/messaging/consumer/conversation/send?v=3"));
        let call = Call::new(Method::POST, &url).header("authorization", &consumer.app_token);
        call.header("x-lp-on-behalf", &consumer.consumer_token).json(body).send().await
    }

    async fn business_sends(&mut self) -> anyhow::Result<()> {
        let (sandbox, sinch) = (&self.info.sandbox.url, &self.info.first.sinch);
        let after = get_json(&format!("{sandbox}/ledger?after=0")).await?;
        let after =
            after.as_array().and_then(|rows| rows.last()).map_or(0, |row| row["n"].as_u64().unwrap_or(0));
        put_json(&format!("{sandbox}/faults/WHATSAPP/{PHONE}"), &json!(["0001"])).await?;
        let body = json!({"app_id": sinch.app_id,
            "recipient": {"identified_by": {"channel_identities": [
                {"channel": "WHATSAPP", "identity": format!("+{PHONE}")},
                {"channel": "SMS", "identity": format!("+{PHONE}")}]}},
            "message": {"text_message": {"text": "Your parcel waits at locker 12."}},
            "channel_priority_order": ["WHATSAPP", "SMS"], "message_metadata": "parcel-7", "ttl": "120s"});
        let url = self.url(&format!("/v1/projects/{}/messages:send", sinch.project_id));
        let call = Call::new(Method::POST, &url).basic(&sinch.key_id, &sinch.key_secret);
        let message = text(&call.json(&body).send().await?, "/message_id")?;
        self.tell(
            "business",
            "sends \"Your parcel waits at locker 12.\": WHATSAPP first, then SMS  [Sinch messages:send]",
        );
        for (status, channel) in
            [("SWITCHING_CHANNEL", "WHATSAPP"), ("QUEUED_ON_CHANNEL", "SMS"), ("DELIVERED", "SMS")]
        {
            let matches = |body: &Value| {
                let report = &body["message_delivery_report"];
                report["message_id"] == message.as_str()
                    && report["status"] == status
                    && report["channel_identity"]["channel"] == channel
            };
            self.sink.wait(&format!("{status} on {channel}"), matches).await?;
            self.tell("provider", &format!("{status} on {channel}  [Sinch callback]"));
        }
        let rows = get_json(&format!("{sandbox}/ledger?after={after}")).await?;
        let rows = rows.as_array().cloned().unwrap_or_default();
        let outcome = |channel: &str| {
            let mut found = rows.iter().filter(|row| row["channel"] == channel && row["recipient"] == PHONE);
            found.next().map(|row| (row["outcome"].clone(), row["phone_got"].clone()))
        };
        ensure!(
            outcome("WHATSAPP") == Some((json!("refused"), json!(false))),
            "the ledger tells otherwise of WHATSAPP"
        );
        ensure!(
            outcome("SMS") == Some((json!("accepted"), json!(true))),
            "the ledger tells otherwise of SMS"
        );
        self.tell("ledger", "WHATSAPP refused it, SMS took it once, the phone shows it  [sandbox]");
        Ok(())
    }

    async fn consumer_closes(&mut self, consumer: &Consumer) -> anyhow::Result<()> {
        let field = json!({"field": "ConversationStateField", "conversationState": "CLOSE"});
        let body = json!({"kind": "req", "id": "5", "type": "cm.UpdateConversationField",
            "body": {"conversationId": consumer.conversation, "conversationField": field}});
        self.send(consumer, &body).await?;
        self.sink
            .wait("CONVERSATION_STOP", |body| body.get("conversation_stop_notification").is_some())
            .await?;
        self.tell(
            "consumer",
            "closes; the business hears CONVERSATION_STOP  [LivePerson SEND, Sinch callback]",
        );
        Ok(())
    }
}

fn text(value: &Value, pointer: &str) -> anyhow::Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    Ok(found.with_context(|| format!("no {pointer} in {value}"))?.to_owned())
}

fn form() -> Vec<u8> {
    let mut form = Vec::new();
    form.extend(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\n").bytes());
    form.extend(format!("Detailed image as follows\r\n--{BOUNDARY}\r\n").bytes());
    form.extend(b"Content-Disposition: form-data; name=\"attachments[]\"; filename=\"locker.png\"\r\n");
    form.extend(b"Content-Type: image/png\r\n\r\n");
    form.extend(PICTURE);
    form.extend(format!("\r\n--{BOUNDARY}--\r\n").bytes());
    form
}
