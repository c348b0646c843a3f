//! One order over HTTP, with a deadline on everything.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, Response, StatusCode, Url};
use serde_json::{Value, json};

use super::{Args, Word};

/// Exit codes of design §10: a finding, usage, unreachable, our bug.
const FINDING: u8 = 1;
pub(super) const USAGE: u8 = 64;
const UNREACHABLE: u8 = 69;
pub(super) const BUG: u8 = 70;

const CONNECT: Duration = Duration::from_secs(3);
/// Beyond the gateway's own 5 s, so that its answer is heard.
const WHOLE: Duration = Duration::from_secs(8);
/// For the headlines after the order; they are an extra.
const STATUS: Duration = Duration::from_secs(2);
/// Largest answer read, bytes.
const ANSWER_MAX: usize = 4 * 1024 * 1024;
/// Largest token file read, bytes.
const TOKEN_FILE_MAX: u64 = 4_096;

/// The `url` crate's error, by the way reqwest gives it.
type UrlError = <Url as std::str::FromStr>::Err;

/// Why an order was not given, or not taken.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum Failure {
    /// Nothing was sent.
    #[error("{0}")]
    Usage(String),
    /// Nothing was sent.
    #[error("{} cannot be read: --token-file takes the file with your own token, as `muster order token --id NAME --out FILE` makes it", path.display())]
    TokenFile {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    /// Nothing was sent.
    #[error("{url:?} is no URL")]
    Url {
        url: String,
        #[source]
        cause: UrlError,
    },
    /// Our own client could not be made.
    #[error("no HTTP client")]
    Client(#[source] reqwest::Error),
    /// No answer, or a broken one.
    #[error(
        "no answer from {url}: {}. Does Muster run there? --url or MUSTER_URL names another gateway",
        innermost(cause)
    )]
    Unreachable { url: Url, cause: reqwest::Error },
    /// An answer that is not Muster's, or a gateway that cannot take orders now.
    #[error("{0}")]
    Unavailable(String),
    /// The gateway answered no.
    #[error("REFUSED: {0}")]
    Refused(String),
    /// The gateway does not know the token.
    #[error(
        "REFUSED by {url}: {why}. Is it your token, and is that your gateway (--url)? The token's hash has to stand under \
         [[principal]] in the config in force there: after an edit, reload it"
    )]
    Unknown { url: Url, why: String },
}

/// What the system said: the layers above it say the same in more words.
fn innermost(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |cause| cause.source());
    causes.last().map(ToString::to_string).unwrap_or_default()
}

impl Failure {
    pub(in crate::cli) const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::TokenFile { .. } | Self::Url { .. } => USAGE,
            Self::Client(_) => BUG,
            Self::Unreachable { .. } | Self::Unavailable(_) => UNREACHABLE,
            Self::Refused(_) | Self::Unknown { .. } => FINDING,
        }
    }

    /// `verdict` in JSON.
    pub(in crate::cli) const fn word(&self) -> &'static str {
        if matches!(self, Self::Refused(_) | Self::Unknown { .. }) {
            "refused"
        } else {
            "not_given"
        }
    }
}

/// An order that was taken, or waits.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) pending: bool,
    pub(super) why: String,
    pub(super) at_wall: Option<String>,
    /// Seconds from now to that.
    pub(super) at_left_s: Option<i64>,
    pub(super) headline: Vec<String>,
    /// Whose gateway it is, if it said so.
    pub(super) site: Option<String>,
    /// What becomes of hosts that ask Muster as a UPS.
    pub(super) hosts: Option<String>,
    /// What of the detecting system is in trouble at that moment.
    pub(super) troubles: Vec<String>,
    /// For `--json`.
    pub(super) document: Value,
}

pub(super) async fn give(args: &Args) -> Result<Given, Failure> {
    let body = body_of(args)?;
    let (base, token) = (base_of(&args.url)?, token_of(args, std::env::var("MUSTER_TOKEN").ok())?);
    warn_if_plain(&base);
    let client = client()?;
    let url = join(&base, "api/v1/orders")?;
    let request = client.post(url.clone()).bearer_auth(&token).json(&body);
    let response = request.send().await.map_err(|cause| Failure::Unreachable {
        url: url.clone(),
        cause,
    })?;
    let status = response.status();
    let mut document = read(response, &url).await?;
    judge(status, &document, &base)?;
    let now = status_now(&client, &base, &token).await;
    let headline = texts(&now["headline"], |line| line);
    document["headline"] = json!(headline);
    let text = |name: &str| document[name].as_str().map(str::to_owned);
    Ok(Given {
        pending: document["verdict"] == "pending",
        why: text("why").unwrap_or_default(),
        at_wall: text("at_wall"),
        at_left_s: document["at_left_s"].as_i64(),
        headline,
        site: now["site"].as_str().map(str::to_owned),
        hosts: text("hosts"),
        troubles: texts(&now["troubles"], |trouble| &trouble["subject"]),
        document,
    })
}

fn body_of(args: &Args) -> Result<Value, Failure> {
    let verb = args.verb.as_str();
    if args.id.is_some() {
        return Err(Failure::Usage("--id belongs to `muster order token`".to_owned()));
    }
    if args.out.is_some() || !args.roles.is_empty() {
        return Err(Failure::Usage(
            "--out and --roles belong to `muster order token`".to_owned(),
        ));
    }
    let of_service = args.of.is_some() || args.minutes.is_some() || args.reason.is_some();
    if matches!(args.verb, Word::Bypass | Word::Work) {
        return service_of(args);
    }
    if of_service {
        let why = format!("--of, --minutes and --reason belong to bypass and work, not to {verb}");
        return Err(Failure::Usage(why));
    }
    match (args.verb, &args.at) {
        (Word::Cut, Some(at)) => Ok(json!({ "verb": verb, "at": at })),
        (Word::Cut, None) => Err(Failure::Usage(
            "cut needs --at TIME: when will the power be cut? Such as --at 16:52".to_owned(),
        )),
        (_, Some(_)) => Err(Failure::Usage(format!("--at belongs to cut, not to {verb}"))),
        (_, None) => Ok(json!({ "verb": verb })),
    }
}

fn service_of(args: &Args) -> Result<Value, Failure> {
    let verb = args.verb.as_str();
    if args.at.is_some() {
        return Err(Failure::Usage(format!("--at belongs to cut, not to {verb}")));
    }
    let (Some(of), Some(minutes)) = (&args.of, args.minutes) else {
        let why = format!("{verb} needs --of ID and --minutes N: of what, and for how long? 0 ends what is in force");
        return Err(Failure::Usage(why));
    };
    if minutes > 0 && args.reason.is_none() {
        return Err(Failure::Usage(format!(
            "{verb} needs --reason TEXT: whoever comes next reads it"
        )));
    }
    Ok(json!({ "verb": verb, "target": of, "for_s": minutes * 60, "reason": args.reason }))
}

pub(in crate::cli) fn base_of(url: &str) -> Result<Url, Failure> {
    let with_slash = format!("{}/", url.trim_end_matches('/'));
    let base: Url = with_slash.parse().map_err(|cause| Failure::Url {
        url: url.to_owned(),
        cause,
    })?;
    if !matches!(base.scheme(), "http" | "https") {
        return Err(Failure::Usage(format!("{url} is neither http nor https")));
    }
    Ok(base)
}

pub(in crate::cli) fn join(base: &Url, path: &str) -> Result<Url, Failure> {
    base.join(path).map_err(|cause| Failure::Url {
        url: base.to_string(),
        cause,
    })
}

/// Says so where the token would be read on its way.
pub(in crate::cli) fn warn_if_plain(base: &Url) {
    if base.scheme() == "http" && !is_loopback(base) {
        eprintln!("warning: your token goes to {base} unencrypted");
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn token_of(args: &Args, from_env: Option<String>) -> Result<String, Failure> {
    token_in(args.token_file.as_deref(), from_env)?.ok_or_else(|| {
        let why = "an order needs your token: --token-file FILE or MUSTER_TOKEN. Make one with `muster order token --id NAME --out FILE`";
        Failure::Usage(why.to_owned())
    })
}

/// The first line of the file, else `from_env`; none if that is no token.
pub(in crate::cli) fn token_in(file: Option<&Path>, from_env: Option<String>) -> Result<Option<String>, Failure> {
    let text = match file {
        Some(path) => read_token(path).map_err(|cause| Failure::TokenFile {
            path: path.to_owned(),
            cause,
        })?,
        None => from_env.unwrap_or_default(),
    };
    let token = text.lines().next().unwrap_or_default().trim();
    let is_token = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    Ok(is_token.then(|| token.to_owned()))
}

fn read_token(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(TOKEN_FILE_MAX)
        .read_to_string(&mut text)?;
    Ok(text)
}

/// No proxy and no redirect: the token goes to the gateway that was named, and nowhere else.
pub(in crate::cli) fn client() -> Result<Client, Failure> {
    // Refused when one is already installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    builder
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        .build()
        .map_err(Failure::Client)
}

pub(in crate::cli) async fn read(mut response: Response, url: &Url) -> Result<Value, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|cause| Failure::Unreachable {
        url: url.clone(),
        cause,
    })? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > ANSWER_MAX {
            return Err(Failure::Unavailable(format!(
                "{url} answered with more than {ANSWER_MAX} bytes: not Muster"
            )));
        }
    }
    Ok(serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

/// Whether the gateway took it, and whose fault it is if not.
pub(super) fn judge(status: StatusCode, document: &Value, url: &Url) -> Result<(), Failure> {
    let detail = || {
        document["detail"]
            .as_str()
            .map_or(format!("answered {status}"), str::to_owned)
    };
    match status.as_u16() {
        200 if matches!(document["verdict"].as_str(), Some("taken" | "pending")) => Ok(()),
        401 => Err(Failure::Unknown {
            url: url.clone(),
            why: detail(),
        }),
        403 | 409 | 421 | 429 => Err(Failure::Refused(detail())),
        400 | 413 | 415 | 422 => Err(Failure::Usage(detail())),
        _ => Err(Failure::Unavailable(detail())),
    }
}

/// How the site is; null if it cannot be had in time.
async fn status_now(client: &Client, base: &Url, token: &str) -> Value {
    let Ok(url) = join(base, "api/v1/status") else {
        return Value::Null;
    };
    let Ok(response) = client.get(url.clone()).bearer_auth(token).timeout(STATUS).send().await else {
        return Value::Null;
    };
    read(response, &url).await.unwrap_or(Value::Null)
}

fn texts(list: &Value, text: fn(&Value) -> &Value) -> Vec<String> {
    let all = list.as_array().into_iter().flatten();
    all.filter_map(|one| text(one).as_str()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(verb: Word) -> Args {
        Args {
            verb,
            at: None,
            of: None,
            minutes: None,
            reason: None,
            url: "http://127.0.0.1:1".to_owned(),
            token_file: None,
            id: None,
            roles: vec![],
            out: None,
            json: false,
        }
    }

    #[test]
    fn a_bypass_says_of_what_for_how_long_and_why() {
        let whole = Args {
            of: Some("node-1".to_owned()),
            minutes: Some(90),
            reason: Some("new fan".to_owned()),
            ..args(Word::Bypass)
        };
        let expected = json!({ "verb": "bypass", "target": "node-1", "for_s": 5_400, "reason": "new fan" });
        assert_eq!(body_of(&whole).unwrap(), expected);
        let usage = |args: &Args| matches!(body_of(args), Err(Failure::Usage(_)));
        assert!(
            usage(&args(Word::Work))
                && usage(&Args {
                    reason: None,
                    ..whole.clone()
                })
        );
        let ends = Args {
            minutes: Some(0),
            reason: None,
            ..whole.clone()
        };
        assert_eq!(body_of(&ends).unwrap()["for_s"], 0);
        assert!(usage(&Args {
            at: Some("16:52".to_owned()),
            ..whole.clone()
        }));
        assert!(
            usage(&Args {
                verb: Word::Hold,
                ..whole
            }),
            "no other order has them"
        );
    }

    #[test]
    fn only_a_cut_has_a_time() {
        assert!(matches!(body_of(&args(Word::Cut)), Err(Failure::Usage(_))));
        let at = Some("16:52".to_owned());
        assert!(matches!(
            body_of(&Args {
                at: at.clone(),
                ..args(Word::Hold)
            }),
            Err(Failure::Usage(_))
        ));
        assert_eq!(
            body_of(&Args { at, ..args(Word::Cut) }).unwrap(),
            json!({ "verb": "cut", "at": "16:52" })
        );
    }

    #[test]
    fn a_token_is_one_line_of_plain_characters() {
        assert_eq!(
            token_of(&args(Word::Hold), Some(" abc \nrest".to_owned())).unwrap(),
            "abc"
        );
        for bad in [
            None,
            Some(String::new()),
            Some("a b".to_owned()),
            Some("ä".to_owned()),
            Some("\nabc".to_owned()),
        ] {
            assert_eq!(token_of(&args(Word::Hold), bad).unwrap_err().exit_code(), USAGE);
        }
        let missing = Args {
            token_file: Some("/nonexistent/token".into()),
            ..args(Word::Hold)
        };
        assert!(matches!(
            token_of(&missing, Some("abc".to_owned())),
            Err(Failure::TokenFile { .. })
        ));
    }

    #[test]
    fn whose_fault_it_is() {
        let code = |status: u16, document: Value| {
            let url = base_of("http://127.0.0.1:1").unwrap();
            judge(StatusCode::from_u16(status).unwrap(), &document, &url).map_err(|f| f.exit_code())
        };
        assert_eq!(code(200, json!({ "verdict": "taken" })), Ok(()));
        assert_eq!(code(200, json!("a page of somebody else")), Err(UNREACHABLE));
        assert_eq!(code(409, json!({ "detail": "one vote is held" })), Err(FINDING));
        assert_eq!(code(401, Value::Null), Err(FINDING));
        assert_eq!(code(422, Value::Null), Err(USAGE));
        assert_eq!(code(504, Value::Null), Err(UNREACHABLE));
        assert_eq!(code(302, Value::Null), Err(UNREACHABLE));
    }

    #[test]
    fn urls_are_checked_before_anything_is_sent() {
        assert!(base_of("http://127.0.0.1:8620/").is_ok());
        assert!(base_of("ftp://a").is_err() && base_of("127.0.0.1:8620").is_err() && base_of("").is_err());
        assert!(
            is_loopback(&base_of("http://[::1]:8620").unwrap()) && !is_loopback(&base_of("http://10.0.0.1").unwrap())
        );
    }
}
