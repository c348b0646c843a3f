use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::certs::{facts, load};
use crate::config::TlsFiles;

const NOW_S: i64 = 1_790_000_000;

fn site() -> (tempfile::TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    let (folder, _) = Folder::init(dir.path(), "seoul-1", NOW_S).unwrap();
    (dir, folder)
}

fn node_facts(dir: &Path, id: &str) -> crate::certs::Facts {
    facts(&std::fs::read(dir.join("nodes").join(id).join("node.der")).unwrap()).unwrap()
}

#[test]
fn each_certificate_is_good_for_one_thing() {
    let (dir, folder) = site();
    folder.node("node-1", None, NODE_DAYS, false).unwrap();
    let names = ["muster.local".to_owned(), "10.0.0.1".to_owned(), "fe80::1".to_owned()];
    folder.gateway(&names, GATEWAY_DAYS, false).unwrap();
    let node = node_facts(dir.path(), "node-1");
    assert_eq!(node.names, ["node-1"]);
    assert_eq!((node.is_ca, node.for_server, node.for_client), (false, false, true));
    assert!((node.until_s - NOW_S - NODE_DAYS * 86_400).abs() <= 86_400);
    assert!(node.from_s < NOW_S);
    let gateway = &certificates_of(dir.path(), "gateway/gateway.pem")[0];
    assert_eq!(
        (gateway.is_ca, gateway.for_server, gateway.for_client),
        (false, true, false)
    );
    assert_eq!(gateway.reached_by, names);
    let gateway = dir.path().join("gateway");
    let files = TlsFiles {
        ca: gateway.join("node-ca.pem"),
        cert: gateway.join("gateway.pem"),
        key: gateway.join("gateway.key"),
        crl: Some(gateway.join("node-crl.pem")),
    };
    let serving = load(&files).unwrap();
    let der = |file: &str| std::fs::read(dir.path().join(file)).unwrap().into();
    assert!(serving.verify(&[der("nodes/node-1/node.der")]).is_ok());
    assert!(serving.verify(&[der("nodes/node-1/site-ca.der")]).is_err());
    folder.revoke("node-1").unwrap();
    let revoked = load(&files).unwrap().verify(&[der("nodes/node-1/node.der")]);
    let expected = rustls::Error::InvalidCertificate(rustls::CertificateError::Revoked);
    assert_eq!(revoked.unwrap_err(), expected);
}

fn certificates_of(dir: &Path, file: &str) -> Vec<crate::certs::Facts> {
    let all = crate::certs::certificates(crate::certs::Which::Cert, &dir.join(file)).unwrap();
    all.iter().map(|der| facts(der).unwrap()).collect()
}

#[test]
fn keys_are_for_their_owner_and_are_never_overwritten() {
    let (dir, folder) = site();
    folder.node("node-1", None, NODE_DAYS, false).unwrap();
    folder.gateway(&["a".into()], GATEWAY_DAYS, false).unwrap();
    for key in [
        "site-ca.key",
        "node-ca.key",
        "gateway/gateway.key",
        "nodes/node-1/node.key",
        "nodes/node-1/node.key.der",
    ] {
        let mode = std::fs::metadata(dir.path().join(key)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
    let key = dir.path().join("nodes/node-1/node.key");
    let before = std::fs::read(&key).unwrap();
    assert!(matches!(
        Folder::init(dir.path(), "seoul-1", NOW_S),
        Err(IssueError::Exists(_))
    ));
    assert!(matches!(
        folder.node("node-1", None, 9, false),
        Err(IssueError::Exists(_))
    ));
    assert!(matches!(
        folder.gateway(&["a".into()], 9, false),
        Err(IssueError::Exists(_))
    ));
    assert_eq!(std::fs::read(&key).unwrap(), before);
}

#[test]
fn what_was_issued_is_listed_and_can_be_revoked() {
    let (dir, folder) = site();
    folder.node("node-1", None, NODE_DAYS, false).unwrap();
    folder.gateway(&["a".into()], GATEWAY_DAYS, false).unwrap();
    let serial = node_facts(dir.path(), "node-1").serial;
    folder.node("node-1", None, NODE_DAYS, true).unwrap();
    // Both were issued, and both can be revoked.
    let (revoked, _) = folder.revoke(&serial).unwrap();
    assert_eq!(revoked, [serial]);
    assert_eq!(
        folder.revoke("node-1").unwrap().0,
        [node_facts(dir.path(), "node-1").serial]
    );
    assert!(matches!(folder.revoke("node-2"), Err(IssueError::Unknown(_))));
    let listed = folder.list().unwrap();
    let count = |kind: &str, revoked| listed.iter().filter(|l| l.kind == kind && l.revoked == revoked).count();
    assert_eq!(
        (
            count("ca", false),
            count("gateway", false),
            count("node", true),
            count("node", false)
        ),
        (2, 1, 2, 0)
    );
}

/// A request of a node, in PEM and beside it in DER, that asks for more than it may have.
fn request(path: &Path, name: &str, key: &KeyPair) -> PathBuf {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let request = params.serialize_request(key).unwrap();
    std::fs::write(path, request.pem().unwrap()).unwrap();
    std::fs::write(path.with_extension("der"), request.der()).unwrap();
    path.to_owned()
}

#[test]
fn a_request_is_signed_for_the_node_it_names_only() {
    let (dir, folder) = site();
    let request = |name: &str, key: &KeyPair, file: &str| request(&dir.path().join(file), name, key);
    let key = KeyPair::generate().unwrap();
    let own = request("node-7", &key, "own.csr");
    folder.node("node-7", Some(&own), NODE_DAYS, false).unwrap();
    let signed = node_facts(dir.path(), "node-7");
    assert_eq!((signed.for_server, signed.for_client), (false, true));
    assert!(!dir.path().join("nodes/node-7/node.key").exists());
    folder
        .node("node-7", Some(&own.with_extension("der")), NODE_DAYS, true)
        .unwrap();
    let big = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let mut cut = std::fs::read(own.with_extension("der")).unwrap();
    *cut.last_mut().unwrap() ^= 1;
    std::fs::write(dir.path().join("cut.der"), cut).unwrap();
    for (path, says) in [
        (
            request("node-8", &key, "other.csr"),
            "its common name is \"node-8\", not \"node-7\"",
        ),
        (request("node-7", &big, "big.csr"), "its key is not ECDSA on P-256"),
        (dir.path().join("site-ca.pem"), "no certificate request"),
        (dir.path().join("cut.der"), "is refused"),
    ] {
        let refused = folder.node("node-7", Some(&path), NODE_DAYS, true).unwrap_err();
        assert!(refused.to_string().contains(says), "{refused}");
        assert!(
            dir.path().join("nodes/node-7/node.der").exists(),
            "a refusal took what was there"
        );
    }
}

#[test]
fn what_is_no_name_is_refused() {
    let (dir, folder) = site();
    for id in ["", "Node", "a/b", "../x", &"n".repeat(33)] {
        assert!(
            matches!(folder.node(id, None, 9, false), Err(IssueError::Id(_))),
            "{id}"
        );
    }
    for name in ["", "a b", "-x", "300.1.1.1", "a..b", "*.x", &"a".repeat(65)] {
        assert!(
            matches!(folder.gateway(&[name.to_owned()], 9, false), Err(IssueError::Name(_))),
            "{name}"
        );
    }
    let empty = dir.path().join("empty");
    assert!(matches!(Folder::open(&empty, NOW_S), Err(IssueError::NoAuthority(_))));
    assert!(matches!(Folder::init(&empty, "Seoul", NOW_S), Err(IssueError::Id(_))));
}
