//! An engine over memory with one channel, and a word for what a request must bring.
//! Commands are written as people write them.

use std::sync::Arc;

use clap::Parser as _;
use cli::{AdminAnswer, Arguments, administer};
use domain::time::Time;
use engine::{Engine, Ids, Limits, Parts, Registered};
use testkit::{FakeClock, MemoryFiles, MemoryStore, NoHttp, PlainConnector};

pub async fn engine() -> Engine {
    let store = Arc::new(MemoryStore::new());
    let parts = Parts {
        store: store.clone(),
        reads: store.clone(),
        claims: store,
        files: Arc::new(MemoryFiles::default()),
        inspect: Arc::new(testkit::Believing),
        clock: Arc::new(FakeClock::at(Time(1_700_000_000_000))),
        ids: Arc::new(Ids::new(7)),
        channels: vec![Registered {
            connector: Arc::new(PlainConnector::new("ALPHA", false)),
            session: None,
        }],
        dialects: Vec::new(),
        provider_http: Arc::new(NoHttp),
        callback_http: Arc::new(NoHttp),
        links: engine::FileLinks::new(Arc::from("http://localhost"), [0; 32]),
        limits: Limits::default(),
    };
    Engine::start(parts).await.unwrap()
}

/// What a command line brings; words are split at spaces.
pub async fn say(engine: &Engine, line: &str) -> AdminAnswer {
    let words = ["trunkline"].into_iter().chain(line.split(' '));
    let command = Arguments::try_parse_from(words).unwrap().command;
    administer(engine, cli::request(command).unwrap().0).await
}

/// Why a command line is refused.
pub async fn refused(engine: &Engine, line: &str) -> String {
    match say(engine, line).await {
        AdminAnswer::Refused { why } => why,
        other => panic!("{line} was not refused: {other:?}"),
    }
}
