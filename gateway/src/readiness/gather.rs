//! Asks everybody what readiness has to know: hooks, tools, the journal, the disk. Nothing is changed by asking, and
//! everybody is asked at the same time, each with a deadline.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use muster_core::WayView;
use tokio::task::JoinSet;

use super::{AsOf, Disk, Facts, History, Report, judge};
use crate::clock::wall_now_ms;
use crate::config::{Config, Tool, ToolUrl};
use crate::hooks::preflight::{Answer, Preflight};
use crate::hooks::webhook::{Failure, Limits};
use crate::hooks::{Clients, Hook, target};
use crate::lines;

/// A hook that says nothing for so long is not there: more than any of its own deadlines.
const PATIENCE: Duration = Duration::from_secs(20);

/// What everybody has said, and when. Unix milliseconds.
#[derive(Debug)]
pub struct Known {
    /// By each hook, of itself.
    pub asked: Vec<Preflight>,
    hooks_ms: i64,
    tools: BTreeMap<String, Answer>,
    tools_ms: i64,
    history: History,
    disk: Disk,
    looked_ms: i64,
}

/// Asks everybody, and judges by declared times.
pub async fn report(config: &Config, hooks: &[Arc<Hook>]) -> Report {
    ask(config, hooks).await.judge(config, &[])
}

/// Asks everybody.
pub async fn ask(config: &Config, hooks: &[Arc<Hook>]) -> Known {
    let (asked, tools, (history, disk)) =
        tokio::join!(ask_hooks(hooks), ask_tools(&config.bridges.tools), look(config));
    let now_ms = wall_now_ms();
    Known {
        asked,
        hooks_ms: now_ms,
        tools,
        tools_ms: now_ms,
        history,
        disk,
        looked_ms: now_ms,
    }
}

impl Known {
    /// Asks the hooks alone again.
    pub async fn ask_again(&mut self, hooks: &[Arc<Hook>]) {
        self.asked = ask_hooks(hooks).await;
        self.hooks_ms = wall_now_ms();
    }

    /// Judges by what is known now, and by what ways have been measured to take.
    #[must_use]
    pub fn judge(&self, config: &Config, ways: &[WayView]) -> Report {
        judge(&Facts {
            config,
            asked: &self.asked,
            tools: &self.tools,
            history: &self.history,
            disk: &self.disk,
            ways,
            as_of: AsOf {
                hooks_ms: self.hooks_ms,
                tools_ms: self.tools_ms,
                looked_ms: self.looked_ms,
            },
            now_ms: wall_now_ms(),
        })
    }
}

async fn ask_hooks(hooks: &[Arc<Hook>]) -> Vec<Preflight> {
    let mut asking = JoinSet::new();
    for (at, hook) in hooks.iter().enumerate() {
        let hook = hook.clone();
        asking.spawn(async move { (at, tokio::time::timeout(PATIENCE, hook.preflight()).await) });
    }
    let mut answers: BTreeMap<usize, Preflight> = BTreeMap::new();
    while let Some(answered) = asking.join_next().await {
        // A task that broke has not answered.
        if let Ok((at, Ok(preflight))) = answered {
            answers.insert(at, preflight);
        }
    }
    (0..hooks.len())
        .map(|at| answers.remove(&at).unwrap_or_else(silent))
        .collect()
}

fn silent() -> Preflight {
    let no = Answer::No {
        why: format!("no answer within {} s", PATIENCE.as_secs()),
        mend: "see whether it runs, and whether this machine may reach it".into(),
    };
    Preflight::only_reached(no, "it has not answered")
}

async fn ask_tools(tools: &[Tool]) -> BTreeMap<String, Answer> {
    let mut asking = JoinSet::new();
    for (id, url) in tools
        .iter()
        .filter_map(|tool| Some((tool.id.clone(), tool.url.clone()?)))
    {
        asking.spawn(async move { (id, ask_tool(&url).await) });
    }
    asking.join_all().await.into_iter().collect()
}

/// Any answer by HTTP will do: what it says is none of our business.
async fn ask_tool(tool: &ToolUrl) -> Answer {
    let no = |why: String| Answer::No {
        why,
        mend: "see whether it runs, and whether this machine may reach it".into(),
    };
    let limits = Limits::default();
    let client = Clients::new(limits.connect).and_then(|clients| clients.of(tool.allow_loopback, tool.ca.as_deref()));
    let client = match client {
        Ok(client) => client,
        Err(cause) => return no(lines::with_causes(&cause)),
    };
    let url =
        match target::parse(&tool.url).and_then(|url| target::check_literal(&url, tool.allow_loopback).map(|()| url)) {
            Ok(url) => url,
            Err(cause) => return no(cause.to_string()),
        };
    match client.head(url).timeout(limits.attempt).send().await {
        Ok(answer) => Answer::Yes {
            seen: format!("answers by HTTP ({})", answer.status().as_u16()),
        },
        Err(error) => no(Failure::of(error).line()),
    }
}

/// Files are read where nobody waits for them.
async fn look(config: &Config) -> (History, Disk) {
    let (path, site) = (config.store.path.clone(), config.site.clone());
    let looked = tokio::task::spawn_blocking(move || (History::read(&path, &site), Disk::of(&path))).await;
    match looked {
        Ok((Ok(history), disk)) => (history, disk),
        Ok((Err(error), disk)) => {
            tracing::warn!(
                error = lines::with_causes(&error),
                "the journal cannot be read for readiness"
            );
            (History::default(), disk)
        }
        Err(cause) => (History::default(), Disk::Unknown(cause.to_string())),
    }
}
