//! MQTT: a real broker, the reference receiver, and what can go wrong between them.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use muster::counters::Cause;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::Judged;
use crate::site::acting_site::{INCIDENT, SECRET, SiteText, lasting_port};
use crate::site::desk::Desk;
use crate::site::hosted::Hosted;
use crate::site::receiver::examples;
use crate::site::talk::{self, state_of, step_of};

const TOPIC: &str = "evacuate/db";
const STEP: &str = "db.move.evacuate.busan";

/// A broker of the test's own. Dropping it kills it.
struct Broker {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Broker {
    async fn start() -> Self {
        Self::with("").await
    }

    /// With more lines in its config, in which FOLDER is its folder.
    async fn with(lines: &str) -> Self {
        let (port, folder) = (lasting_port(), TempDir::new().unwrap());
        let lines = lines.replace("FOLDER", &folder.path().display().to_string());
        let config = format!("listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n{lines}");
        std::fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
        let process = Self::run(folder.path());
        let broker = Self { process, port, folder };
        broker.until_up().await;
        broker
    }

    fn run(folder: &Path) -> Child {
        let mut command = Command::new("mosquitto");
        command.arg("-c").arg(folder.join("mosquitto.conf")).kill_on_drop(true);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    async fn until_up(&self) {
        talk::until("the broker listens", || {
            std::net::TcpListener::bind(("127.0.0.1", self.port))
                .is_err()
                .then_some(())
        })
        .await;
    }

    /// `kill -9`, and up again: it has forgotten everybody.
    async fn die_and_return(&mut self) {
        self.process.kill().await.unwrap();
        self.process = Self::run(self.folder.path());
        self.until_up().await;
    }
}

/// The reference receiver, until it is dropped.
struct Receiver {
    process: Child,
    folder: TempDir,
    lines: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
}

impl Receiver {
    async fn start(broker: &Broker, work_s: &str) -> Self {
        Self::start_in(TempDir::new().unwrap(), broker, work_s, "").await
    }

    /// With a line of Python that breaks it.
    async fn start_in(folder: TempDir, broker: &Broker, work_s: &str, broken: &str) -> Self {
        let python = std::env::var("MUSTER_TEST_PYTHON").unwrap();
        let mut process = Command::new(python)
            .args(["-c", &format!("import receiver_mqtt as r\n{broken}\nr.main()")])
            .args([
                "--topic",
                TOPIC,
                "--port",
                &broker.port.to_string(),
                "--work-seconds",
                work_s,
                "--db",
            ])
            .arg(folder.path().join("receiver.db"))
            .env("PYTHONPATH", examples())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONUNBUFFERED", "1")
            .env("MUSTER_HOOK_SECRET", SECRET)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let (heard, output) = (lines.clone(), process.stdout.take().unwrap());
        tokio::spawn(async move {
            let mut output = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(output));
            while let Ok(Some(line)) = output.next_line().await {
                heard.lock().unwrap().push(line);
            }
        });
        let receiver = Self { process, folder, lines };
        receiver.until_said("listening on", 1).await;
        receiver
    }

    async fn until_said(&self, words: &str, times: usize) {
        let said = || {
            self.lines
                .lock()
                .unwrap()
                .iter()
                .filter(|line| line.contains(words))
                .count()
        };
        talk::until(words, || (said() >= times).then_some(())).await;
    }

    fn effects(&self) -> Vec<String> {
        let db = rusqlite::Connection::open(self.folder.path().join("receiver.db")).unwrap();
        let mut rows = db.prepare("SELECT key FROM effects ORDER BY key").unwrap();
        let rows = rows.query_map([], |row| row.get(0));
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }
}

fn hook(url: &str, more: &str) -> String {
    format!(
        "[[hook]]\nid = \"mover\"\nkind = \"mqtt\"\nurl = \"{url}\"\ntopic = \"{TOPIC}\"\nsecret = \"{SECRET}\"\n\
         allow_loopback = true\n{more}"
    )
}

fn plain(broker: &Broker) -> String {
    hook(&format!("mqtt://127.0.0.1:{}", broker.port), "")
}

fn site(hook: &str, good: &Desk, loss_s: u32) -> SiteText {
    SiteText::new(true, loss_s)
        .table(hook)
        .hook("good", &good.url, 4)
        .workload("db", 1, &[], &[("move", "mover", 3.0), ("stop", "good", 1.0)])
}

/// A config whose hook is the broker's.
fn config(broker: &Broker, good: &Desk) -> String {
    let path = site(&plain(broker), good, 480).write(broker.folder.path(), "site");
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_receiver_passes() {
    let (broker, good) = (Broker::start().await, Desk::willing().await);
    let config = config(&broker, &good);
    let receiver = Receiver::start(&broker, "0.05").await;
    let judged = Judged::of(&["--config", &config, "--hook", "mover"]).await;
    judged.assert_passed(&["progress", "cut-off", "drill", "restart", "once"]);
    assert_eq!(receiver.effects(), Vec::<String>::new());
    let mut receiver = Some(receiver);
    let restart = async |_: &mut String| {
        let mut before = receiver.take().unwrap();
        before.process.kill().await.unwrap();
        receiver = Some(Receiver::start_in(before.folder, &broker, "0", "").await);
    };
    let judged = Judged::with_input(
        &["--config", &config, "--hook", "mover", "--live", "--restart"],
        restart,
    )
    .await;
    judged.assert_passed(&["progress", "cut-off", "once"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_get_wrong_is_found() {
    let (broker, good) = (Broker::start().await, Desk::willing().await);
    let config = config(&broker, &good);
    for (broken, case) in [
        ("r.Receiver.authentic = lambda *a: True", "wrong-signature"),
        ("r.STATES[409] = 'done'", "old-token"),
        ("r.Receiver.sign = lambda *a: 'v1,x'", "prepare"),
        ("r.Receiver.answer = lambda *a: None", "prepare"),
    ] {
        let _receiver = Receiver::start_in(TempDir::new().unwrap(), &broker, "0", broken).await;
        let judged = Judged::of(&["--config", &config, "--hook", "mover", "--wait-s", "1"]).await;
        judged.assert_found(broken, case);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_dies_in_the_middle_costs_a_retry_and_no_second_effect() {
    let (mut broker, good) = (Broker::start().await, Desk::willing().await);
    let receiver = Receiver::start(&broker, "1").await;
    let mut hosted = Hosted::start(&site(&plain(&broker), &good, 480)).await;
    hosted.burn().await;
    receiver.until_said(&format!("202 live {INCIDENT}.{STEP}"), 1).await;
    broker.die_and_return().await;
    let status = hosted.api.until_all_safe().await;
    assert_eq!(state_of(&status, "db"), "moved");
    assert!(step_of(&status, STEP)["attempts"].as_u64() > Some(1), "{status:#}");
    let moved = receiver.effects().iter().filter(|key| key.ends_with(STEP)).count();
    assert_eq!(moved, 1, "{:?}", receiver.effects());
    assert!(hosted.gateway.counters.get(Cause::HookConnect) >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_the_topic_and_no_broker_both_give_way_in_time() {
    let broker = Broker::start().await;
    for (url, why) in [
        (format!("mqtt://127.0.0.1:{}", broker.port), "nobody is subscribed"),
        (format!("mqtt://127.0.0.1:{}", lasting_port()), "Connection refused"),
    ] {
        let good = Desk::willing().await;
        let mut hosted = Hosted::start(&site(&hook(&url, ""), &good, 6)).await;
        hosted.burn().await;
        hosted.until_said(STEP, why).await;
        let status = hosted.api.until_all_safe().await;
        assert_eq!(state_of(&status, "db"), "stopped");
    }
}

/// An answer by somebody else, that the step of this key is done.
async fn forge(broker: &Broker, key: &str, properties: &[(&str, &str)]) {
    let mut command = Command::new("mosquitto_pub");
    command.args(["-V", "5", "-q", "1", "-p", &broker.port.to_string()]);
    command.args(["-t", &format!("{TOPIC}/answer/{key}"), "-m", r#"{"state":"done"}"#]);
    for (name, value) in properties {
        command.args(["-D", "publish", "user-property", name, value]);
    }
    assert!(command.status().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_signed_changes_nothing() {
    let (broker, good) = (Broker::start().await, Desk::willing().await);
    let receiver = Receiver::start(&broker, "600").await;
    let mut hosted = Hosted::start(&site(&plain(&broker), &good, 480)).await;
    hosted.burn().await;
    receiver.until_said(&format!("202 live {INCIDENT}.{STEP}"), 1).await;
    hosted
        .api
        .until("the step runs", |s| step_of(s, STEP)["state"] == "running")
        .await;
    let key = format!("{INCIDENT}.{STEP}");
    let (id, stamp) = (("webhook-id", key.as_str()), ("webhook-timestamp", "4000000000"));
    forge(&broker, &key, &[]).await;
    forge(&broker, &key, &[id]).await;
    forge(&broker, &key, &[id, stamp, ("webhook-signature", "v1,AAAA")]).await;
    let refused = || hosted.gateway.counters.get(Cause::ProgressRefused);
    talk::until("all three are refused", || (refused() >= 3).then_some(())).await;
    let status = hosted.api.status().await;
    assert_eq!(step_of(&status, STEP)["state"], "running", "{status:#}");
}

/// Certificates of one authority: it, a broker on this machine, and a client.
fn certificates(folder: &Path, name: &str) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let write = |file: &str, text: String| std::fs::write(folder.join(format!("{name}-{file}.pem")), text).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(vec![]).unwrap();
    ca.distinguished_name.push(rcgen::DnType::CommonName, name);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    write("ca", ca.self_signed(&key).unwrap().pem());
    let issuer = Issuer::new(ca, key);
    for (who, at) in [("broker", "localhost"), ("client", "muster")] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![at.to_owned()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, at);
        write(who, params.signed_by(&key, &issuer).unwrap().pem());
        write(&format!("{who}-key"), key.serialize_pem());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_both_ends_are_checked() {
    let certs = TempDir::new().unwrap();
    certificates(certs.path(), "own");
    certificates(certs.path(), "other");
    let at = certs.path().display().to_string();
    let tls = format!(
        "cafile {at}/own-ca.pem\ncertfile {at}/own-broker.pem\nkeyfile {at}/own-broker-key.pem\nrequire_certificate true\n"
    );
    let broker = Broker::with(&tls).await;
    let url = format!("mqtts://localhost:{}", broker.port);
    for (ca, client, comes_to) in [
        // There, and nobody is subscribed.
        ("own", "own", "nobody is subscribed"),
        ("other", "own", "UnknownIssuer"),
        ("own", "other", "the connection to the broker"),
    ] {
        let files = format!(
            "ca = \"{at}/{ca}-ca.pem\"\ncert = \"{at}/{client}-client.pem\"\nkey = \"{at}/{client}-client-key.pem\"\n"
        );
        let good = Desk::willing().await;
        let mut hosted = Hosted::start(&site(&hook(&url, &files), &good, 480)).await;
        hosted.burn().await;
        tokio::time::timeout(Duration::from_secs(20), hosted.until_said(STEP, comes_to))
            .await
            .unwrap_or_else(|_| panic!("{ca} {client}: {:#?}", hosted.events()));
    }
}
