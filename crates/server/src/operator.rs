//! The operator's own address: `GET /metrics` in Prometheus' text form, `/livez` and `/readyz`.
//!
//! It stays open until the server has stopped, so that a stop can be watched. What each metric means is said here and
//! listed in `docs/operating.md`.

use axum::Router;
use axum::routing::get;
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// How often old samples are folded together.
const UPKEEP: std::time::Duration = std::time::Duration::from_secs(5);

/// Counts from now on, for the whole process.
pub fn count() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new().install_recorder()?;
    describe();
    gauge!("trunkline_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1);
    Ok(handle)
}

/// The pages, beside those of health.
pub fn pages(handle: PrometheusHandle, health: Router) -> Router {
    let upkeep = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    });
    health.route("/metrics", get(move || std::future::ready(handle.render())))
}

fn describe() {
    let none = Unit::Count;
    describe_counter!(
        "trunkline_http_requests_total",
        none,
        "Requests answered, by face and class of status."
    );
    describe_gauge!("trunkline_connections_open", none, "Connections open on all public listeners.");
    describe_histogram!("trunkline_batch_commands", none, "Commands that one commit made durable.");
    describe_counter!("trunkline_attempts_total", none, "Hand-overs ended, by channel and outcome.");
    describe_counter!(
        "trunkline_fetches_total",
        none,
        "Tries to fetch a file from its provider, by outcome; a failed one comes again."
    );
    describe_counter!("trunkline_fetched_bytes_total", Unit::Bytes, "Bytes of files fetched and stored.");
    describe_counter!("trunkline_callbacks_total", none, "Callbacks tried, by outcome.");
    describe_counter!("trunkline_dead_letters_total", none, "Callbacks given up.");
    describe_counter!(
        "trunkline_endpoint_breakers_total",
        none,
        "Endpoints left alone for a while because callbacks in a row found nobody working."
    );
    describe_counter!(
        "trunkline_endpoints_disabled_total",
        none,
        "Endpoints switched off because they took nothing for five days."
    );
    describe_counter!("trunkline_loads_total", none, "Questions of the batcher to the store.");
    describe_counter!("trunkline_loaded_rows_total", none, "Rows that the batcher asked the store for.");
    describe_counter!(
        "trunkline_jobs_left_to_sweep",
        none,
        "Jobs that memory had no room for; the sweep finds them."
    );
    describe_gauge!(
        "trunkline_jobs_held",
        none,
        "Jobs held in memory: those under way, and those due within a minute."
    );
    describe_counter!(
        "trunkline_refused_for_room_total",
        none,
        "Requests and inbound messages refused because the database may not grow further."
    );
    describe_counter!(
        "trunkline_messages_overdue",
        none,
        "Messages past their time that nothing had moved and the watchdog ended. It should stay 0."
    );
    describe_gauge!("trunkline_delivery_paused", none, "1 while no message is handed over, else 0.");
    describe_gauge!("trunkline_build_info", none, "Always 1; the version is its label.");
}
