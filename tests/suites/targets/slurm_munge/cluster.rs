//! Munge, the controller and two nodes on this machine, in a folder of their own.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use muster::clock::Stopwatch;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::site::acting_site::lasting_port;
use crate::targets::attempts::SOON;

/// A job that writes a checkpoint when it is told to, and ends when it is told to.
const JOB: &str = "#!/bin/sh\nd=$(dirname \"$SLURM_CONF\")\n\
    trap 'touch \"$d/checkpoint.$SLURM_JOB_ID\"' USR1\ntrap 'exit 0' TERM\ntouch \"$d/ready.$SLURM_JOB_ID\"\n\
    n=0; while [ $n -lt 600 ]; do sleep 0.2; n=$((n+1)); done\n";

pub(crate) struct Cluster {
    folder: TempDir,
    daemons: Vec<Child>,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let mut cluster = Self {
            folder,
            daemons: Vec::new(),
        };
        cluster.write().await;
        let at = |name: &str| cluster.at(name).display().to_string();
        let munged = [
            "--foreground".to_owned(),
            "--force".to_owned(),
            format!("--socket={}", at("munge.sock")),
            format!("--key-file={}", at("munge.key")),
            format!("--pid-file={}", at("munge.pid")),
            format!("--seed-file={}", at("munge.seed")),
            format!("--log-file={}", at("munge.log")),
        ];
        cluster.spawn("munged", &munged.iter().map(String::as_str).collect::<Vec<_>>());
        let socket = cluster.at("munge.sock");
        cluster.until("munge listens", async || socket.exists()).await;
        cluster.spawn("slurmctld", &["-D", "-c"]);
        for node in ["c1", "c2"] {
            cluster.spawn("slurmd", &["-D", "-N", node]);
        }
        cluster
            .until("both nodes are idle", async || {
                let idle = async |node| {
                    cluster
                        .try_run("sinfo", &["-h", "-N", "-n", node, "-o", "%T"])
                        .await
                        .is_some_and(|s| s.trim() == "idle")
                };
                idle("c1").await && idle("c2").await
            })
            .await;
        cluster
    }

    async fn write(&self) {
        use std::os::unix::fs::PermissionsExt as _;
        let key = self.at("munge.key");
        std::fs::write(&key, [7; 1_024]).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(self.at("job.sh"), JOB).unwrap();
        std::fs::create_dir(self.at("state")).unwrap();
        let host = Command::new("hostname").arg("-s").output().await.unwrap();
        let host = String::from_utf8(host.stdout).unwrap();
        let (host, dir) = (host.trim(), self.folder.path().display());
        let (controller, first, second) = (lasting_port(), lasting_port(), lasting_port());
        let text = format!(
            "ClusterName=t\nSlurmctldHost={host}(127.0.0.1)\nSlurmUser=root\nSlurmdUser=root\nAuthType=auth/munge\n\
             AuthInfo=socket={dir}/munge.sock\nSlurmctldPort={controller}\nStateSaveLocation={dir}/state\n\
             SlurmdSpoolDir={dir}/spool.%n\nSlurmctldPidFile={dir}/controller.pid\nSlurmdPidFile={dir}/slurmd.%n.pid\n\
             SlurmctldLogFile={dir}/controller.log\nSlurmdLogFile={dir}/slurmd.%n.log\nProctrackType=proctrack/linuxproc\n\
             TaskPlugin=task/none\nSelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nMpiDefault=none\n\
             SwitchType=switch/none\nCredType=cred/munge\nReturnToService=2\nAccountingStorageType=accounting_storage/none\n\
             JobAcctGatherType=jobacct_gather/none\nPropagateResourceLimits=NONE\nKillWait=5\nMessageTimeout=5\n\
             NodeName=c1 NodeHostName={host} NodeAddr=127.0.0.1 Port={first} CPUs=2\n\
             NodeName=c2 NodeHostName={host} NodeAddr=127.0.0.1 Port={second} CPUs=2\n\
             PartitionName=batch Nodes=c1,c2 Default=YES State=UP MaxTime=INFINITE\n"
        );
        std::fs::write(self.conf(), text).unwrap();
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn conf(&self) -> PathBuf {
        self.at("slurm.conf")
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let path = format!("/usr/sbin:{}", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("PATH", path)
            .env("SLURM_CONF", self.conf())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    fn spawn(&mut self, program: &str, arguments: &[&str]) {
        let mut command = self.command(program, arguments);
        self.daemons
            .push(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }

    async fn try_run(&self, program: &str, arguments: &[&str]) -> Option<String> {
        let run = tokio::time::timeout(SOON, self.command(program, arguments).output()).await;
        let output = run.expect("a command ends").unwrap();
        output
            .status
            .success()
            .then(|| String::from_utf8(output.stdout).unwrap())
    }

    pub(crate) async fn run(&self, program: &str, arguments: &[&str]) -> String {
        let printed = self.try_run(program, arguments).await;
        printed.unwrap_or_else(|| panic!("{program} {arguments:?} failed"))
    }

    /// Submits a job that may be requeued unless it is said otherwise; its id.
    pub(crate) async fn submit(&self, more: &[&str]) -> String {
        let script = self.at("job.sh").display().to_string();
        let arguments = [
            &["--parsable", "--requeue", "--output=/dev/null", "--ntasks=1"],
            more,
            &[script.as_str()],
        ]
        .concat();
        self.run("sbatch", &arguments).await.trim().to_owned()
    }

    pub(crate) async fn state(&self, job: &str) -> String {
        let printed = self.run("scontrol", &["-o", "show", "job", job]).await;
        let state = printed
            .split_whitespace()
            .find_map(|word| word.strip_prefix("JobState="));
        state.unwrap_or_default().to_owned()
    }

    pub(crate) async fn until_state(&self, job: &str, state: &str) {
        self.until(&format!("job {job} is {state}"), async || {
            self.state(job).await == state
        })
        .await;
    }

    /// State and reason of a node.
    pub(crate) async fn node(&self, name: &str) -> String {
        let printed = self.run("sinfo", &["-h", "-N", "-n", name, "-o", "%T %E"]).await;
        printed.trim().to_owned()
    }

    /// A job has left a file.
    pub(crate) async fn until_written(&self, what: &str, job: &str) {
        let path = self.at(&format!("{what}.{job}"));
        self.until(&format!("{what} of job {job}"), async || path.exists())
            .await;
    }

    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let since = Stopwatch::start();
        while !holds().await {
            let log = std::fs::read_to_string(self.at("controller.log")).unwrap_or_default();
            assert!(since.elapsed() < SOON, "not within {SOON:?}: {what}\n{log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// kill -9 of the controller.
    pub(crate) async fn kill_controller(&mut self) {
        self.daemons[1].kill().await.unwrap();
    }

    /// Ends its jobs, whose processes would outlive it, then itself.
    pub(crate) async fn end(mut self) {
        let _ = self.try_run("scancel", &["--state=RUNNING", "--partition=batch"]).await;
        let _ = self.try_run("scancel", &["--state=PENDING", "--partition=batch"]).await;
        for daemon in self.daemons.iter_mut().rev() {
            let _ = daemon.kill().await;
        }
    }
}
