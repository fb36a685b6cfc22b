//! `GET /trunkline/v1/openapi.json`: this face described, exactly as `lib.rs` routes it. Needs no key.
//!
//! Written by hand because it is small; the test `every_described_path_is_a_route` tries each.

use axum::Json;
use face_kit::once::KEY_CHARS_MAX;
use serde_json::{Value, json};

use crate::dialect::EVERYTHING;
use crate::events::{LIMIT_MAX, WAIT_S_MAX};
use crate::print::KINDS;

/// Answers with the description.
pub(crate) async fn read() -> Json<Value> {
    Json(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Trunkline",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Timelines, messages, the event log and callbacks of one tenant.",
        },
        "security": [{ "key": [] }],
        "paths": paths(),
        "components": {
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas(),
        },
    }))
}

fn paths() -> Value {
    let id = json!({
        "name": "id", "in": "path", "required": true, "schema": { "type": "string" },
        "description": "The message's id as a ULID or a UUID.",
    });
    let message_errors = |ok: Value| with_errors(&ok, &["401", "404", "405", "503"]);
    let mut paths = json!({
        "/trunkline/v1/messages/{id}": { "get": {
            "operationId": "readMessage",
            "summary": "One message as it stands now",
            "parameters": [id],
            "responses": message_errors(json_of("The message", "Message")),
        } },
        "/trunkline/v1/messages/{id}/timeline": { "get": {
            "operationId": "readTimeline",
            "summary": "Everything that happened to one message, in order",
            "parameters": [id],
            "responses": message_errors(json_of("The entries", "Timeline")),
        } },
        "/trunkline/v1/events": { "get": {
            "operationId": "listEvents",
            "summary": "The tenant's log: a page, a long poll, or a stream of server-sent events",
            "parameters": event_parameters(),
            "responses": with_errors(&events_answer(), &["400", "401", "405", "410", "503"]),
        } },
        "/trunkline/v1/files/{tenant}/{file}": { "get": {
            "operationId": "readFile",
            "summary": "A stored file by a signed link, as a download",
            "security": [],
            "parameters": file_parameters(),
            "responses": with_errors(
                &json!({ "200": { "description": "The bytes", "content": { "*/*": {} } } }),
                &["404", "405", "410", "503"],
            ),
        } },
        "/trunkline/v1/openapi.json": { "get": {
            "operationId": "readDescription",
            "summary": "This description",
            "security": [],
            "responses": { "200": { "description": "OpenAPI 3.1", "content": { "application/json": {} } } },
        } },
    });
    if let (Value::Object(paths), Value::Object(more)) = (&mut paths, subscription_paths()) {
        paths.extend(more);
    }
    paths
}

fn subscription_paths() -> Value {
    json!({
        "/trunkline/v1/subscriptions": {
            "get": {
                "operationId": "listSubscriptions",
                "summary": "Who is told what, and how far each has read",
                "responses": with_errors(&json_of("The subscriptions, oldest first", "Subscriptions"), READ_ERRORS),
            },
            "post": changes("createSubscription", "Makes a subscription of our own, signed as Standard Webhooks says",
                &once(&json!([])), "NewSubscription", &json!({ "201": json_of("It, with its secret", "Subscription") })),
        },
        "/trunkline/v1/subscriptions/{id}": {
            "get": {
                "operationId": "readSubscription",
                "summary": "One subscription and where it stands",
                "parameters": one_subscription(),
                "responses": with_errors(&json_of("The subscription", "Subscription"), &["401", "404", "405", "503"]),
            },
            "patch": changes("changeSubscription", "Switches a subscription on or off, or changes one of our own",
                &one_subscription(), "SubscriptionChange", &json!({ "200": json_of("It, as it is now", "Subscription") })),
            "delete": {
                "operationId": "deleteSubscription",
                "summary": "Deletes a subscription of our own",
                "parameters": one_subscription(),
                "responses": with_errors_of(&json!({ "204": { "description": "It is gone" } }), CHANGE_ERRORS),
            },
        },
        "/trunkline/v1/subscriptions/{id}/secret": { "post": changes("replaceSecret",
            "Replaces a subscription's secret; the one before stays good for a while",
            &once(&one_subscription()), "NewSecret", &json!({ "200": json_of("It, with its new secret", "Subscription") })) },
        "/trunkline/v1/subscriptions/{id}/replay": { "post": changes("replayCallbacks",
            "Asks for callbacks again: all since a cursor or a time, of a conversation or a message, or what was given up",
            &once(&one_subscription()), "Replay", &json!({ "200": json_of("How many", "Replayed") })) },
        "/trunkline/v1/subscriptions/{id}/callbacks": { "get": {
            "operationId": "listCallbacks",
            "summary": "Callbacks that were not taken at the first try, each with its body, tries and answers",
            "parameters": subscription_parameters(),
            "responses": with_errors(&json_of("A page", "Callbacks"), &["400", "401", "404", "405", "410", "503"]),
        } },
        "/trunkline/v1/subscriptions/{id}/events": { "get": {
            "operationId": "listEventsOfSubscription",
            "summary": "Everything that one subscriber should have had since a cursor, with each callback",
            "parameters": subscription_parameters(),
            "responses": with_errors(&json_of("A page", "CallbackPage"), &["400", "401", "404", "405", "410", "503"]),
        } },
    })
}

const READ_ERRORS: &[&str] = &["401", "405", "503"];
const CHANGE_ERRORS: &[&str] = &["400", "401", "404", "405", "409", "410", "422", "503"];

/// An operation with a JSON body.
fn changes(id: &str, summary: &str, parameters: &Value, body: &str, ok: &Value) -> Value {
    let schema = format!("#/components/schemas/{body}");
    json!({
        "operationId": id,
        "summary": summary,
        "parameters": parameters,
        "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": schema } } } },
        "responses": with_errors_of(ok, CHANGE_ERRORS),
    })
}

fn one_subscription() -> Value {
    json!([{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" },
        "description": "The subscription's id as a ULID or a UUID." }])
}

/// With the key under which a repeat gets the first answer again.
fn once(parameters: &Value) -> Value {
    let mut all = parameters.as_array().cloned().unwrap_or_default();
    all.push(json!({ "name": "Idempotency-Key", "in": "header",
        "schema": { "type": "string", "minLength": 1, "maxLength": KEY_CHARS_MAX },
        "description": "The same request with the same key gets its first answer again; another request gets 422." }));
    Value::Array(all)
}

fn subscription_parameters() -> Value {
    let (id, of_events) = (one_subscription(), event_parameters());
    json!([id[0], of_events[0], of_events[1]])
}

fn file_parameters() -> Value {
    let text = |name: &str, place: &str, words: &str| json!({ "name": name, "in": place, "required": true, "schema": { "type": "string" }, "description": words });
    json!([
        text("tenant", "path", "As the link has it."),
        text("file", "path", "As the link has it."),
        text("expires", "query", "When the link ends, in seconds since 1970."),
        text("signature", "query", "What opens the file until then."),
    ])
}

fn event_parameters() -> Value {
    json!([
        { "name": "after", "in": "query", "schema": { "type": "string" },
          "description": "A cursor of an earlier answer; without it, from the beginning of the kept log. One of before the \
              server was restored from a backup is refused with 410: begin again without." },
        { "name": "limit", "in": "query",
          "schema": { "type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": 100 } },
        { "name": "wait_s", "in": "query",
          "schema": { "type": "integer", "minimum": 0, "maximum": WAIT_S_MAX, "default": 0 },
          "description": "Seconds to hold an empty page back until something happens." },
        { "name": "Last-Event-ID", "in": "header", "schema": { "type": "string" },
          "description": "With `Accept: text/event-stream`: go on behind this cursor." },
    ])
}

fn events_answer() -> Value {
    json!({ "description": "A page, or a stream whose `data` lines are events", "content": {
        "application/json": { "schema": { "$ref": "#/components/schemas/EventPage" } },
        "text/event-stream": { "schema": { "type": "string" } },
    } })
}

fn json_of(description: &str, schema: &str) -> Value {
    let schema = format!("#/components/schemas/{schema}");
    json!({ "description": description, "content": { "application/json": { "schema": { "$ref": schema } } } })
}

fn with_errors(ok: &Value, statuses: &[&str]) -> Value {
    with_errors_of(&json!({ "200": ok }), statuses)
}

fn with_errors_of(responses: &Value, statuses: &[&str]) -> Value {
    let mut responses = responses.clone();
    for status in statuses {
        responses[*status] = json_of("Refused", "Error");
    }
    responses
}

fn schemas() -> Value {
    let text = json!({ "type": "string" });
    let maybe = json!({ "type": ["string", "null"] });
    let time = json!({ "type": ["string", "null"], "format": "date-time" });
    let whole = json!({ "type": "integer" });
    let address = json!({ "type": ["object", "null"], "properties": { "channel": text, "address": text } });
    let reason = json!({ "type": ["object", "null"],
        "properties": { "kind": text, "description": text, "provider_code": maybe } });
    json!({
        "Error": { "type": "object", "required": ["error"], "properties": { "error": { "type": "object",
            "required": ["code", "message", "hint"],
            "properties": { "code": text, "message": text, "hint": text } } } },
        "Message": { "type": "object", "properties": {
            "id": text, "uuid": text, "app": text, "conversation": maybe, "contact": maybe,
            "direction": { "enum": ["inbound", "outbound"] },
            "author": { "enum": ["contact", "agent", "app", "system"] },
            "private": { "type": "boolean" }, "accepted_at": time, "to_or_from": address, "reply_to": maybe,
            "text": maybe, "files": { "type": "array", "items": { "$ref": "#/components/schemas/File" } },
            "metadata": text, "status": { "$ref": "#/components/schemas/Status" },
            "reason": reason, "plan": { "type": ["array", "null"], "items": address }, "attempts": whole,
            "expires_at": time } },
        "File": { "type": "object", "properties": { "id": text, "name": text, "type": text, "size": whole,
            "state": { "enum": ["stored", "awaited", "lost"] }, "reason": reason, "url": text } },
        "Status": { "enum": ["queued", "switching_channel", "handed_over", "failed", "delivered", "read"] },
        "Timeline": { "type": "array", "items": { "type": "object", "properties": {
            "at": time, "source": { "enum": ["delivery", "log"] }, "kind": text, "text": text, "channel": maybe,
            "attempt": { "type": ["integer", "null"] }, "status": maybe, "reason": reason,
            "provider_code": maybe, "detail": { "type": "object" },
            "callbacks": { "type": "array", "items": { "$ref": "#/components/schemas/CallbackState" } } } } },
        "CallbackState": { "type": "object", "required": ["subscription", "target", "state"], "properties": {
            "subscription": text, "target": text, "attempts": whole, "next_at": time,
            "state": { "enum": ["delivered", "waiting", "retrying", "given_up", "over"] },
            "tries": { "$ref": "#/components/schemas/Tries" } } },
        "Tries": { "type": "array", "items": { "type": "object", "properties": {
            "at": time, "took_ms": whole, "status": { "type": ["integer", "null"] }, "answer": text } } },
        "Callbacks": { "type": "object", "required": ["callbacks", "next"], "properties": { "next": text,
            "callbacks": { "type": "array", "items": { "type": "object", "properties": {
                "cursor": text, "conversation": maybe, "message": maybe, "target": text, "body": {},
                "state": { "enum": ["delivered", "retrying", "given_up"] }, "attempts": whole,
                "tries": { "$ref": "#/components/schemas/Tries" } } } } } },
        "Subscriptions": { "type": "object", "required": ["subscriptions"], "properties": {
            "subscriptions": { "type": "array", "items": { "$ref": "#/components/schemas/Subscription" } } } },
        "Subscription": subscription(),
        "NewSubscription": { "type": "object", "required": ["target"], "additionalProperties": false, "properties": {
            "target": text, "triggers": triggers(), "app": maybe, "secret": text, "parallel": { "type": "boolean" } } },
        "SubscriptionChange": { "type": "object", "additionalProperties": false, "properties": {
            "enabled": { "type": "boolean" }, "parallel": { "type": "boolean" }, "target": text,
            "triggers": triggers() } },
        "NewSecret": { "type": "object", "additionalProperties": false, "properties": { "secret": text,
            "overlap_s": { "type": "integer", "minimum": 0, "maximum": 604_800, "default": 86_400 } } },
        "Replay": { "type": "object", "additionalProperties": false, "properties": {
            "after": text, "until": text, "from": time, "before": time, "conversation": text, "message": text,
            "given_up": { "type": "boolean", "default": false } } },
        "Replayed": { "type": "object", "required": ["callbacks", "next", "at_end"], "properties": {
            "callbacks": whole, "next": text, "at_end": { "type": "boolean" } } },
        "CallbackPage": { "type": "object", "required": ["events", "next", "at_end"], "properties": {
            "events": { "type": "array", "items": { "allOf": [{ "$ref": "#/components/schemas/Event" },
                { "type": "object", "properties": { "callback": { "type": "object",
                    "properties": { "target": text, "body": {} } } } }] } },
            "next": text, "at_end": { "type": "boolean" } } },
        "Event": { "type": "object", "properties": {
            "id": text, "cursor": text, "at": time, "kind": text, "text": text, "app": maybe, "contact": maybe,
            "conversation": maybe, "message": maybe, "detail": { "type": "object" } } },
        "EventPage": { "type": "object", "required": ["events", "next"], "properties": {
            "events": { "type": "array", "items": { "$ref": "#/components/schemas/Event" } }, "next": text } },
    })
}

fn triggers() -> Value {
    let mut known = vec![EVERYTHING];
    known.extend(KINDS);
    json!({ "type": "array", "minItems": 1, "items": { "enum": known } })
}

fn subscription() -> Value {
    let text = json!({ "type": "string" });
    let maybe = json!({ "type": ["string", "null"] });
    let time = json!({ "type": ["string", "null"], "format": "date-time" });
    let whole = json!({ "type": "integer" });
    json!({ "type": "object", "properties": {
        "id": text, "app": maybe, "dialect": { "enum": ["liveperson", "sinch", "livedesk", "provider", "trunkline"] },
        "target": text, "triggers": { "type": "array", "items": text }, "enabled": { "type": "boolean" },
        "parallel": { "type": "boolean" }, "previous_secret_until": time, "secret": text, "created_at": time,
        "cursor": text, "failing_since": time, "parked_lanes": whole,
        "parked": { "type": "array", "items": { "type": "object", "properties": {
            "lane": { "enum": ["conversation", "single", "replay"] }, "conversation": maybe, "cursor": text,
            "waiting": whole, "attempts": whole, "first_failed_at": time, "next_at": time } } } } })
}
