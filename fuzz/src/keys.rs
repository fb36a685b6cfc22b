//! Everything that opens a door of the server: credentials, tokens, and signed links to a file.

use axum::body::Body;
use axum::http::{HeaderName, Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::id::FileId;
use serde_json::{Value, json};

use crate::rows::{self, SITE};
use crate::world::{NOW, World, post, text};

/// One key, and a request that it opens.
#[derive(Clone, Debug)]
pub struct Key {
    pub method: &'static str,
    /// A link has `*` in the place of its key.
    pub target: String,
    /// The header that holds it, and what stands before it there.
    pub header: Option<(HeaderName, &'static str)>,
    /// Further headers that the request needs.
    pub beside: Vec<(HeaderName, String)>,
    pub body: String,
    pub text: String,
}

/// Signs in everywhere.
pub fn credentials(world: &World) -> Vec<Key> {
    let pair = |name: &str| STANDARD.encode(format!("{name}:{}", rows::SECRET));
    let apps = format!("/v1/projects/{}/apps", rows::project());
    let mut keys = vec![
        in_header(&apps, "Basic ", &pair("sinch")),
        in_header(&apps, "Bearer ", &sinch_token(world)),
        in_header("/api/v2/accounts/conversations", "Basic ", &pair("desk")),
        Key { header: Some((TOKEN, "")), ..in_header("/api/v1/profile", "", "desk-token") },
        in_header("/trunkline/v1/subscriptions", "Bearer ", "trunkline-token"),
    ];
    keys.extend(of_liveperson(world));
    keys
}

const TOKEN: HeaderName = HeaderName::from_static("api_access_token");
const ON_BEHALF: HeaderName = HeaderName::from_static("x-lp-on-behalf");

fn in_header(target: &str, before: &'static str, text: &str) -> Key {
    let (target, text) = (target.to_owned(), text.to_owned());
    let header = Some((header::AUTHORIZATION, before));
    Key { method: "GET", target, header, beside: Vec::new(), body: String::new(), text }
}

fn in_link(url: &str, text: &str) -> Key {
    let path = url.strip_prefix("http://trunkline.test").unwrap_or(url);
    Key { header: None, ..in_header(&path.replacen(text, "*", 1), "", text) }
}

fn sinch_token(world: &World) -> String {
    let form = format!("grant_type=client_credentials&client_id=sinch&client_secret={}", rows::SECRET);
    let asked = Request::post("/oauth2/token").body(Body::from(form)).expect("a form");
    text(&world.ask(asked).json()["access_token"])
}

/// The installation's token, the consumer's, and the administrator's.
fn of_liveperson(world: &World) -> Vec<Key> {
    let site = format!("/api/account/{SITE}");
    let grant = "v=1.0&grant_type=client_credentials&client_id=client";
    let app = format!("/sentinel{site}/app/token?{grant}&client_secret={}", rows::SECRET);
    let app = text(&world.ask(post(&app, &Value::Null)).json()["access_token"]);
    let mut consumer = post(&format!("{site}/consumer?v=1.0"), &json!({ "ext_consumer_id": "kim" }));
    consumer.headers_mut().insert(header::AUTHORIZATION, app.parse().expect("a token is ASCII"));
    let consumer = text(&world.ask(consumer).json()["token"]);
    let login = json!({ "username": "root", "password": rows::SECRET });
    let bearer = text(&world.ask(post(&format!("{site}/login?v=1.3"), &login)).json()["bearer"]);
    let asked = json!({ "kind": "req", "id": "1", "type": "ms.GenerateURLForUploadFile",
        "body": { "fileSize": 3, "fileType": "TXT" } });
    let send = format!("{site}/messaging/consumer/conversation/send?v=3");
    let speaking = Key { method: "POST", body: asked.to_string(), ..in_header(&send, "Bearer ", &app) };
    vec![
        Key { beside: vec![(ON_BEHALF, consumer.clone())], ..speaking.clone() },
        Key {
            header: Some((ON_BEHALF, "Bearer ")),
            beside: vec![(header::AUTHORIZATION, app)],
            text: consumer,
            ..speaking
        },
        in_header(&format!("{site}/configuration/provision/featureGrants"), "Bearer ", &bearer),
    ]
}

/// Stores files, and gives the links to them by the three who make links.
pub fn links(world: &World) -> Vec<Key> {
    let speaking = world.keys.iter().find(|key| !key.body.is_empty()).expect("somebody may upload");
    let upload = world.ask(speaking.request(speaking.text.as_bytes()).expect("a genuine key")).json();
    let upload = &upload["body"];
    let (path, query) = (text(&upload["relativePath"]), &upload["queryParams"]);
    let (signature, expires) = (text(&query["temp_url_sig"]), text(&query["temp_url_expires"]));
    let put = format!("{path}?temp_url_sig={signature}&temp_url_expires={expires}");
    let upload = Key { method: "PUT", body: "hey".to_owned(), ..in_link(&put, &signature) };
    assert!(world.ask(upload.request(upload.text.as_bytes()).expect("a genuine link")).status.is_success());
    let (_, id) = path.rsplit_once("_uuid_").expect("a path names its file");
    let tenant = domain::id::TenantId::parse(rows::TENANT).expect("a ULID");
    let file = FileId::parse(&id[..36]).expect("a UUID");
    let ours = world.engine.links().url(tenant, file, NOW);
    let (_, ours_signature) = ours.split_once("signature=").expect("a link is signed");
    let sent = format!(
        "--cut\r\nContent-Disposition: form-data; name=\"attachments[]\"; filename=\"a.txt\"\r\n\r\nhey\r\n--cut--\r\n"
    );
    let sent = Request::post("/api/v1/accounts/1/conversations/1/messages")
        .header(TOKEN, "desk-token")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=cut")
        .body(Body::from(sent));
    let sent = world.ask(sent.expect("a form")).json();
    let blob = text(&sent["attachments"][0]["data_url"]);
    let signed = blob.split('/').find(|part| part.contains("--")).expect("a link is signed");
    vec![upload, in_link(&ours, ours_signature), in_link(&blob, signed)]
}

impl Key {
    /// The request with this in the place of the key; `None` when HTTP itself refuses it.
    pub fn request(&self, text: &[u8]) -> Option<Request<Body>> {
        let mut request = Request::builder().method(self.method);
        match &self.header {
            Some((name, before)) => {
                request = request.header(name, [before.as_bytes(), text].concat()).uri(&self.target);
            }
            None => {
                let (before, after) = self.target.split_once('*').expect("a link has a place for its key");
                let target = [before.as_bytes(), text, after.as_bytes()].concat();
                request = request.uri(target.as_slice());
            }
        }
        for (name, value) in &self.beside {
            request = request.header(name, value);
        }
        request.body(Body::from(self.body.clone())).ok()
    }
}
