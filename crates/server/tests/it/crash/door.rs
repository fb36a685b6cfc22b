//! The business's side of the crash test: sends through the Sinch face and reads timelines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::PATIENCE;
use crate::program::{Server, call};

#[derive(Clone)]
pub struct Door {
    project: String,
    timelines: String,
    authorization: String,
    api: String,
}

impl Door {
    pub fn of(server: &Server) -> Door {
        let info = server.info();
        let sinch = &info["sinch"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let pair = format!("{}:{}", text(&sinch["key_id"]), text(&sinch["key_secret"]));
        Door {
            project: format!("{}/v1/projects/{}", server.base_url, text(&sinch["project_id"])),
            timelines: format!("{}/trunkline/v1/messages", server.base_url),
            authorization: format!("Basic {}", STANDARD.encode(pair)),
            api: format!("Bearer {}", text(&info["api"]["key"])),
        }
    }

    /// Asks for delivery reports at `target`.
    pub async fn subscribe(&self, app: &str, target: &str) {
        let webhook = json!({"app_id": app, "target": target, "triggers": ["MESSAGE_DELIVERY"]});
        let url = format!("{}/webhooks", self.project);
        let (status, answer) = self.post(&url, None, webhook.to_string().into()).await.unwrap();
        assert_eq!(status, 200, "{answer}");
    }

    /// The acknowledged message id; `None` when no answer came or the server was busy.
    pub async fn send(&self, key: &str, body: &Bytes) -> Option<String> {
        let url = format!("{}/messages:send", self.project);
        let (status, answer) = self.post(&url, Some(key), body.clone()).await?;
        assert!(status == 200 || status == 503, "{status}: {answer}");
        answer["message_id"].as_str().map(str::to_owned)
    }

    /// Repeats under one key until there is an answer, as a careful client does.
    pub async fn send_until_answered(&self, key: &str, body: &Bytes) -> String {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(id) = self.send(key, body).await {
                return id;
            }
            assert!(tokio::time::Instant::now() < until, "a quiet server answers");
            tokio::task::yield_now().await;
        }
    }

    /// Everything that happened to a message.
    pub async fn timeline(&self, message: &str) -> Value {
        let url = format!("{}/{message}/timeline", self.timelines);
        let answer = call(Method::GET, &url, &[("authorization", &self.api)], Bytes::new()).await;
        let (status, answer) = answer.unwrap();
        assert_eq!(status, 200, "every acknowledged message has a timeline: {answer}");
        answer
    }

    async fn post(&self, url: &str, key: Option<&str>, body: Bytes) -> Option<(u16, Value)> {
        let mut headers =
            vec![("authorization", self.authorization.as_str()), ("content-type", "application/json")];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        call(Method::POST, url, &headers, body).await
    }
}
