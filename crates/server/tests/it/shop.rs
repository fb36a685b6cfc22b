//! A business on a server of its own: everything made by `trunkline` commands, one channel against the sandbox.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::program::call;
use crate::served::{Served, administer};

/// Our side's name at the provider.
const ACCOUNT: &str = "101555000001";

/// What the commands printed.
pub struct Shop {
    pub project: String,
    pub app: String,
    pub callback_path: String,
    pub authorization: String,
}

fn text(value: &Value, place: &str) -> String {
    value.pointer(place).and_then(Value::as_str).unwrap_or_else(|| panic!("{place} in {value}")).to_owned()
}

impl Shop {
    /// Makes tenant, app with a channel, and a key.
    pub fn open(data: &Path, sandbox: &str) -> Shop {
        let tenant = administer(data, &["tenant", "create", "--name", "Shop"]);
        std::fs::write(data.join("secret.txt"), "app-secret-of-the-shop\n").unwrap();
        let base_url = format!("base_url={sandbox}/whatsapp");
        let secret = format!("app_secret={}", data.join("secret.txt").display());
        let channel = ["--channel", "whatsapp", "--account", ACCOUNT, "--set", "access_token=token"];
        let settings = ["--set", "verify_token=word", "--set", &base_url, "--set-file", &secret];
        let create = ["app", "create", "--tenant", "Shop", "--name", "Main"];
        let app = administer(data, &[&create[..], &channel, &settings].concat());
        let made = administer(data, &["key", "create", "--tenant", "Shop", "--face", "sinch"]);
        let pair = format!("{}:{}", text(&made, "/key/public"), text(&made, "/key/secret"));
        Shop {
            project: text(&tenant, "/tenants/0/project_id"),
            app: text(&app, "/apps/0/id"),
            callback_path: text(&app, "/apps/0/channels/0/callback_path"),
            authorization: format!("Basic {}", STANDARD.encode(pair)),
        }
    }

    /// Tells the provider where the server is.
    pub async fn register(&self, served: &Served, sandbox: &str) {
        let url = format!("{sandbox}/accounts/WHATSAPP/{ACCOUNT}");
        let account = json!({"callback_url": served.url(&self.callback_path), "access_token": "token",
            "app_secret": "app-secret-of-the-shop"});
        let headers = [("content-type", "application/json")];
        let answer = call(Method::PUT, &url, &headers, Bytes::from(account.to_string())).await;
        assert!(answer.as_ref().is_some_and(|(status, _)| (200..300).contains(status)), "{answer:?}");
    }

    /// Sends a text; status and message id, or nothing when no answer came.
    pub async fn send(&self, served: &Served, phone: &str, words: &str) -> Option<(u16, String)> {
        let (status, answer) = self.ask_to_send(served, phone, words).await?;
        Some((status, answer["message_id"].as_str().unwrap_or_default().to_owned()))
    }

    /// The same with the whole answer.
    pub async fn ask_to_send(&self, served: &Served, phone: &str, words: &str) -> Option<(u16, Value)> {
        let identity = json!({"channel": "WHATSAPP", "identity": format!("+{phone}")});
        let body = json!({"app_id": self.app, "message": {"text_message": {"text": words}},
            "recipient": {"identified_by": {"channel_identities": [identity]}}});
        self.call(served, Method::POST, "messages:send", &body).await
    }

    /// Asks for delivery reports at `target`.
    pub async fn subscribe(&self, served: &Served, target: &str) {
        let webhook = json!({"app_id": self.app, "target": target, "triggers": ["MESSAGE_DELIVERY"]});
        let answer = self.call(served, Method::POST, "webhooks", &webhook).await;
        assert!(answer.as_ref().is_some_and(|(status, _)| *status == 200), "{answer:?}");
    }

    /// The text of a message.
    pub async fn words(&self, served: &Served, message: &str) -> String {
        let (status, read) =
            self.call(served, Method::GET, &format!("messages/{message}"), &Value::Null).await.unwrap();
        assert_eq!(status, 200, "{read}");
        text(&read, "/app_message/text_message/text")
    }

    async fn call(&self, served: &Served, method: Method, path: &str, body: &Value) -> Option<(u16, Value)> {
        let url = served.url(&format!("/v1/projects/{}/{path}", self.project));
        let headers = [("authorization", self.authorization.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        call(method, &url, &headers, body).await
    }
}

/// The texts that the provider read, in order.
pub async fn ledger(sandbox: &str) -> Vec<String> {
    let (_, rows) = call(Method::GET, &format!("{sandbox}/ledger?after=0"), &[], Bytes::new()).await.unwrap();
    rows.as_array().unwrap().iter().map(|row| row["text"].as_str().unwrap().to_owned()).collect()
}
