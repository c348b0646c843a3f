//! STARTTLS as far as no proper upsd goes; the rest is shown with a real one.

use super::peer::{Act, Peer, SOUND};
use super::{poll, source};
use crate::sources::ear::Heard;

/// Why a UPS with a `ca` is lost after upsd did this, and what upsd was asked for in all.
async fn lost_after(act: Act) -> (String, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&ca, made.cert.pem()).unwrap();
    let peer = Peer::start(vec![act]).await;
    let mut source = source(&peer.address, &["on_battery"]);
    source.way.ca = Some(ca);
    let mut bench = poll(source);
    let heard = bench.hear().await;
    let Heard::Lost(why) = heard else {
        unreachable!("{heard:?}")
    };
    assert_eq!(bench.counted(), [("nut_tls", 1)], "{why}");
    let asked = peer.state.asked.lock().unwrap().clone();
    (why, asked)
}

#[tokio::test]
async fn who_does_not_encrypt_is_not_read_in_plain() {
    for (act, words) in [
        (Act::say("ERR FEATURE-NOT-CONFIGURED\n"), "give it a certificate"),
        (Act::say("ERR UNKNOWN-COMMAND\n"), "UNKNOWN-COMMAND"),
        (Act::say("OK STARTTLS\nOK Goodbye\n"), "somebody on the way may have"),
        (
            Act::say(&format!("OK STARTTLS\n{SOUND}")),
            "somebody on the way may have",
        ),
        (Act::SayAndClose(b"OK STARTTLS\n".to_vec()), "TLS failed"),
    ] {
        let (why, asked) = lost_after(act).await;
        assert!(why.contains(words), "{why}");
        assert_eq!(asked, ["STARTTLS"], "{why}");
    }
}
