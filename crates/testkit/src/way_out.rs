//! A way out that leads nowhere, for tests that stay inside.
//! Every call is refused as forbidden; nothing is remembered.

use connector_api::{HttpOut, HttpRequest, HttpResponse, OutError};
use futures_util::future::{BoxFuture, ready};

/// No way out.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoWayOut;

impl HttpOut for NoWayOut {
    fn call(&self, _: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, OutError>> {
        Box::pin(ready(Err(OutError::Forbidden("tests stay inside".to_owned()))))
    }
}
