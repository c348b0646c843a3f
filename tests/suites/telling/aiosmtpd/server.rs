//! The server as the tests see it, and its certificate.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stand::Script;

/// User and password of the server.
pub(in super::super) const LOGIN: (&str, &str) = ("muster", "correct horse battery staple");

/// A running server. It ends when it is dropped.
pub(in super::super) struct Server {
    script: Script,
    pub(in super::super) port: u16,
    folder: TempDir,
}

/// A mail it has taken.
pub(in super::super) struct Mail(pub(in super::super) Value);

impl Mail {
    /// Every header of a name.
    pub(in super::super) fn headers(&self, name: &str) -> Vec<&str> {
        let all = self.0["headers"].as_array().unwrap().iter();
        let named = all.filter(|header| header[0].as_str().unwrap().eq_ignore_ascii_case(name));
        named.map(|header| header[1].as_str().unwrap()).collect()
    }

    pub(in super::super) fn text(&self) -> &str {
        self.0["text"].as_str().unwrap()
    }
}

impl Server {
    /// `tls` is `start`, `starttls` or `none`; `more` overrules what it does otherwise.
    pub(in super::super) async fn start(tls: &str, more: &Value) -> Self {
        let folder = TempDir::new().unwrap();
        certificate(folder.path());
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut arguments = json!({
            "tls": tls, "cert": path("cert.pem"), "key": path("key.pem"), "login": [LOGIN.0, LOGIN.1],
            "refuse": [], "later": [], "fail": [],
        });
        for (key, value) in more.as_object().unwrap() {
            arguments[key] = value.clone();
        }
        std::fs::write(folder.path().join("password"), LOGIN.1).unwrap();
        let mut script = Script::start("telling/aiosmtpd/mail_server.py", &arguments);
        let port = script.hear().await["port"].as_u64().unwrap().try_into().unwrap();
        Self { script, port, folder }
    }

    /// `[[notify]]` for it. `smtp` is the scheme.
    pub(in super::super) fn place(&self, scheme: &str, more: &str) -> String {
        let (port, folder) = (self.port, self.folder.path().display());
        format!(
            "[[notify]]\nid = \"duty\"\nkind = \"email\"\nsmtp = \"{scheme}://localhost:{port}\"\nallow_loopback = true\n\
             from = \"Muster <muster@ansan.example>\"\nto = [\"duty@ansan.example\", \"anna@ansan.example\"]\n{more}\n"
        )
        .replace("FOLDER", &folder.to_string())
    }

    /// The next mail.
    pub(in super::super) async fn mail(&mut self) -> Mail {
        Mail(self.script.hear().await)
    }
}

/// A CA of the test's own, and a certificate for `localhost`.
fn certificate(folder: &Path) {
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    ca.distinguished_name.push(rcgen::DnType::CommonName, "mail test CA");
    let authority = ca.self_signed(&ca_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let server = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&key, &issuer).unwrap();
    std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    std::fs::write(folder.join("cert.pem"), server.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
}
