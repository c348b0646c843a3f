//! A message by mail: plain text, one transaction for all recipients, and one bad recipient keeps it from nobody else.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;

use super::carrier::Failure;
use super::notice::Notice;
use crate::config::{Place, Smtp, SmtpTls};
use crate::hooks::note::one_line;
use crate::hooks::resolver;
use crate::lines::with_causes;

/// One connection of the addresses of a name; the next one is tried then.
const CONNECT: Duration = Duration::from_secs(4);
/// The server has taken the mail; how long its good-bye is waited for.
const GOOD_BYE: Duration = Duration::from_millis(500);
/// Characters of a server's words that are kept.
const WORDS: usize = 160;

/// One mail server and the people behind it.
#[derive(Debug)]
pub struct Email {
    smtp: Smtp,
    allow_loopback: bool,
    ca: Option<Vec<u8>>,
    attempt: Duration,
    done: Mutex<Done>,
}

/// Who has the message that is on its way, so that a retry for one person is not a second mail for the others.
#[derive(Debug, Default)]
struct Done {
    id: String,
    taken: BTreeSet<usize>,
    /// For good, and what the server said: they are not asked for again while others have the message.
    refused: BTreeMap<usize, String>,
}

/// What the server said to the recipients.
#[derive(Debug, Default)]
struct Asked {
    taken: Vec<usize>,
    /// For good; one line each.
    refused: BTreeMap<usize, String>,
    /// For now; one line each.
    later: Vec<String>,
}

impl Email {
    pub(super) fn new(place: &Place, smtp: &Smtp, attempt: Duration) -> Self {
        Self {
            smtp: smtp.clone(),
            allow_loopback: place.allow_loopback,
            ca: place.ca.clone(),
            attempt,
            done: Mutex::default(),
        }
    }

    pub(super) async fn send(&self, notice: &Notice) -> Result<Option<String>, Failure> {
        self.within(self.transact(notice)).await
    }

    /// Connects, encrypts and logs in.
    pub(super) async fn look(&self) -> Result<(), Failure> {
        self.within(async {
            let mut connection = self.connect().await?;
            let _ = tokio::time::timeout(GOOD_BYE, connection.quit()).await;
            Ok(())
        })
        .await
    }

    async fn within<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let done = tokio::time::timeout(self.attempt, work).await;
        done.unwrap_or(Err(Failure::Timeout(self.attempt)))
    }

    async fn transact(&self, notice: &Notice) -> Result<Option<String>, Failure> {
        let waiting = self.waiting(&notice.id);
        let mail = self.write(notice, &waiting)?;
        let mut connection = self.connect().await?;
        let asked = self.ask(&mut connection, &waiting).await?;
        if !asked.taken.is_empty() {
            connection.command(Data).await.map_err(|e| failure(&e))?;
            connection.message(&mail).await.map_err(|e| failure(&e))?;
        }
        let settled = self.settle(asked);
        // Taken is taken, whatever comes after.
        let _ = tokio::time::timeout(GOOD_BYE, connection.quit()).await;
        settled
    }

    /// Indices of the recipients who have not got this message.
    fn waiting(&self, id: &str) -> Vec<usize> {
        let mut done = self.done();
        if done.id != id {
            *done = Done {
                id: id.to_owned(),
                ..Done::default()
            };
        }
        let is_done = |i: &usize| done.taken.contains(i) || done.refused.contains_key(i);
        (0..self.smtp.to.len()).filter(|i| !is_done(i)).collect()
    }

    /// Told, once nobody is left who may still take it; not told at all, as long as nobody has.
    fn settle(&self, asked: Asked) -> Result<Option<String>, Failure> {
        let mut done = self.done();
        done.taken.extend(asked.taken);
        let words = |refused: &BTreeMap<usize, String>, later: &[String]| {
            let all: Vec<&str> = refused.values().chain(later).map(String::as_str).collect();
            format!("not taken for {}", all.join("; "))
        };
        if done.taken.is_empty() {
            return Err(Failure::Refused(words(&asked.refused, &asked.later)));
        }
        done.refused.extend(asked.refused);
        if asked.later.is_empty() {
            Ok((!done.refused.is_empty()).then(|| words(&done.refused, &[])))
        } else {
            Err(Failure::Refused(words(&done.refused, &asked.later)))
        }
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, connection: &mut AsyncSmtpConnection, waiting: &[usize]) -> Result<Asked, Failure> {
        let from = Mail::new(Some(self.smtp.from.email.clone()), Vec::new());
        connection.command(from).await.map_err(|e| failure(&e))?;
        let mut asked = Asked::default();
        for i in waiting {
            let to = &self.smtp.to[*i].email;
            match connection.command(Rcpt::new(to.clone(), Vec::new())).await {
                Ok(_) => asked.taken.push(*i),
                Err(e) if e.is_permanent() => drop(asked.refused.insert(*i, format!("{to}: {}", words(&e)))),
                Err(e) if e.is_transient() => asked.later.push(format!("{to}: {}", words(&e))),
                Err(e) => return Err(failure(&e)),
            }
        }
        Ok(asked)
    }

    /// To an address that was checked, by the name that was configured.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let smtp = &self.smtp;
        let found = resolver::addresses(&smtp.host, smtp.port, self.allow_loopback).await;
        let addresses: Vec<SocketAddr> = found.map_err(|e| Failure::Unreached(one_line(&with_causes(&e), WORDS)))?;
        let at_once = match smtp.tls {
            SmtpTls::FromTheStart => Some(self.tls()?),
            SmtpTls::StartTls | SmtpTls::None => None,
        };
        let us = ClientId::default();
        let opened = AsyncSmtpConnection::connect_tokio1(&addresses[..], Some(CONNECT), &us, at_once, None).await;
        let mut connection = opened.map_err(|e| failure(&e))?;
        if smtp.tls == SmtpTls::StartTls {
            connection.starttls(self.tls()?, &us).await.map_err(|e| failure(&e))?;
        }
        if let Some((user, password)) = &smtp.login {
            let password = String::from_utf8_lossy(&password.0).into_owned();
            let login = Credentials::new(user.clone(), password);
            let ways = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&ways, &login).await.map_err(|e| failure(&e))?;
        }
        Ok(connection)
    }

    fn tls(&self) -> Result<TlsParameters, Failure> {
        let wrong = |e: SmtpError| Failure::Refused(one_line(&with_causes(&e), WORDS));
        let mut builder = TlsParametersBuilder::new(self.smtp.host.clone());
        if let Some(ca) = &self.ca {
            let authorities = Certificate::from_pem(ca).map_err(wrong)?;
            builder = builder
                .certificate_store(CertificateStore::None)
                .add_root_certificate(authorities);
        }
        builder.build_rustls().map_err(wrong)
    }

    fn write(&self, notice: &Notice, waiting: &[usize]) -> Result<Vec<u8>, Failure> {
        let domain = self.smtp.from.email.domain();
        let mut mail = lettre::Message::builder()
            .from(self.smtp.from.clone())
            .subject(notice.subject.clone())
            .message_id(Some(format!("<{}@{domain}>", notice.id)))
            .header(ContentType::TEXT_PLAIN);
        for i in waiting {
            let to: &Mailbox = &self.smtp.to[*i];
            mail = mail.to(to.clone());
        }
        // Mail of one incident stands together, and no robot answers it.
        if let Some(incident) = &notice.incident {
            mail = mail.references(format!("<{incident}@{domain}>"));
        }
        mail = raw(mail, "Auto-Submitted", "auto-generated");
        if notice.urgent {
            mail = raw(raw(mail, "Importance", "high"), "X-Priority", "1");
        }
        let mail = mail.body(notice.text.clone());
        mail.map(|mail| mail.formatted())
            .map_err(|e| Failure::Refused(one_line(&e.to_string(), WORDS)))
    }
}

fn raw(mail: MessageBuilder, name: &'static str, value: &str) -> MessageBuilder {
    mail.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned()))
}

fn words(e: &SmtpError) -> String {
    one_line(&with_causes(e), WORDS)
}

/// A code is an answer; everything else is none. A certificate that is not good for the name is no place of ours.
fn failure(e: &SmtpError) -> Failure {
    let words = words(e);
    if e.status().is_some() || e.is_tls() || e.is_client() {
        Failure::Refused(words)
    } else {
        Failure::Unreached(words)
    }
}
