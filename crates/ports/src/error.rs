//! The one error of all ports: a kind to branch on, and context to report.
//! Missing rows and files are no errors.

use std::fmt;

/// What callers branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// May work later: busy, connection lost, disk full.
    Unavailable,
    /// The medium failed under a write: nothing after it can be trusted, and the process must end.
    Fatal,
    /// Stored bytes cannot be understood.
    Corrupt,
    /// Written by a newer version of this program.
    TooNew,
    /// What was asked for makes no sense.
    Invalid,
}

/// Kind, sentence, source.
#[derive(Debug)]
pub struct Error {
    pub kind: ErrorKind,
    pub message: String,
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error without a source.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error { kind, message: message.into(), source: None }
    }

    /// Adds what caused it.
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}
