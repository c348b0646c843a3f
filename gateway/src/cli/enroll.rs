//! `muster enroll`: a site's own certificates.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::exit;
use crate::certs::issue::{Folder, GATEWAY_DAYS, IssueError, Listed, MAX_DAYS, Made, NODE_DAYS};
use crate::{clock, lines};

/// Make and revoke the certificates of a site's gateway and nodes
///
/// Keep the folder on a machine that is not the gateway, and back it up: who has it can speak for every node. Keys are
/// files of their owner's (0600), never printed, and never overwritten without --replace.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "In this order: init, gateway, node for each node. A stolen node: revoke, then node --replace.\n\
Exit codes: 0 ok, 1 (list) a certificate has expired or will within 30 days, 64 refused, 70 our bug."
)]
pub struct Args {
    #[command(subcommand)]
    what: What,
    /// Folder with the site's CAs
    #[arg(long, global = true, default_value = "certificates", value_name = "DIR")]
    dir: PathBuf,
    /// One JSON document instead of lines
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make a site's two CAs: one signs the gateway, the other the nodes (20 years)
    Init {
        /// The site's id
        #[arg(long, value_name = "ID")]
        site: String,
    },
    /// Make the gateway's key and certificate
    Gateway {
        /// A host name or IP address by which nodes reach it; give each one. 127.0.0.1 too if nodes are
        /// simulated on the gateway itself. Small boards check host names only
        #[arg(long, required = true, value_name = "HOST|IP")]
        name: Vec<String>,
        #[command(flatten)]
        how: How,
        /// How long it is valid
        #[arg(long, default_value_t = GATEWAY_DAYS, value_parser = clap::value_parser!(i64).range(1..=MAX_DAYS))]
        days: i64,
    },
    /// Sign a node's certificate; makes its key too unless it brings a request
    Node {
        /// The node's id in the config
        id: String,
        /// A request (PKCS #10, PEM or DER, P-256) of a node that keeps its own key
        #[arg(long, value_name = "FILE")]
        csr: Option<PathBuf>,
        #[command(flatten)]
        how: How,
        /// How long it is valid
        #[arg(long, default_value_t = NODE_DAYS, value_parser = clap::value_parser!(i64).range(1..=MAX_DAYS))]
        days: i64,
    },
    /// Shut out a certificate: by its serial number, or all that a node was given so far
    Revoke {
        /// A node's id, or a serial number as `list` shows it
        #[arg(value_name = "NODE|SERIAL")]
        whom: String,
    },
    /// Show every certificate, and until when it is good
    List,
}

#[derive(Debug, clap::Args)]
struct How {
    /// Take the place of files that are there. What was signed before stays valid until it is revoked
    #[arg(long)]
    replace: bool,
}

/// What is shown in the end, and the exit code.
struct Said {
    lines: Vec<String>,
    document: Value,
    code: ExitCode,
}

/// Prints what was made to stdout, never a key.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    match carry_out(args) {
        Ok(said) => {
            if args.json {
                println!("{}", said.document);
            } else {
                said.lines.iter().for_each(|line| println!("{line}"));
            }
            said.code
        }
        Err(error) => {
            eprintln!("muster: {}", lines::with_causes(&error));
            if let Some(hint) = hint(&error) {
                eprintln!("  hint: {hint}");
            }
            let code = if error.is_usage() { exit::USAGE } else { exit::BUG };
            code.into()
        }
    }
}

fn hint(error: &IssueError) -> Option<&'static str> {
    match error {
        IssueError::Exists(_) => {
            Some("--replace makes a new one in its place; a CA is made once, in a folder of its own")
        }
        IssueError::NoAuthority(_) => Some("--dir names the folder; `muster enroll init --site ID` makes it"),
        _ => None,
    }
}

fn carry_out(args: &Args) -> Result<Said, IssueError> {
    let (dir, now_s) = (&args.dir, clock::wall_now_ms() / 1_000);
    let open = || Folder::open(dir, now_s);
    match &args.what {
        What::Init { site } => Folder::init(dir, site, now_s).map(|(_, made)| of_init(dir, &made)),
        What::Gateway { name, how, days } => {
            let made = open()?.gateway(name, *days, how.replace)?;
            Ok(of_gateway(dir, &made, name))
        }
        What::Node { id, csr, how, days } => {
            let made = open()?.node(id, csr.as_deref(), *days, how.replace)?;
            Ok(of_node(dir, &made, csr.is_some()))
        }
        What::Revoke { whom } => open()?.revoke(whom).map(|(new, list)| of_revoke(whom, &new, &list)),
        What::List => open()?.list().map(|all| of_list(&all)),
    }
}

fn made(made: &Made, mut lines: Vec<String>) -> Said {
    let files = made.files.iter().map(|file| format!("  {}", file.display()));
    let head = format!("{}: valid until {}", made.name, made.until);
    lines.splice(0..0, std::iter::once(head).chain(files));
    Said {
        lines,
        document: json!({ "schema": 1, "made": made }),
        code: ExitCode::SUCCESS,
    }
}

fn of_init(dir: &Path, what: &Made) -> Said {
    let dir = dir.display();
    let next = [
        "Next:".to_owned(),
        format!("  muster enroll gateway --dir {dir} --name HOST  # the name by which nodes reach it; also --name IP"),
        format!("  muster enroll node NODE --dir {dir}            # for every node"),
        format!("Keep {dir}/*.key off the gateway, and back them up: who has node-ca.key can speak for every node."),
    ];
    made(what, next.into())
}

fn of_gateway(dir: &Path, what: &Made, names: &[String]) -> Said {
    let names_ips_only = names.iter().all(|name| name.parse::<IpAddr>().is_ok());
    let mut next = vec![
        format!(
            "Next: copy the folder {} to the gateway, beside its config, and write there:",
            dir.join("gateway").display()
        ),
        "  [mqtt]".into(),
        "  listen = \"0.0.0.0:8883\"".into(),
        "  ca = \"gateway/node-ca.pem\"".into(),
        "  crl = \"gateway/node-crl.pem\"".into(),
        "  cert = \"gateway/gateway.pem\"".into(),
        "  key = \"gateway/gateway.key\"".into(),
    ];
    if names_ips_only || names.len() > 3 {
        next.push("Note: small boards (embedded-tls) look at host names only, and at the first three.".into());
    }
    made(what, next)
}

fn of_node(dir: &Path, what: &Made, has_own_key: bool) -> Said {
    let place = dir.join("nodes").join(&what.name);
    let key = if has_own_key {
        ""
    } else {
        ", node.key (its key; delete it here once it is there)"
    };
    let next = [
        format!(
            "Next: put these of {} on the node, as .pem or as .der:",
            place.display()
        ),
        format!("  site-ca (whom it trusts), node (its certificate){key}"),
        format!(
            "Its MQTT client id is {}. In the config: [[source]] id = \"{}\", kind = \"node\"",
            what.name, what.name
        ),
    ];
    made(what, next.into())
}

fn of_revoke(whom: &str, new: &[String], list: &Path) -> Said {
    let head = match new.len() {
        0 => format!("{whom}: had been revoked before"),
        1 => format!("{whom}: 1 certificate revoked"),
        n => format!("{whom}: {n} certificates revoked"),
    };
    let next = format!(
        "Next: copy {} to the gateway and reload or start Muster anew; until then it is let in.",
        list.display()
    );
    let serials = new.iter().map(|serial| format!("  {serial}"));
    Said {
        lines: std::iter::once(head).chain(serials).chain([next]).collect(),
        document: json!({ "schema": 1, "revoked": new, "crl": list }),
        code: ExitCode::SUCCESS,
    }
}

fn of_list(all: &[Listed]) -> Said {
    let is_due = |one: &&Listed| !one.revoked && one.days_left <= crate::certs::EXPIRY_WARNING_DAYS;
    let due = all.iter().filter(is_due).count();
    let mut lines: Vec<String> = all.iter().map(row).collect();
    if due > 0 {
        lines.push(format!(
            "{due} expired or about to. New ones: muster enroll gateway|node … --replace"
        ));
    }
    Said {
        lines,
        document: json!({ "schema": 1, "certificates": all }),
        code: if due > 0 {
            exit::FINDING.into()
        } else {
            ExitCode::SUCCESS
        },
    }
}

fn row(one: &Listed) -> String {
    let state = if one.revoked {
        "revoked".to_owned()
    } else if one.days_left < 0 {
        "EXPIRED".to_owned()
    } else {
        format!("{} days left", one.days_left)
    };
    format!(
        "{:<8} {:<32} until {}  {state:<16} {}",
        one.kind, one.name, one.until, one.serial
    )
}
