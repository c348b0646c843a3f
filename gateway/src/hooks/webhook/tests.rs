use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::{get, post};

use super::*;
use crate::clock::Stopwatch;
use crate::hooks::client::client;
use crate::hooks::envelope::Envelopes;
use crate::hooks::resolver::CheckedResolver;
use crate::hooks::testing::{HURRIED, SMALL, SOON, Then, call, raw, serve, target};

fn hook_at(url: String, allow_loopback: bool) -> (Webhook, Counters) {
    let counters = Counters::default();
    let clients = Clients::new(SMALL.connect).unwrap();
    let target = WebhookTarget {
        allow_loopback,
        ..target(url)
    };
    let hook = Webhook::new(
        "orchestrator".into(),
        target,
        &clients,
        SMALL,
        Clock::starting_at(0),
        counters.clone(),
    )
    .unwrap();
    (hook, counters)
}

fn envelope() -> Envelope {
    let envelopes = Envelopes::new(Clock::starting_at(0), "http://127.0.0.1:1", [3; 32]).unwrap();
    envelopes.of(&call()).unwrap()
}

async fn hurried_answer_of(address: SocketAddr) -> (HookOutcome, Counters) {
    let (mut hook, counters) = hook_at(format!("http://{address}/hook"), true);
    hook.limits = HURRIED;
    (hook.attempt(&envelope()).await.outcome, counters)
}

async fn answer_of(address: SocketAddr) -> (HookOutcome, Counters) {
    let (hook, counters) = hook_at(format!("http://{address}/hook"), true);
    let reply = hook.attempt(&envelope()).await;
    (reply.outcome, counters)
}

async fn answer_to(status: u16, body: &'static str) -> (HookOutcome, Counters) {
    let status = StatusCode::from_u16(status).unwrap();
    answer_of(serve(Router::new().route("/hook", post(move || async move { (status, body) }))).await).await
}

/// One failure of this cause was counted, and no other.
fn only(counters: &Counters, cause: Cause) -> bool {
    Cause::ALL
        .iter()
        .all(|other| counters.get(*other) == u64::from(*other == cause))
}

fn none(counters: &Counters) -> bool {
    Cause::ALL.iter().all(|cause| counters.get(*cause) == 0)
}

#[tokio::test]
async fn the_first_four_rows_of_the_table() {
    for (status, expected) in [
        (202, HookOutcome::Accepted),
        (200, HookOutcome::Done),
        (201, HookOutcome::Done),
        (204, HookOutcome::Done),
        (299, HookOutcome::Done),
        (409, HookOutcome::TokenRefused),
    ] {
        let (outcome, counters) = answer_to(status, "").await;
        assert_eq!((outcome, none(&counters)), (expected, true), "{status}");
    }
    let (outcome, counters) = answer_to(422, "no room\nin \x1b[31mdaejeon\0").await;
    let note = "no room in [31mdaejeon".to_owned();
    assert_eq!((outcome, none(&counters)), (HookOutcome::Cannot { note }, true));
}

#[tokio::test]
async fn every_other_status_is_a_retry() {
    for status in [400, 401, 403, 404, 408, 410, 425, 429, 500, 502, 503, 504, 599, 999] {
        let (outcome, counters) = answer_to(status, "try\nlater").await;
        assert!(only(&counters, Cause::HookStatus), "{status}");
        let HookOutcome::Retry { cause } = outcome else {
            panic!("{status}: {outcome:?}")
        };
        assert!(
            cause.contains(&status.to_string()) && cause.contains("try later"),
            "{cause}"
        );
    }
}

#[tokio::test]
async fn redirects_are_counted_and_never_followed() {
    let reached = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&reached);
    let elsewhere = move || async move { *seen.lock().unwrap() += 1 };
    let at = |status: u16| move || async move { (StatusCode::from_u16(status).unwrap(), [(LOCATION, "/elsewhere")]) };
    let mut routes = Router::new().route("/elsewhere", get(elsewhere.clone()).post(elsewhere));
    for status in [300, 301, 302, 303, 304, 307, 308] {
        routes = routes.route(&format!("/{status}"), post(at(status)));
    }
    let address = serve(routes).await;
    for status in [300, 301, 302, 303, 304, 307, 308] {
        let (hook, counters) = hook_at(format!("http://{address}/{status}"), true);
        let reply = hook.attempt(&envelope()).await;
        assert!(
            matches!(reply.outcome, HookOutcome::Retry { .. }) && reply.follow.is_none(),
            "{status}"
        );
        assert!(only(&counters, Cause::HookRedirect), "{status}");
    }
    assert_eq!(*reached.lock().unwrap(), 0);
}

#[tokio::test]
async fn what_is_sent_can_be_checked_by_the_receiver() {
    let seen = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&seen);
    let routes = Router::new().route(
        "/hook",
        post(move |headers: HeaderMap, body: Bytes| async move { *keep.lock().unwrap() = Some((headers, body)) }),
    );
    let (outcome, _) = answer_of(serve(routes).await).await;
    assert_eq!(outcome, HookOutcome::Done);
    let (headers, body) = seen.lock().unwrap().take().unwrap();
    let header = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/cloudevents+json");
    assert_eq!(header("webhook-id"), "pangyo-b3-1.db.move.evacuate.daejeon");
    let sent_s: i64 = header("webhook-timestamp").parse().unwrap();
    assert!((Clock::starting_at(0).real_unix_s() - sent_s).abs() <= 20);
    let right = signing::sign(&Secret(vec![5; 32]), &header("webhook-id"), sent_s, &body);
    assert_eq!(header("webhook-signature"), right);
}

#[tokio::test]
async fn a_simulations_clock_never_dates_a_signature() {
    let seen = Arc::new(Mutex::new(String::new()));
    let keep = Arc::clone(&seen);
    let stamp = move |headers: HeaderMap| async move {
        *keep.lock().unwrap() = headers["webhook-timestamp"].to_str().unwrap().to_owned();
    };
    let address = serve(Router::new().route("/hook", post(stamp))).await;
    let (mut hook, _) = hook_at(format!("http://{address}/hook"), true);
    hook.clock.set_speed(10);
    hook.clock.set_story_wall(1_665_814_740_000);
    assert_eq!(hook.attempt(&envelope()).await.outcome, HookOutcome::Done);
    hook.clock = Clock::starting_at(0);
    let sent_s: i64 = seen.lock().unwrap().parse().unwrap();
    assert!((hook.clock.real_unix_s() - sent_s).abs() <= 20);
}

#[tokio::test]
async fn a_hook_that_hangs_anywhere_is_given_up_within_the_limit() {
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n";
    for (bytes, then) in [
        (&b""[..], Then::Hang),
        (b"HTTP/1.1 20", Then::Hang),
        (HEAD, Then::Hang),
        (HEAD, Then::Dribble),
        (b"HTTP/1.1 200 OK\r\nx: ", Then::Dribble),
    ] {
        let watch = Stopwatch::start();
        let (outcome, counters) = hurried_answer_of(raw(bytes, then).await).await;
        assert!(matches!(outcome, HookOutcome::Retry { .. }), "{then:?}: {outcome:?}");
        assert!(only(&counters, Cause::HookTimeout), "{then:?}");
        assert!(
            watch.elapsed() >= HURRIED.attempt && watch.elapsed() < SOON,
            "{:?}",
            watch.elapsed()
        );
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_a_retry() {
    for bytes in [
        &b""[..],
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"\x16\x03\x01\x00\xff garbage of another protocol\r\n\r\n",
    ] {
        let (outcome, counters) = answer_of(raw(bytes, Then::Close).await).await;
        assert!(matches!(outcome, HookOutcome::Retry { .. }), "{outcome:?}");
        assert!(only(&counters, Cause::HookConnect), "{outcome:?}");
    }
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let (outcome, counters) = answer_of(closed).await;
    let HookOutcome::Retry { cause } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        cause.starts_with("not reached: ") && only(&counters, Cause::HookConnect),
        "{cause}"
    );
}

#[tokio::test]
async fn of_a_huge_answer_the_status_is_believed_and_the_rest_not_read() {
    let endless = "x".repeat(10_000_000);
    let routes = |status: u16| {
        let body = endless.clone();
        Router::new().route(
            "/hook",
            post(move || async move { (StatusCode::from_u16(status).unwrap(), body) }),
        )
    };
    let (outcome, counters) = answer_of(serve(routes(200)).await).await;
    assert_eq!((outcome, only(&counters, Cause::HookBody)), (HookOutcome::Done, true));
    let (outcome, _) = answer_of(serve(routes(422)).await).await;
    assert_eq!(outcome, HookOutcome::Cannot { note: "x".repeat(200) });
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999\r\n\r\n";
    let (outcome, _) = hurried_answer_of(raw(head, Then::Hang).await).await;
    assert!(
        matches!(outcome, HookOutcome::Retry { .. }),
        "a promise of a huge answer reserves nothing"
    );
}

#[tokio::test]
async fn forbidden_addresses_are_not_called() {
    let address = serve(Router::new().route("/hook", post(|| async {}))).await;
    let (port, name) = (address.port(), "localhost");
    for url in [format!("http://{address}/hook"), format!("http://{name}:{port}/hook")] {
        let (hook, counters) = hook_at(url.clone(), false);
        let HookOutcome::Retry { cause } = hook.attempt(&envelope()).await.outcome else {
            panic!("{url}")
        };
        assert!(
            cause.contains("allow_loopback") && only(&counters, Cause::HookForbidden),
            "{cause}"
        );
    }
    for url in [
        "http://169.254.169.254/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://0.0.0.0/",
        "https://[fe80::1]/",
    ] {
        let (hook, counters) = hook_at(url.into(), true);
        assert!(
            matches!(hook.attempt(&envelope()).await.outcome, HookOutcome::Retry { .. }),
            "{url}"
        );
        assert!(only(&counters, Cause::HookForbidden), "{url}");
    }
}

/// Names of an attacker's.
fn rogue(name: String) -> std::pin::Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>> {
    let leads_to = match name.as_str() {
        "metadata.example" => "169.254.169.254:0",
        "metadata6.example" => "[fd00:ec2::254]:0",
        "mapped.example" => "[::ffff:169.254.169.254]:0",
        _ => "127.0.0.1:0",
    };
    Box::pin(async move { Ok(vec![leads_to.parse().unwrap()]) })
}

#[tokio::test]
async fn a_name_that_leads_to_a_forbidden_address_is_not_called() {
    let address = serve(Router::new().route("/hook", post(|| async {}))).await;
    for name in [
        "metadata.example",
        "metadata6.example",
        "mapped.example",
        "loopback.example",
    ] {
        let (mut hook, counters) = hook_at(format!("http://{name}:{}/hook", address.port()), false);
        let resolver = |allow_loopback| CheckedResolver {
            allow_loopback,
            lookup: rogue,
        };
        hook.client = client(SMALL.connect, resolver(false)).unwrap();
        let outcome = hook.attempt(&envelope()).await.outcome;
        assert!(matches!(outcome, HookOutcome::Retry { .. }), "{name}: {outcome:?}");
        assert!(only(&counters, Cause::HookForbidden), "{name}: {outcome:?}");
        // The same name is called where its address is allowed, so it was the check that stopped it.
        hook.client = client(SMALL.connect, resolver(true)).unwrap();
        let allowed = hook.attempt(&envelope()).await.outcome == HookOutcome::Done;
        assert_eq!(allowed, name == "loopback.example");
    }
}

#[tokio::test]
async fn a_name_without_address_is_a_retry() {
    let (hook, counters) = hook_at("http://no-such-host.invalid/hook".into(), true);
    assert!(matches!(
        hook.attempt(&envelope()).await.outcome,
        HookOutcome::Retry { .. }
    ));
    let counted = counters.get(Cause::HookConnect) + counters.get(Cause::HookTimeout);
    assert_eq!(counted, 1, "a resolver may also be slow to say no");
}

#[tokio::test]
async fn a_location_is_followed_only_at_home() {
    for (location, followed) in [
        ("/steps/1", true),
        ("steps/1?x=y", true),
        ("http://127.0.0.1:1/steps/1", false),
        ("//evil.example/steps", false),
        ("http://169.254.169.254/", false),
        ("file:///etc/passwd", false),
        ("http://[", false),
    ] {
        let at = move || async move { (StatusCode::ACCEPTED, [(LOCATION, location)]) };
        let address = serve(Router::new().route("/hook", post(at))).await;
        let (hook, counters) = hook_at(format!("http://{address}/hook"), true);
        let reply = hook.attempt(&envelope()).await;
        assert_eq!(
            (reply.outcome, reply.follow.is_some()),
            (HookOutcome::Accepted, followed),
            "{location}"
        );
        assert_eq!(counters.get(Cause::HookForbidden), u64::from(!followed), "{location}");
    }
    let long = format!("/{}", "x".repeat(LOCATION_BYTES));
    let at = move || async move { (StatusCode::ACCEPTED, [(LOCATION, long)]) };
    let (hook, _) = hook_at(
        format!("http://{}/hook", serve(Router::new().route("/hook", post(at))).await),
        true,
    );
    assert!(hook.attempt(&envelope()).await.follow.is_none());
}

#[tokio::test]
async fn a_location_that_answers_oddly_is_a_failed_question() {
    for (status, body, expected) in [
        (200, r#"{"state":"done"}"#, Some(HookOutcome::Done)),
        (
            200,
            r#"{"state":"running","percent":9}"#,
            Some(HookOutcome::Running { percent: Some(9) }),
        ),
        (
            200,
            r#"{"state":"failed","note":"x"}"#,
            Some(HookOutcome::Cannot { note: "x".into() }),
        ),
        (202, "", Some(HookOutcome::Running { percent: None })),
        (
            202,
            r#"{"state":"running","percent":9}"#,
            Some(HookOutcome::Running { percent: Some(9) }),
        ),
        (409, "", Some(HookOutcome::TokenRefused)),
        (422, "full", Some(HookOutcome::Cannot { note: "full".into() })),
        (200, "", None),
        (200, "<html>", None),
        (204, "", None),
        (303, "", None),
        (404, "", None),
        (500, r#"{"state":"done"}"#, None),
    ] {
        let at = move || async move { (StatusCode::from_u16(status).unwrap(), body) };
        let address = serve(Router::new().route("/steps", get(at))).await;
        let (hook, _) = hook_at(format!("http://{address}/hook"), true);
        let outcome = hook
            .ask(&Url::parse(&format!("http://{address}/steps")).unwrap(), "a.b")
            .await;
        match expected {
            Some(expected) => assert_eq!(outcome, expected, "{status} {body}"),
            None => assert!(
                matches!(outcome, HookOutcome::Retry { .. }),
                "{status} {body}: {outcome:?}"
            ),
        }
    }
}

/// An authority, and a certificate of it for `localhost` with its key, in PEM.
fn authority(name: &str) -> (String, String, String) {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
    let key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(vec![]).unwrap();
    ca.distinguished_name.push(DnType::CommonName, name);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = ca.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(ca, key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&key, &issuer).unwrap().pem();
    (pem, server, key.serialize_pem())
}

/// Answers 200 over TLS to whoever believes its certificate.
async fn over_tls(cert: &str, key: &str) -> SocketAddr {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let _ = rustls::crypto::ring::default_provider().install_default();
    let chain = vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut buffer = [0; 8_192];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    address
}

#[tokio::test]
async fn over_https_only_the_right_authority_and_the_right_name_are_believed() {
    let folder = tempfile::tempdir().unwrap();
    let (own, server, key) = authority("own");
    let (other, _, _) = authority("other");
    let port = over_tls(&server, &key).await.port();
    for (file, pem) in [
        ("own.pem", &own),
        ("other.pem", &other),
        ("both.pem", &format!("{other}{own}")),
    ] {
        std::fs::write(folder.path().join(file), pem).unwrap();
    }
    for (host, ca, refused) in [
        ("localhost", Some("own.pem"), ""),
        ("localhost", Some("both.pem"), ""),
        ("localhost", Some("other.pem"), "UnknownIssuer"),
        ("localhost", None, "UnknownIssuer"),
        ("127.0.0.1", Some("own.pem"), "certificate not valid for name"),
    ] {
        let counters = Counters::default();
        let target = WebhookTarget {
            ca: ca.map(|file| folder.path().join(file)),
            ..target(format!("https://{host}:{port}/"))
        };
        let (clients, clock) = (Clients::new(SMALL.connect).unwrap(), Clock::starting_at(0));
        let hook = Webhook::new("orchestrator".into(), target, &clients, SMALL, clock, counters.clone()).unwrap();
        match hook.attempt(&envelope()).await.outcome {
            HookOutcome::Done => assert_eq!(refused, "", "{host} {ca:?}"),
            HookOutcome::Retry { cause } => {
                assert!(!refused.is_empty() && cause.contains(refused), "{host} {ca:?}: {cause}");
                assert!(only(&counters, Cause::HookConnect), "{cause}");
            }
            other => panic!("{host} {ca:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn authorities_that_cannot_be_read_are_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.pem");
    std::fs::write(&bad, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    for ca in [bad, folder.path().join("none.pem")] {
        let target = WebhookTarget {
            ca: Some(ca.clone()),
            ..target("https://localhost/".into())
        };
        let (clients, clock) = (Clients::new(SMALL.connect).unwrap(), Clock::starting_at(0));
        let made = Webhook::new(
            "orchestrator".into(),
            target,
            &clients,
            SMALL,
            clock,
            Counters::default(),
        );
        let line = made.unwrap_err().to_string();
        assert!(line.contains(&ca.display().to_string()), "{line}");
    }
}

#[test]
fn a_cause_names_no_url() {
    let (hook, _) = hook_at("http://a.example/hook?token=hunter2".into(), true);
    assert!(!format!("{:?}", hook.secret).contains('5'));
    let error = hook.client.get("http://[::1").build().unwrap_err();
    assert!(!Failure::of(error).line().contains("::1"));
}
