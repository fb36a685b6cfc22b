//! Commands over a tiny in-memory world: what each promises, and how many load rounds it takes.
