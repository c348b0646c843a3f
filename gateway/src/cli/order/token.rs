//! `muster order token`: makes a principal's token. The config holds only its hash.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::call::{BUG, USAGE};
use super::{Args, Role};

/// Bytes of randomness in a token.
const TOKEN_BYTES: usize = 32;

pub(super) fn run(args: &Args) -> ExitCode {
    let Some(id) = args.id.as_deref().filter(|id| is_id(id)) else {
        eprintln!(
            "`muster order token` needs --id NAME, 1 to 32 of a-z, 0-9 and `-`, such as: \
             muster order token --id anna --roles operator,safety --out anna.tok"
        );
        return ExitCode::from(USAGE);
    };
    let roles = match roles(&args.roles) {
        Ok(roles) => roles,
        Err(line) => {
            eprintln!("{line}");
            return ExitCode::from(USAGE);
        }
    };
    let mut bytes = [0; TOKEN_BYTES];
    if let Err(error) = getrandom::fill(&mut bytes) {
        eprintln!("the machine gave no randomness, so there is no token: {error}");
        return ExitCode::from(BUG);
    }
    let token = BASE64_URL_SAFE_NO_PAD.encode(bytes);
    if let Some(path) = &args.out
        && let Err(error) = write(path, &token)
    {
        eprintln!("no token was made: {}: {error}{}", path.display(), remedy(&error));
        return ExitCode::from(USAGE);
    }
    show(args, id, &roles, &token);
    ExitCode::SUCCESS
}

/// What to do about a file that cannot be written.
fn remedy(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            ". A token is never written over: give another --out, or delete the file if nobody uses its token any more"
        }
        std::io::ErrorKind::NotFound => ". Make its folder first",
        _ => "",
    }
}

/// As the config has them; operator, if nothing is said.
fn roles(asked: &[Role]) -> Result<String, &'static str> {
    let asked: BTreeSet<Role> = asked.iter().copied().collect();
    if asked.contains(&Role::None) && asked.len() > 1 {
        return Err("--roles none stands alone: it may only look");
    }
    let words = asked.iter().filter_map(|role| match role {
        Role::Operator => Some("\"operator\""),
        Role::Safety => Some("\"safety\""),
        Role::None => None,
    });
    let words: Vec<&str> = words.collect();
    Ok(if asked.is_empty() {
        "[\"operator\"]".to_owned()
    } else {
        format!("[{}]", words.join(", "))
    })
}

/// A token that was written into a file is not shown as well.
fn show(args: &Args, id: &str, roles: &str, token: &str) {
    let hash = hash_of(token);
    let file = args.out.as_deref().map(Path::display);
    match (args.json, file) {
        (true, None) => println!(
            "{}",
            serde_json::json!({ "schema": 1, "id": id, "token": token, "token_hash": hash })
        ),
        (true, Some(file)) => println!(
            "{}",
            serde_json::json!({ "schema": 1, "id": id, "token_file": file.to_string(), "token_hash": hash })
        ),
        (false, None) => {
            let head = format!(
                "# Token of {id}, shown this once. Keep it in a file that only {id} can read; give orders with --token-file FILE:\n\
                 # {token}"
            );
            println!("{}", explain(&head, id, roles, &hash));
        }
        (false, Some(file)) => {
            let head = format!("# The token of {id} is in {file}; give orders with --token-file {file}.");
            println!("{}", explain(&head, id, roles, &hash));
        }
    }
}

/// Into a new file that only its owner may read; an older token is never written over.
fn write(path: &Path, token: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{token}")?;
    file.sync_all()
}

/// What the config holds: SHA-256 of the token's text.
fn hash_of(token: &str) -> String {
    let digest = Sha256::digest(token.as_bytes());
    let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    format!("sha256:{hex}")
}

/// What goes into the config, below what there is to say.
fn explain(head: &str, id: &str, roles: &str, hash: &str) -> String {
    format!(
        "{head}\n\
         # What follows belongs into the site's config; then reload it: SIGHUP to `muster run`, or systemctl reload muster.\n\n\
         [[principal]]\n\
         id = \"{id}\"\n\
         roles = {roles} # operator: evacuate, hold, abort, cut; safety: arm, disarm, reset, return, bypass, work; [] may only look\n\
         token_hash = \"{hash}\""
    )
}

fn is_id(id: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=32).contains(&id.len()) && id.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_config() {
        let text = explain(
            "# secret",
            "ann",
            &roles(&[Role::Safety, Role::Operator]).unwrap(),
            &hash_of("secret"),
        );
        let config: toml::Table = text.parse().unwrap();
        let principal = &config["principal"][0];
        assert_eq!(principal["id"].as_str(), Some("ann"));
        assert_eq!(principal["roles"], toml::Value::from(vec!["operator", "safety"]));
        let hash = principal["token_hash"].as_str().unwrap();
        assert_eq!(
            hash,
            "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
        );
    }

    #[test]
    fn roles_are_those_of_the_config() {
        assert_eq!(roles(&[]).unwrap(), r#"["operator"]"#);
        assert_eq!(roles(&[Role::Safety, Role::Safety]).unwrap(), r#"["safety"]"#);
        assert_eq!(roles(&[Role::None]).unwrap(), "[]");
        assert!(roles(&[Role::None, Role::Safety]).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn a_token_file_is_new_and_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ann.tok");
        write(&path, "secret").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "secret\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let error = write(&path, "another").unwrap_err();
        assert!(remedy(&error).contains("another --out"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "secret\n");
    }

    #[test]
    fn ids_are_plain() {
        assert!(is_id("ann-2"));
        for bad in ["", "Ann", "a b", "a\"", "äöü", &"a".repeat(33)] {
            assert!(!is_id(bad), "{bad}");
        }
    }
}
