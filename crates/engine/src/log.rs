//! Which log this is: it gets a name when it begins, and keeps it until the store is restored from a backup.

use domain::command::server::NameLog;
use domain::id::Id;
use ports::{Error, ErrorKind};

use crate::batcher::Batcher;
use crate::engine::Failure;

/// The log's name; one that begins gets the fresh one.
pub(crate) async fn name(batcher: &Batcher, fresh: Id) -> Result<Id, Error> {
    batcher.execute(NameLog { fresh }).await.map_err(|failure| match failure {
        Failure::Unavailable(why) => Error::new(ErrorKind::Unavailable, why),
        Failure::Refused(never) => match never {},
    })
}
