//! Files that persons send, from the phone to whoever answers: fetched from the provider after the message was kept,
//! however often that fails, across a crash, and told when it cannot be.

use bytes::Bytes;
use connector_api::{HttpOut as _, HttpRequest, HttpResponse};
use http::{HeaderMap, Method};
use http_out::{Client, Limits, Policy};
use sandbox::{Running, Sandbox, Settings};
use serde_json::{Value, json};
use testkit::TempFolder;

use crate::program::{Server, call, free_port};
use crate::served::{run, wait};

/// A picture of one pixel, as its sender has it.
const PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/// Beginning of the demo's bot tokens, which stand in the addresses of files.
const TOKEN_BEGINS: &str = "700000001:";
/// More conversations than any demo has.
const CONVERSATIONS_MAX: u32 = 30;

/// A demo, its sandbox, and its owner's keys.
struct Demo {
    folder: TempFolder,
    port: u16,
    providers: Running,
    server: Server,
}

impl Demo {
    async fn start(name: &str) -> Demo {
        let (folder, port) = (TempFolder::new(name), free_port());
        let providers = Sandbox::start(Settings::default()).await.unwrap();
        let server = Demo::serve(&folder, port, &providers).await;
        Demo { folder, port, providers, server }
    }

    async fn serve(folder: &TempFolder, port: u16, providers: &Running) -> Server {
        let settings = [("TRUNKLINE_LOG__FILTER", "debug")];
        Server::demo_told(folder.path(), port, &providers.url(), &[], &settings).await
    }

    /// `kill -9`, and another process on the same folder.
    async fn crash(self) -> Demo {
        let Demo { folder, port, providers, server } = self;
        server.kill();
        let server = Demo::serve(&folder, port, &providers).await;
        Demo { folder, port, providers, server }
    }

    /// A person sends the picture with a caption; downloads go as scripted.
    async fn sends(&self, channel: &str, identity: &str, caption: &str, downloads: &[&str]) {
        let url = self.providers.url();
        let put = |path: String, method, body: Value| async move {
            let headers = [("content-type", "application/json")];
            let answer = call(method, &path, &headers, Bytes::from(body.to_string())).await;
            assert!(answer.as_ref().is_some_and(|(status, _)| *status == 200), "{answer:?}");
        };
        put(format!("{url}/faults/{channel}/files"), Method::PUT, json!(downloads)).await;
        let said = json!({"media_url": format!("data:image/png;base64,{PICTURE}"), "text": caption});
        put(format!("{url}/handsets/{channel}/{identity}/messages"), Method::POST, said).await;
    }

    /// The one attachment of the message with this caption, as an agent's program reads it.
    async fn attachment(&self, caption: &str) -> Value {
        let info = self.server.info();
        let token = info["livedesk"]["api_access_token"].as_str().unwrap();
        let account = &info["livedesk"]["account_id"];
        let of = |number: u32| {
            format!("{}/api/v1/accounts/{account}/conversations/{number}/messages", self.server.base_url)
        };
        wait(caption, || async {
            for number in 1..CONVERSATIONS_MAX {
                let (_, listed) =
                    call(Method::GET, &of(number), &[("api_access_token", token)], Bytes::new()).await?;
                let messages = listed["payload"].as_array().cloned().unwrap_or_default();
                if let Some(found) = messages.iter().find(|message| message["content"] == caption) {
                    assert_eq!(found["attachments"].as_array().unwrap().len(), 1);
                    return Some(found["attachments"][0].clone());
                }
            }
            None
        })
        .await
    }

    /// The first event of a kind in the tenant's log.
    async fn event(&self, kind: &str) -> Value {
        wait(kind, || async {
            let page = self.api("events?limit=500").await?;
            page["events"].as_array()?.iter().find(|event| event["kind"] == kind).cloned()
        })
        .await
    }

    async fn api(&self, path: &str) -> Option<Value> {
        let key = format!("Bearer {}", self.server.info()["api"]["key"].as_str().unwrap());
        let url = format!("{}/trunkline/v1/{path}", self.server.base_url);
        call(Method::GET, &url, &[("authorization", &key)], Bytes::new()).await.map(|(_, body)| body)
    }

    /// Follows an attachment's address as its readers do: redirected, and back later where it says so.
    async fn download(&self, attachment: &Value) -> HttpResponse {
        let url = attachment["data_url"].as_str().unwrap();
        wait("the file", || async {
            let redirect = get(url).await;
            let answer = get(redirect.headers["location"].to_str().unwrap()).await;
            (answer.status != 503).then_some(answer)
        })
        .await
    }

    async fn stop(self) {
        let log = std::fs::read_to_string(self.folder.path().join("server.log")).unwrap();
        assert!(log.contains("called out"), "debug lines are there");
        assert!(!log.contains(TOKEN_BEGINS) && !log.contains("Bearer"), "the log names a credential");
        self.server.kill();
        self.providers.shutdown().await;
    }
}

async fn get(url: &str) -> HttpResponse {
    let client = Client::new(Policy { allow: Vec::new(), allow_loopback: true }, Limits::default());
    let (url, headers, body) = (url.to_owned(), HeaderMap::new(), Bytes::new());
    let request = HttpRequest {
        method: Method::GET,
        url,
        headers,
        body,
        timeout_ms: 30_000,
        answer_bytes_max: 1 << 20,
    };
    client.call(request).await.unwrap()
}

fn picture() -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(PICTURE).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_picture_reaches_the_agent_byte_for_byte_although_its_provider_fails_twice() {
    let demo = Demo::start("pictures").await;
    demo.sends("WHATSAPP", "46705550123", "from a phone", &["0003", "0003", "ok"]).await;
    demo.sends("TELEGRAM", "555123", "from a chat", &["ok"]).await;
    for caption in ["from a chat", "from a phone"] {
        let early = demo.attachment(caption).await;
        assert_eq!(early["file_type"], "image", "{caption}");
        let answer = demo.download(&early).await;
        assert_eq!((answer.status, &answer.body[..]), (200, &picture()[..]), "{caption}");
        assert_eq!(answer.headers["content-type"], "image/png", "{caption}");
        let late = demo.attachment(caption).await;
        assert_eq!((&late["data_url"], &late["width"]), (&early["data_url"], &json!(1)));
        assert_ne!(late["thumb_url"], "", "{caption}");
    }
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_its_provider_no_longer_has_is_lost_and_every_page_says_why() {
    let demo = Demo::start("lost-pictures").await;
    demo.sends("TELEGRAM", "555123", "gone", &["0001"]).await;
    let lost = demo.event("file_lost").await;
    let message = lost["message"].as_str().unwrap();
    let timeline = demo.api(&format!("messages/{message}/timeline")).await.unwrap();
    let told = timeline.as_array().unwrap().last().unwrap();
    assert_eq!((&told["kind"], &told["provider_code"]), (&json!("file_lost"), &json!("404")));
    assert_eq!(told["reason"]["kind"], "media_unavailable");
    let shown = demo.api(&format!("messages/{message}")).await.unwrap();
    assert_eq!(shown["files"][0]["state"], "lost");
    let explained = run(demo.folder.path(), &["explain", message]);
    let explained = String::from_utf8_lossy(&explained.stdout).into_owned();
    assert!(explained.contains("could not be fetched: MediaUnavailable"), "{explained}");
    for page in [timeline.to_string(), shown.to_string(), explained] {
        let mut after = page.split("provider:").skip(1);
        let references = after.any(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()));
        assert!(!page.contains(TOKEN_BEGINS) && !references, "{page}");
    }
    assert_eq!(demo.download(&demo.attachment("gone").await).await.status, 410);
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_was_kept_before_a_crash_is_fetched_after_it() {
    let demo = Demo::start("pictures-after-a-crash").await;
    demo.sends("WHATSAPP", "46705550123", "before the crash", &["0003"]).await;
    let before = demo.attachment("before the crash").await;
    assert_eq!(before["thumb_url"], "");
    let demo = demo.crash().await;
    demo.sends("WHATSAPP", "46705550124", "after the crash", &["ok"]).await;
    for caption in ["before the crash", "after the crash"] {
        let answer = demo.download(&demo.attachment(caption).await).await;
        assert_eq!((answer.status, &answer.body[..]), (200, &picture()[..]), "{caption}");
    }
    let after = demo.attachment("before the crash").await;
    assert_eq!((&after["id"], &after["data_url"]), (&before["id"], &before["data_url"]));
    demo.stop().await;
}
