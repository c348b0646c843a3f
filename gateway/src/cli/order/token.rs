//! `muster order token`: makes a principal's token. The config holds only its hash.

use std::process::ExitCode;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::Args;
use super::call::{BUG, USAGE};

/// Bytes of randomness in a token.
const TOKEN_BYTES: usize = 32;

pub(super) fn run(args: &Args) -> ExitCode {
    let Some(id) = args.id.as_deref().filter(|id| is_id(id)) else {
        eprintln!("`muster order token` needs --id NAME, a name of [a-z0-9-]{{1,32}}");
        return ExitCode::from(USAGE);
    };
    let mut bytes = [0; TOKEN_BYTES];
    if let Err(error) = getrandom::fill(&mut bytes) {
        eprintln!("the machine gave no randomness, so there is no token: {error}");
        return ExitCode::from(BUG);
    }
    let token = BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let hash = hash_of(&token);
    if args.json {
        println!(
            "{}",
            serde_json::json!({ "schema": 1, "id": id, "token": token, "token_hash": hash })
        );
    } else {
        println!("{}", explain(id, &token, &hash));
    }
    ExitCode::SUCCESS
}

/// What the config holds: SHA-256 of the token's text.
fn hash_of(token: &str) -> String {
    let digest = Sha256::digest(token.as_bytes());
    let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    format!("sha256:{hex}")
}

fn explain(id: &str, token: &str, hash: &str) -> String {
    format!(
        "# Token of {id}, shown this once. Keep it in a file that only {id} can read; give orders with --token-file FILE:\n\
         # {token}\n\n\
         [[principal]]\n\
         id = \"{id}\"\n\
         roles = [\"operator\"] # operator: evacuate, hold, abort, cut; safety: arm, disarm, reset\n\
         token_hash = \"{hash}\""
    )
}

fn is_id(id: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=32).contains(&id.len()) && id.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn what_is_printed_is_config() {
        let text = explain("ann", "secret", &hash_of("secret"));
        let config: toml::Table = text.parse().unwrap();
        let principal = &config["principal"][0];
        assert_eq!(principal["id"].as_str(), Some("ann"));
        let hash = principal["token_hash"].as_str().unwrap();
        assert_eq!(
            hash,
            "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
        );
    }

    #[test]
    fn ids_are_plain() {
        assert!(is_id("ann-2"));
        for bad in ["", "Ann", "a b", "a\"", "äöü", &"a".repeat(33)] {
            assert!(!is_id(bad), "{bad}");
        }
    }
}
