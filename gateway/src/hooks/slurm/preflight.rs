//! What the cluster says before it is needed: for the loss of this whole site.

use std::collections::BTreeMap;

use rustix::process::getuid;

use super::Slurm;
use super::command::{CommandError, Commands};
use super::jobs::{FORMS, Job, Which};
use super::leave::ids;
use crate::config::Placed;
use crate::hooks::preflight::{Answer, Preflight};

impl Slurm {
    /// Asks, and changes nothing. Room is not asked for: a requeued job is safe in the queue.
    pub(crate) async fn preflight(&self) -> Preflight {
        let commands = self.commands();
        let reachable = reachable(&commands).await;
        if !matches!(reachable, Answer::Yes { .. }) {
            return Preflight::only_reached(reachable, "it does not answer");
        }
        let mut workloads = BTreeMap::new();
        for (id, placed) in &self.works {
            let answer = self.would_go(&commands, placed).await;
            workloads.insert(
                id.clone(),
                answer.unwrap_or_else(|cause| no(&cause.to_string(), "see that it may be asked")),
            );
        }
        Preflight {
            rights: rights(&commands).await,
            workloads,
            ..Preflight::only_reached(reachable, "it was not asked")
        }
    }

    async fn would_go(&self, commands: &Commands, placed: &Placed) -> Result<Answer, CommandError> {
        let Some(which) = Which::parse(&placed.object) else {
            return Ok(no(&format!("object `{}` is unknown", placed.object), FORMS));
        };
        if !self.target.racks.contains_key(&placed.rack) {
            let why = format!("no node is known to stand on its rack {}", placed.rack);
            return Ok(no(&why, "name the rack's nodes under `racks`"));
        }
        let doomed = self.doomed(None);
        let there = commands.nodes(&doomed).await?;
        if let Some(missing) = doomed.iter().find(|name| !there.iter().any(|node| node.name == **name)) {
            return Ok(no(&format!("the cluster has no node {missing}"), "correct `racks`"));
        }
        let jobs = commands.jobs_on(&doomed, &which).await?;
        let stay: Vec<&Job> = jobs.iter().filter(|job| !job.requeues).collect();
        if !stay.is_empty() {
            let mend = "submit them with --requeue (or JobRequeue=1 in slurm.conf); the last rung can only end them";
            return Ok(no(&format!("cannot be requeued: {}", ids(&stay)), mend));
        }
        let mut pinned = Vec::new();
        for job in &jobs {
            let wanted = commands.wanted_by(job).await?;
            pinned.extend(wanted.iter().any(|node| doomed.contains(node)).then_some(job));
        }
        if !pinned.is_empty() {
            let mend = "submit them without -w; else they wait in the queue until the node is back";
            return Ok(no(&format!("ask for a doomed node by name: {}", ids(&pinned)), mend));
        }
        Ok(Answer::Yes {
            seen: format!("{} jobs would be requeued", jobs.len()),
        })
    }
}

/// Any controller that answers will do.
async fn reachable(commands: &Commands) -> Answer {
    let mend = "see that slurmctld and munge run, and that `conf` is this cluster's";
    match commands.run("scontrol", &["ping"]).await {
        Ok(words) if words.contains("is UP") => {
            let up = words.lines().find(|line| line.contains("is UP")).unwrap_or_default();
            Answer::Yes { seen: up.to_owned() }
        }
        Ok(words) => no(words.trim(), mend),
        Err(cause) => no(&cause.to_string(), mend),
    }
}

/// root and SlurmUser may do all of it; whether anybody else may is known to the accounting alone.
async fn rights(commands: &Commands) -> Answer {
    let us = getuid().as_raw().to_string();
    let config = match commands.run("scontrol", &["show", "config"]).await {
        Ok(config) => config,
        Err(cause) => return Answer::Unknown { why: cause.to_string() },
    };
    let line = config.lines().find(|line| line.starts_with("SlurmUser"));
    let user = line
        .and_then(|line| line.split_once('='))
        .map_or("", |(_, user)| user.trim());
    if us == "0" || user.ends_with(&format!("({us})")) {
        return Answer::Yes {
            seen: format!("we are uid {us}, SlurmUser is {user}"),
        };
    }
    Answer::Unknown {
        why: format!("we are uid {us}, SlurmUser is {user}: give us the operator's admin level by sacctmgr"),
    }
}

fn no(why: &str, mend: &str) -> Answer {
    Answer::No {
        why: why.to_owned(),
        mend: mend.to_owned(),
    }
}
