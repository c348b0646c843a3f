//! `muster hooks test`: every case of the contract, played against a receiver.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use reqwest::Url;
use tokio::io::{AsyncBufReadExt, BufReader};

use super::exit;
use crate::clock;
use crate::config::{self, ExecTarget, HookTarget, HookWay, Secret, WebhookTarget};
use crate::hooks::signing::parse_secret;
use crate::trial::{self, Effects, Finding, Options, Trial, Verdict};

/// Where a webhook's secret is, if nothing else says so; the reference receiver reads the same.
const SECRET: &str = "MUSTER_HOOK_SECRET";
/// As HOOKS.md has it.
const MAKE_SECRET: &str = "(umask 077; echo \"whsec_$(head -c 32 /dev/urandom | base64)\" > hook.secret)";
/// First token, if nothing else says so: that of a site's first incident.
const TOKEN: u64 = (1 << 32) + 1;

/// Play every case of the hooks' contract against a receiver, and judge it
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    Test(Box<TestArgs>),
}

/// Play every case of the contract (gateway/HOOKS.md) against a receiver, and judge it
///
/// Everything is a drill of a workload that nobody has, so that nothing is moved, unless --live is given: that is for a
/// receiver on a bench. A program is started with MUSTER_MODE=drill: one that does not heed it has no place here. A
/// webhook's secret is read from MUSTER_HOOK_SECRET or --secret-file.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 every case passed, 1 one did not, 64 usage or config, 69 unreachable.\n\
Examples:\n  muster hooks test http://127.0.0.1:9000/\n  \
muster hooks test -- /usr/local/bin/evacuate --site x\n  \
muster hooks test --config my-site.toml --hook orchestrator"
)]
struct TestArgs {
    /// A webhook to test
    #[arg(value_name = "URL", conflicts_with_all = ["config", "program"])]
    url: Option<String>,
    /// A program to test, with its arguments
    #[arg(last = true, value_name = "CMD", conflicts_with = "config")]
    program: Vec<String>,
    /// Take the hook from a site's config; needs --hook
    #[arg(long, value_name = "FILE", requires = "hook")]
    config: Option<PathBuf>,
    /// Id of the hook in --config
    #[arg(long, value_name = "ID", requires = "config")]
    hook: Option<String>,
    /// File with the webhook's secret
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// PEM file of the only authorities the receiver's certificate may be from
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Call it for real. Only for a receiver on a bench: what it does, it does
    #[arg(long)]
    live: bool,
    /// A workload that the receiver knows, where it has to
    #[arg(long, value_name = "ID")]
    workload: Option<String>,
    /// Where to, as the receiver knows it
    #[arg(long, value_name = "SITE", default_value = "elsewhere")]
    to: String,
    /// First fencing token; has to be above all that the receiver has acted on for --workload
    #[arg(long, value_name = "N", default_value_t = TOKEN)]
    token: u64,
    /// How long a step may take to its end
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    wait_s: u64,
    /// Where the receiver tells what it has done: an URL that gives {"effects":{"KEY":COUNT}}, or a file with a line an
    /// effect that begins with its key
    #[arg(long, value_name = "URL|FILE")]
    effects: Option<String>,
    /// Where progress is heard (default: a free port of the address from which the receiver is reached)
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<SocketAddr>,
    /// Wait for a line on stdin while you restart the receiver, and play what it has to remember
    #[arg(long)]
    restart: bool,
    /// One JSON document instead of lines
    #[arg(long)]
    json: bool,
}

/// Runs it. Exit 0, 1, 64 or 69.
pub async fn run(args: Args) -> ExitCode {
    let Command::Test(args) = args.command;
    super::log_to_stderr(tracing::Level::ERROR);
    let (target, options) = match target(&args).and_then(|target| Ok((target, options(&args)?))) {
        Ok(both) => both,
        Err(line) => return refuse(&line, exit::USAGE),
    };
    let trial = match Trial::new(target, options).await {
        Ok(trial) => trial,
        Err(cause) => return refuse(&with_causes(&cause), exit::USAGE),
    };
    if !args.json {
        print(&heading(&args, &trial));
    }
    let mut findings = Vec::new();
    let mut tell = |finding: Finding| {
        if !args.json {
            print(&lines(&finding));
        }
        findings.push(finding);
    };
    trial::run(&trial, args.restart.then(restarted), &mut tell).await;
    print(&if args.json { json(&findings) } else { summary(&findings) });
    let failed = findings.iter().any(|f| f.verdict == Verdict::Fail);
    if failed && findings.len() == 1 && trial.is_unreachable() {
        return exit::UNREACHABLE.into();
    }
    if failed {
        exit::FINDING.into()
    } else {
        ExitCode::SUCCESS
    }
}

fn print(text: &str) {
    // A reader that has gone away changes nothing about the verdict.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

fn refuse(line: &str, code: u8) -> ExitCode {
    eprintln!("muster hooks test: {line}");
    code.into()
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

async fn restarted() {
    eprintln!("Restart the receiver now (kill -9 it, if you dare), then press Enter.");
    let mut line = String::new();
    // At the end of stdin nobody will press anything.
    let _ = BufReader::new(tokio::io::stdin()).read_line(&mut line).await;
}

fn target(args: &TestArgs) -> Result<HookTarget, String> {
    if let (Some(file), Some(hook)) = (&args.config, &args.hook) {
        return configured(file, hook, args.live);
    }
    let way = match (&args.url, args.program.split_first()) {
        (Some(url), _) => HookWay::Webhook(WebhookTarget {
            url: url.clone(),
            secret: secret(args)?,
            allow_loopback: true,
            ca: args.ca.clone(),
        }),
        (None, Some((program, _))) => HookWay::Exec(ExecTarget {
            argv: with_place(program, &args.program)?,
            cwd: "/".into(),
            limit: Duration::from_secs(args.wait_s),
        }),
        (None, None) => return Err("what is to be tested? a URL, `-- CMD ARG…`, or --config FILE --hook ID".into()),
    };
    let id = "hooks-test".into();
    let works = BTreeMap::new();
    Ok(HookTarget { id, way, works })
}

/// A program is named by its place, as in a config; from a shell one may be more brief.
fn with_place(program: &str, argv: &[String]) -> Result<Vec<String>, String> {
    let place = std::fs::canonicalize(program).map_err(|cause| format!("`{program}` cannot be run: {cause}"))?;
    let mut argv = argv.to_vec();
    argv[0] = place.to_string_lossy().into_owned();
    Ok(argv)
}

fn configured(file: &std::path::Path, hook: &str, live: bool) -> Result<HookTarget, String> {
    let (config, _) = config::load(file).map_err(|findings| {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        format!("the config cannot run:\n{}", lines.join("\n"))
    })?;
    let known: Vec<String> = config.hooks.iter().map(|h| format!("`{}`", h.id)).collect();
    let both = config.site.hooks.iter().zip(config.hooks);
    let found = both.into_iter().find(|(_, target)| target.id == hook);
    match found {
        Some((_, target)) if target.way.is_ours() => Err(format!(
            "hook `{hook}` is no receiver that somebody wrote but Muster itself; `muster readiness` asks what it finds"
        )),
        Some((hook, target)) if live || hook.accepts_drill => Ok(target),
        Some(_) => Err(format!(
            "hook `{hook}` takes no drills; --live calls it for real, on a bench"
        )),
        None => Err(format!(
            "{} has no hook `{hook}`; it has {}",
            file.display(),
            known.join(", ")
        )),
    }
}

fn secret(args: &TestArgs) -> Result<Secret, String> {
    let text = match &args.secret_file {
        Some(file) => {
            std::fs::read_to_string(file).map_err(|cause| format!("{} cannot be read: {cause}", file.display()))?
        }
        None => std::env::var(SECRET).map_err(|_| {
            format!("give the secret in {SECRET}, or --secret-file FILE; make one, for both sides: {MAKE_SECRET}")
        })?,
    };
    let place = args
        .secret_file
        .as_deref()
        .map_or_else(|| SECRET.to_owned(), |file| file.display().to_string());
    parse_secret(&text).map_err(|cause| format!("{place}: {}; make one: {MAKE_SECRET}", with_causes(&cause)))
}

fn options(args: &TestArgs) -> Result<Options, String> {
    let is_id = |id: &str| {
        (1..=32).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if let Some(id) = args.workload.iter().chain([&args.to]).find(|id| !is_id(id)) {
        return Err(format!("`{id}` is not an id: 1 to 32 of a-z, 0-9 and `-`"));
    }
    Ok(Options {
        live: args.live,
        workload: args.workload.clone(),
        destination: args.to.clone(),
        token: args.token.min(1 << 62),
        wait: Duration::from_secs(args.wait_s),
        effects: args.effects.as_deref().map(effects),
        listen: args.listen,
        // A trial takes longer than the few dozen milliseconds that it has incidents.
        number: clock::wall_now_ms().unsigned_abs(),
    })
}

fn effects(place: &str) -> Effects {
    let url = Url::parse(place)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    url.map_or_else(|| Effects::File(place.into()), Effects::Url)
}

fn heading(args: &TestArgs, trial: &Trial) -> String {
    let what = match (&args.url, &args.hook) {
        (Some(url), _) => url.clone(),
        (None, Some(hook)) => format!("hook `{hook}`"),
        (None, None) => args.program.join(" "),
    };
    let how = if args.live {
        "LIVE: what it does, it does"
    } else {
        "as drills: nothing may change"
    };
    format!("{what} ({}), {how}\n\n", trial.kind())
}

fn json(findings: &[Finding]) -> String {
    let passed = findings.iter().all(|f| f.verdict != Verdict::Fail);
    format!(
        "{}\n",
        serde_json::json!({ "schema": 1, "passed": passed, "cases": findings })
    )
}

fn lines(finding: &Finding) -> String {
    let word = match finding.verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "FAIL",
        Verdict::NotSeen => "n/a ",
    };
    let (case, sent, came) = (finding.case, &finding.sent, &finding.came);
    let mut text = format!(
        "{word}  {case:<18} {sent}{}{came}\n",
        if came.is_empty() { "" } else { ": " }
    );
    for (name, words) in [("why", &finding.why), ("mend", &finding.mend)] {
        if !words.is_empty() {
            text.push_str(&format!("{:25}{name}: {words}\n", ""));
        }
    }
    text
}

fn summary(findings: &[Finding]) -> String {
    let count = |verdict| findings.iter().filter(|f| f.verdict == verdict).count();
    let (passed, failed, rest) = (count(Verdict::Pass), count(Verdict::Fail), count(Verdict::NotSeen));
    let next = match failed {
        0 => ". Next: name it in the site's config, and `muster drill`",
        1 if findings.len() == 1 => "; no other case was played: mend this one first",
        _ => "",
    };
    format!("\n{passed} passed, {failed} failed, {rest} do not apply or cannot be seen{next}\n")
}
