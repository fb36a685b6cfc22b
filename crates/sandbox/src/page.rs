//! The handsets page at `/`: one self-contained document that polls the interface.

use std::sync::Arc;

use axum::Router;
use axum::response::Html;
use axum::routing::get;

use crate::world::World;

pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new().route("/", get(async || Html(include_str!("page.html"))))
}
