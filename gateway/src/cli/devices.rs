//! `muster devices`: every node and device of a running gateway, and why one is in trouble.

mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value;

use super::exit;
use super::order::{call::Failure, far};
use crate::api::USUAL_URL;
use crate::lines;

/// List every node and device: what is heard of it, how it is asked, and why it is in trouble.
///
/// Exit 0: all are well. 1: at least one is not. 64: usage, or a token is needed. 69: no answer.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The gateway
    #[arg(long, value_name = "URL", env = "MUSTER_URL", default_value = USUAL_URL)]
    url: String,
    /// File whose first line is your token; needed from elsewhere than the gateway's own machine. Else MUSTER_TOKEN
    #[arg(long, value_name = "FILE", env = "MUSTER_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// Only those of this zone, each by name
    #[arg(long, value_name = "ZONE", conflicts_with = "json")]
    zone: Option<String>,
    /// Each by name, however many are well
    #[arg(long, conflicts_with = "json")]
    all: bool,
    /// Print JSON, as /api/v1/devices has it
    #[arg(long)]
    json: bool,
}

#[cfg(test)]
impl Args {
    /// For who asks the gateway there.
    pub(crate) fn of(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            token_file: None,
            zone: None,
            all: false,
            json: false,
        }
    }
}

/// Runs it. Every call has a deadline.
pub async fn run(args: Args) -> ExitCode {
    let document = match fetch(&args, std::env::var("MUSTER_TOKEN").ok()).await {
        Ok(document) => document,
        Err(failure) => {
            eprintln!("{}", lines::with_causes(&failure));
            return ExitCode::from(failure.exit_code());
        }
    };
    let devices = document["devices"].as_array().map_or(&[][..], Vec::as_slice);
    if args.json {
        println!("{document}");
    } else {
        let choice = table::Choice {
            zone: args.zone.clone(),
            all: args.all,
        };
        match table::of(devices, &choice) {
            Ok(lines) => lines.iter().for_each(|line| println!("{line}")),
            Err(why) => {
                eprintln!("{why}");
                return ExitCode::from(exit::USAGE);
            }
        }
    }
    let zone = args.zone.as_deref();
    if devices.iter().filter(|d| table::in_zone(d, zone)).all(table::is_well) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit::FINDING)
    }
}

async fn fetch(args: &Args, from_env: Option<String>) -> Result<Value, Failure> {
    far::look(&args.url, (args.token_file.as_deref(), from_env), "api/v1/devices").await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_there_is_unreachable_and_never_well() {
        // A port that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let failure = fetch(&Args::of(&format!("http://{port}")), None).await.unwrap_err();
        assert_eq!(failure.exit_code(), exit::UNREACHABLE, "{failure}");
        let failure = fetch(&Args::of("ftp://there"), None).await.unwrap_err();
        assert_eq!(failure.exit_code(), exit::USAGE, "{failure}");
    }

    #[tokio::test]
    async fn a_file_without_a_token_is_said_before_anything_is_sent() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut args = Args::of("http://127.0.0.1:1");
        args.token_file = Some(file.path().to_owned());
        let failure = fetch(&args, None).await.unwrap_err();
        assert_eq!(failure.exit_code(), exit::USAGE, "{failure}");
    }
}
