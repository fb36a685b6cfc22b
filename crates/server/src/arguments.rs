//! The command line: what the program can be asked to do.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// A self-hosted conversation server: one conversation through three APIs.
#[derive(Debug, Parser)]
#[command(name = "trunkline")]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the server
    Serve {
        /// A TOML file over the compiled-in defaults
        #[arg(long)]
        config: Option<PathBuf>,
    },
    /// Starts a server with a sandbox beside it and plays one conversation through all three APIs
    Demo {
        /// Where data and demo.json go
        #[arg(long, default_value = "demo-data")]
        data: PathBuf,
        /// Address of the plain listener
        #[arg(long)]
        listen: Option<SocketAddr>,
        /// Address of the TLS listener
        #[arg(long)]
        tls_listen: Option<SocketAddr>,
        /// End when played
        #[arg(long)]
        once: bool,
        /// Use a sandbox that runs already at this URL
        #[arg(long)]
        sandbox: Option<String>,
        /// Keep the vendors' published rate limits
        #[arg(long)]
        vendor_limits: bool,
    },
    /// Plays the providers' side of every channel
    Sandbox {
        /// Address of its HTTP interface
        #[arg(long)]
        listen: Option<SocketAddr>,
        /// Keeps the ledger in this file
        #[arg(long)]
        ledger: Option<PathBuf>,
        /// Enforces provider rules that would hinder play
        #[arg(long)]
        strict_windows: bool,
    },
    /// Says in sentences what is wrong with a configuration
    Check {
        /// The TOML file to check
        #[arg(long)]
        config: Option<PathBuf>,
    },
}
