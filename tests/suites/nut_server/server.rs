//! upsd and its drivers as processes, in a folder of their own and on a free port.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, UNIX_EPOCH};

use muster::clock::Stopwatch;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::stand::SOON;

/// Where packages put drivers and the server itself; what stands in `sbin` asks /etc whether it may start.
const FOLDERS: [&str; 3] = ["/lib/nut", "/usr/libexec/nut", "/usr/lib/nut"];
/// upsd gives a driver up after so many seconds without a word; 15 as delivered.
const MAX_AGE_S: u32 = 4;

/// upsd with its drivers. Dropping it kills them all.
pub(super) struct Upsd {
    pub(super) port: u16,
    folder: TempDir,
    server: Child,
    drivers: BTreeMap<String, Child>,
    changes: u64,
}

impl Upsd {
    /// With UPSes that say what they are told, 92 % full and on mains to begin with.
    pub(super) async fn with(upses: &[&str]) -> Self {
        Self::configured(upses, |_| String::new()).await
    }

    /// As [`Upsd::with`], and more lines of upsd.conf, which may name files in the folder it is given.
    pub(super) async fn configured(upses: &[&str], more: impl Fn(&Path) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<_> = upses.iter().map(|ups| (*ups, format!("{ups}.dev"))).collect();
        for (_, file) in &files {
            std::fs::write(folder.path().join(file), dump("OL CHRG", 92)).unwrap();
        }
        Self::start(folder, &files, more).await
    }

    /// With one UPS, `bat`, that plays a sequence.
    pub(super) async fn playing(sequence: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bat.seq"), sequence).unwrap();
        Self::start(folder, &[("bat", "bat.seq".to_owned())], |_| String::new()).await
    }

    async fn start(folder: TempDir, files: &[(&str, String)], more: impl Fn(&Path) -> String) -> Self {
        let (port, at) = (free_port(), folder.path());
        let ups = |(ups, file): &(&str, String)| {
            let file = at.join(file);
            format!(
                "[{ups}]\ndriver = dummy-ups\nport = {}\npollinterval = 1\n",
                file.display()
            )
        };
        std::fs::write(at.join("ups.conf"), files.iter().map(ups).collect::<String>()).unwrap();
        let listen = format!("LISTEN 127.0.0.1 {port}\nMAXAGE {MAX_AGE_S}\n{}\n", more(at));
        std::fs::write(at.join("upsd.conf"), listen).unwrap();
        let users = "[keeper]\npassword = secret\nactions = FSD\nupsmon primary\n";
        std::fs::write(at.join("upsd.users"), users).unwrap();
        let mut upsd = Self {
            port,
            server: spawn("upsd", &[], at),
            folder,
            drivers: BTreeMap::new(),
            changes: 0,
        };
        for (ups, _) in files {
            upsd.start_driver(ups);
        }
        upsd.listens().await;
        for (ups, _) in files {
            upsd.knows(ups).await;
        }
        upsd
    }

    /// Waits until upsd has had all from a driver.
    async fn knows(&self, ups: &str) {
        let (since, ask) = (Stopwatch::start(), format!("GET VAR {ups} ups.status"));
        loop {
            let answer = self.ask(&[&ask]).await;
            if answer.starts_with("VAR ") && !answer.contains("WAIT") {
                return;
            }
            assert!(since.elapsed() < SOON, "{answer}\n{}", self.log());
            sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) fn start_driver(&mut self, ups: &str) {
        let driver = spawn("dummy-ups", &["-a", ups], self.folder.path());
        self.drivers.insert(ups.to_owned(), driver);
    }

    /// `kill -9` of a driver.
    pub(super) async fn kill_driver(&mut self, ups: &str) {
        self.drivers.get_mut(ups).unwrap().kill().await.unwrap();
    }

    /// SIGSTOP or SIGCONT: the driver is there, and says nothing.
    pub(super) async fn signal_driver(&self, ups: &str, name: &str) {
        let id = self.drivers[ups].id().unwrap().to_string();
        let sent = Command::new("kill").arg(format!("-{name}")).arg(id).status().await;
        assert!(sent.unwrap().success());
    }

    /// `kill -9` of the server: its port is closed when this returns.
    pub(super) async fn kill(&mut self) {
        self.server.kill().await.unwrap();
    }

    pub(super) async fn start_again(&mut self) {
        self.server = spawn("upsd", &[], self.folder.path());
        self.listens().await;
    }

    /// What a UPS says from now on.
    pub(super) fn says(&mut self, ups: &str, status: &str, charge: u32) {
        self.says_all(ups, &dump(status, charge));
    }

    /// All that a UPS says from now on, as a dump. The driver looks at the time of the file, in whole seconds.
    pub(super) fn says_all(&mut self, ups: &str, dump: &str) {
        self.changes += 1;
        let (new, file) = (
            self.folder.path().join("new"),
            self.folder.path().join(format!("{ups}.dev")),
        );
        std::fs::write(&new, dump).unwrap();
        let at = UNIX_EPOCH + Duration::from_secs(1_000 * self.changes);
        std::fs::File::options()
            .append(true)
            .open(&new)
            .unwrap()
            .set_modified(at)
            .unwrap();
        std::fs::rename(new, file).unwrap();
    }

    /// What it answers to these lines, to the last of them.
    pub(super) async fn ask(&self, lines: &[&str]) -> String {
        let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", self.port)).await.unwrap());
        let mut answer = String::new();
        for line in lines {
            stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
            answer.clear();
            let read = timeout(SOON, stream.read_line(&mut answer))
                .await
                .expect("upsd is silent");
            assert!(read.unwrap() > 0, "{line}");
        }
        answer.trim_end().to_owned()
    }

    async fn listens(&mut self) {
        let since = Stopwatch::start();
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            let ended = self.server.try_wait().unwrap();
            assert!(ended.is_none(), "upsd has ended: {ended:?}\n{}", self.log());
            assert!(since.elapsed() < SOON, "upsd does not listen\n{}", self.log());
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("upsd.log")).unwrap_or_default()
    }
}

pub(super) fn dump(status: &str, charge: u32) -> String {
    format!("ups.mfr: Muster\nups.model: Dummy 500\nups.status: {status}\nbattery.charge: {charge}\n")
}

/// In the foreground, as whoever runs the tests, with everything it keeps in the folder.
fn spawn(program: &str, arguments: &[&str], folder: &Path) -> Child {
    let found = FOLDERS.iter().map(|f| Path::new(f).join(program)).find(|p| p.exists());
    let log = std::fs::File::create(folder.join(format!("{program}{}.log", arguments.concat()))).unwrap();
    let mut command = Command::new(found.expect("nut-server is not installed"));
    command
        .args(["-F", "-u", &own_name()])
        .args(arguments)
        .kill_on_drop(true);
    for variable in ["NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH"] {
        command.env(variable, folder);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn().unwrap()
}

fn own_name() -> String {
    let asked = std::process::Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(asked.stdout).unwrap().trim().to_owned()
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A certificate of `localhost` by a CA of its own: the CA's file, and the lines of upsd.conf that show it. Debian's upsd
/// keeps its own in a database of NSS.
pub(super) async fn certified(folder: &Path) -> (PathBuf, String) {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "the site's CA");
    let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let ca = authority.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(authority, ca_key);
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("ca.pem", &ca.pem());
    write("upsd.pem", &certificate.pem());
    write("upsd.key", &key.serialize_pem());
    let script = "mkdir nss && certutil -N -d nss --empty-password && certutil -A -d nss -n ca -t CT,, -i ca.pem && \
                  openssl pkcs12 -export -inkey upsd.key -in upsd.pem -certfile ca.pem -name upsd -passout pass: -out upsd.p12 && \
                  pk12util -i upsd.p12 -d nss -W ''";
    let made = Command::new("sh")
        .args(["-ec", script])
        .current_dir(folder)
        .output()
        .await
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let lines = format!("CERTPATH {}\nCERTIDENT \"upsd\" \"\"", folder.join("nss").display());
    (folder.join("ca.pem"), lines)
}
