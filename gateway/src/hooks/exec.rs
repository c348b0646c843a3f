//! A program on this machine: fixed arguments, no shell, the event on stdin, and what its end means (the table of
//! `gateway/HOOKS.md`). Whatever it started in its process group ends with it, so that two attempts at a step never
//! overlap.

pub(super) mod group;
mod output;
mod turns;

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use muster_core::{Call, HookOutcome};
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, Command};

use super::envelope::Envelope;
use super::preflight::{Answer, Preflight};
use super::underway::{PATIENCE, Say, Underway, alive_every, say_alive};
use super::{Reply, note};
use crate::clock::Clock;
use crate::config::ExecTarget;
use crate::counters::{Cause, Counters};
use group::{Ended, Group};
use output::Output;
use turns::Turns;

/// Exit codes (sysexits.h): EX_DATAERR, the step cannot be done this way; EX_TEMPFAIL, not now.
const CANNOT: i32 = 65;
const NOT_NOW: i32 = 75;

/// How a shell, and most tools, say that they were called wrongly (2), or that there is nothing to be run (126, 127);
/// EX_USAGE (64) of sysexits.h. A fire tries again all the same; a trial need not.
const CALLED_WRONGLY: [i32; 4] = [2, 64, 126, 127];

/// Progress is passed on this often at most, however much a program prints.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);
/// After its end, what others still hold its output open for is not waited for.
const DRAIN: Duration = Duration::from_millis(200);
/// What is kept of our own environment; the rest may hold secrets.
const KEPT: [&str; 7] = ["HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "TZ", "USER"];
/// Where programs are found if our own environment does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// One program.
#[derive(Debug)]
pub struct Exec {
    id: String,
    target: ExecTarget,
    turns: Arc<Turns>,
    clock: Clock,
    counters: Counters,
}

/// One attempt.
struct Attempt {
    hook: String,
    key: String,
    limit: Duration,
    alive_every: Duration,
    counters: Counters,
}

impl Exec {
    /// As configured.
    #[must_use]
    pub fn new(id: String, target: ExecTarget, clock: Clock, counters: Counters) -> Self {
        Self {
            id,
            target,
            turns: Arc::default(),
            clock,
            counters,
        }
    }

    /// Starts the program. It answers by its end; if that takes longer, it is heard of until then.
    pub async fn attempt(&self, call: &Call, envelope: &Envelope) -> Reply {
        let attempt = Attempt {
            hook: self.id.clone(),
            key: envelope.id.clone(),
            limit: self.target.limit,
            alive_every: alive_every(&self.clock),
            counters: self.counters.clone(),
        };
        let Some(turn) = self.turns.take(&envelope.id).await else {
            let cause = "the attempt before has not ended yet";
            return ended(attempt.retry(Cause::HookTimeout, cause.into()));
        };
        let (group, stdin, output) = match self.start(call, &envelope.id) {
            Ok(started) => started,
            Err(cause) => {
                let line = format!("cannot be started: {cause}");
                return ended(attempt.retry(Cause::HookConnect, line));
            }
        };
        let body = envelope.body.clone();
        let see_through = async |say| {
            attempt.see_through(group, (stdin, body), output, say).await;
            // Only now may the next attempt begin.
            drop(turn);
        };
        Underway::spawn(see_through).into_reply(PATIENCE).await
    }

    /// Whether the program is there and may be started by us.
    #[must_use]
    pub fn preflight(&self) -> Preflight {
        let program = &self.target.argv[0];
        let found = rustix::fs::access(program.as_str(), rustix::fs::Access::EXEC_OK);
        let runs = match found {
            Ok(()) => Answer::Yes {
                seen: format!("{program} can be started"),
            },
            Err(cause) => Answer::No {
                why: format!("{program} cannot be started: {cause}"),
                mend: format!("put it back, or `chmod +x {program}`"),
            },
        };
        Preflight::only_reached(runs, "a program says so only when it is called: a drill shows it")
    }

    fn start(&self, call: &Call, key: &str) -> std::io::Result<(Group, Option<ChildStdin>, Output)> {
        let mut command = Command::new(&self.target.argv[0]);
        command
            .args(&self.target.argv[1..])
            .current_dir(&self.target.cwd)
            .env_clear()
            .env("PATH", PATH)
            .envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .envs(facts(call, key))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        let output = Output::of(child.stdout.take(), child.stderr.take());
        Ok((Group::of(child)?, stdin, output))
    }
}

/// What a step is about, for those who cannot read JSON. Ids are of `[a-z0-9.-]`.
fn facts(call: &Call, key: &str) -> [(&'static str, String); 7] {
    [
        ("MUSTER_ID", key.to_owned()),
        ("MUSTER_MODE", call.mode.as_str().to_owned()),
        ("MUSTER_PHASE", call.phase.as_str().to_owned()),
        ("MUSTER_WORKLOAD", call.workload.clone()),
        ("MUSTER_RUNG", call.rung.as_str().to_owned()),
        ("MUSTER_DESTINATION", call.destination.clone().unwrap_or_default()),
        // Not MUSTER_TOKEN, which is a person's for `muster order`.
        ("MUSTER_FENCE", call.token.to_string()),
    ]
}

/// Whether an attempt ended as it does when arguments are missing: by its words, as that is what is left of it.
pub(crate) fn was_called_wrongly(outcome: &HookOutcome) -> bool {
    let HookOutcome::Retry { cause } = outcome else {
        return false;
    };
    let code = cause
        .strip_prefix("exit ")
        .and_then(|rest| rest.split([':', ',']).next());
    code.and_then(|code| code.parse().ok())
        .is_some_and(|code| CALLED_WRONGLY.contains(&code))
}

const fn ended(outcome: HookOutcome) -> Reply {
    Reply { outcome, follow: None }
}

impl Attempt {
    /// Feeds it, listens to it, and says how it ended. Where nobody hears it any more it is ended.
    async fn see_through(self, mut group: Group, stdin: (Option<ChildStdin>, Vec<u8>), mut output: Output, say: Say) {
        let listening = async {
            tokio::join!(feed(stdin), self.listen(&mut output, &say));
            // It has closed its output, which is no end.
            std::future::pending::<()>().await;
        };
        let end = tokio::select! {
            end = group.ended() => Some(end),
            () = tokio::time::sleep(self.limit) => None,
            () = say.closed() => None,
            () = say_alive(&say, self.alive_every) => None,
            () = listening => None,
        };
        let outcome = match end {
            Some(end) => {
                let _ = tokio::time::timeout(DRAIN, output.drain()).await;
                self.meaning(&end, &output)
            }
            None => {
                group.terminate(&mut output).await;
                self.cut_off(&say)
            }
        };
        let tail = output.tail();
        tracing::info!(hook = self.hook, key = self.key, ?outcome, output = ?tail, "a program has ended");
        let _ = say.send(outcome).await;
    }

    fn cut_off(&self, say: &Say) -> HookOutcome {
        if say.is_closed() {
            let cause = "ended: the step is over".into();
            return HookOutcome::Retry { cause };
        }
        let line = format!("not ended within {} s", self.limit.as_secs());
        self.retry(Cause::HookTimeout, line)
    }

    /// Passes progress on: of what is reported within a moment, the last.
    async fn listen(&self, output: &mut Output, say: &Say) {
        while let Some(mut last) = output.next().await {
            let newer = async {
                while let Some(running) = output.next().await {
                    last = running;
                }
            };
            let _ = tokio::time::timeout(PROGRESS_EVERY, newer).await;
            let percent = last.percent;
            let _ = say.send(HookOutcome::Running { percent }).await;
        }
    }

    fn meaning(&self, end: &Ended, output: &Output) -> HookOutcome {
        match end {
            Ended::Exit(0) => HookOutcome::Done,
            // Said in so many words; a code alone might be that of some tool in the middle of a script.
            Ended::Exit(_) if output.refused() => HookOutcome::TokenRefused,
            Ended::Exit(CANNOT) => HookOutcome::Cannot {
                note: self.last_words(output, "exit 65"),
            },
            Ended::Exit(NOT_NOW) => self.retry(Cause::HookExit, self.last_words(output, "exit 75, not now")),
            Ended::Exit(code) => self.retry(Cause::HookExit, self.last_words(output, &format!("exit {code}"))),
            Ended::Signal(signal) => self.retry(
                Cause::HookExit,
                self.last_words(output, &format!("ended by signal {signal}")),
            ),
        }
    }

    fn last_words(&self, output: &Output, end: &str) -> String {
        let words = output.last_line();
        let line = if words.is_empty() {
            end.to_owned()
        } else {
            format!("{end}: {words}")
        };
        note::clean(line.as_bytes())
    }

    fn retry(&self, cause: Cause, line: String) -> HookOutcome {
        self.counters.count(cause, &self.hook, &line);
        HookOutcome::Retry { cause: line }
    }
}

/// Gives it the event. A program that does not read it, or not all of it, is no fault: it has its variables.
async fn feed((stdin, body): (Option<ChildStdin>, Vec<u8>)) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(&body).await;
        let _ = stdin.shutdown().await;
    }
}

#[cfg(test)]
mod tests;
