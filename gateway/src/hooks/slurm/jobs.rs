//! Jobs and nodes as Slurm's commands print them: only fields that no user can write into.

use super::command::{CommandError, Commands};

/// Which jobs a workload is: `[[workload]] object`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Which {
    All,
    /// An option of squeue, with its value.
    By(String),
}

/// What to write instead.
pub(crate) const FORMS: &str = "write all, partition/name, account/name, user/name or qos/name";

/// What may be chosen by.
const BY: [&str; 4] = ["partition", "account", "user", "qos"];

impl Which {
    /// None where it is none of these.
    pub(super) fn parse(object: &str) -> Option<Self> {
        if object == "all" {
            return Some(Self::All);
        }
        let (by, name) = object.split_once('/')?;
        let whole = BY.contains(&by) && !name.is_empty() && !name.contains('/');
        whole.then(|| Self::By(format!("--{by}={name}")))
    }
}

/// A job that has nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    /// As commands take it: `17`, or `17_3` of an array.
    pub(super) id: String,
    /// It is being cleared away.
    pub(super) is_ending: bool,
    /// Whether Slurm would start it again: a batch job that was submitted so.
    pub(super) requeues: bool,
    /// Nodes that it asks for by name, as Slurm abbreviates them; empty where it takes any.
    pub(super) wants: String,
}

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) name: String,
    /// Nothing new is put on it.
    pub(super) drains: bool,
    /// Why, in the words of who drained it.
    pub(super) reason: String,
}

/// `squeue -O`: a width of its own for each field would cut it.
const JOB: &str = "JobArrayID:|,State:|,Requeue:|,BatchFlag:|,ReqNodes:|";
/// `sinfo -o`: the reason last, as it may hold anything.
const NODE: &str = "%N|%T|%E";

impl Commands {
    /// Jobs of a workload that have any of these nodes.
    pub(super) async fn jobs_on(&self, nodes: &[String], which: &Which) -> Result<Vec<Job>, CommandError> {
        if nodes.is_empty() {
            return Ok(Vec::new());
        }
        let on = format!("--nodelist={}", nodes.join(","));
        let mut arguments = vec!["--noheader", "--array", "--all", on.as_str(), "-O", JOB];
        if let Which::By(option) = which {
            arguments.push(option);
        }
        let printed = self.run("squeue", &arguments).await?;
        Ok(printed.lines().filter_map(job).collect())
    }

    /// Of these nodes, those that the cluster has.
    pub(super) async fn nodes(&self, names: &[String]) -> Result<Vec<Node>, CommandError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let which = format!("--nodes={}", names.join(","));
        let printed = self
            .run("sinfo", &["--noheader", "--Node", "--all", &which, "-o", NODE])
            .await?;
        let mut nodes: Vec<Node> = printed.lines().filter_map(node).collect();
        // One line for each partition that it is in.
        nodes.dedup_by(|a, b| a.name == b.name);
        Ok(nodes)
    }

    /// The nodes that a job asks for by name.
    pub(super) async fn wanted_by(&self, job: &Job) -> Result<Vec<String>, CommandError> {
        if job.wants.is_empty() {
            return Ok(Vec::new());
        }
        let printed = self.run("scontrol", &["show", "hostnames", &job.wants]).await?;
        Ok(printed.lines().map(str::to_owned).collect())
    }
}

fn job(line: &str) -> Option<Job> {
    let [id, state, requeue, batch, wants, ..] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
        return None;
    };
    let known = !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'_' | b'+'));
    known.then(|| Job {
        id: id.to_owned(),
        is_ending: state == "COMPLETING",
        requeues: requeue == "1" && batch == "1",
        wants: wants.to_owned(),
    })
}

fn node(line: &str) -> Option<Node> {
    let mut parts = line.splitn(3, '|');
    let (name, state, reason) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Node {
        name: name.to_owned(),
        drains: state.starts_with("drain"),
        reason: reason.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_slurm_prints() {
        let read = job("4_2|RUNNING|1|1|c[1-2]|").unwrap();
        assert_eq!(
            (read.id.as_str(), read.requeues, read.wants.as_str()),
            ("4_2", true, "c[1-2]")
        );
        assert!(job("7|COMPLETING|1|1||").unwrap().is_ending);
        for stays in ["2|RUNNING|0|1||", "2|RUNNING|1|0||"] {
            assert!(!job(stays).unwrap().requeues, "{stays}");
        }
        for none in ["", "slurm_load_jobs error", "x|RUNNING|1|1||", "--all|RUNNING|1|1||"] {
            assert_eq!(job(none), None, "{none}");
        }
        let drained = node("c1|drained*|muster:t-1|x").unwrap();
        assert_eq!((drained.drains, drained.reason.as_str()), (true, "muster:t-1|x"));
        assert!(!node("c1|mixed|none").unwrap().drains);
    }

    #[test]
    fn reads_the_forms_and_nothing_else() {
        assert_eq!(Which::parse("all"), Some(Which::All));
        assert_eq!(
            Which::parse("partition/batch"),
            Some(Which::By("--partition=batch".into()))
        );
        for none in ["batch", "partition/", "nodelist/c1", "partition/a/b"] {
            assert_eq!(Which::parse(none), None, "{none}");
        }
    }
}
