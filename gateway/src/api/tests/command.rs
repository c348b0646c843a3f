//! `muster order` against the server.

use std::process::ExitCode;

use clap::Parser;
use muster_core::{Verb, Verdict};

use super::stand::{Stand, TOKENS};
use super::story;
use crate::cli::order;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: order::Args,
}

/// A token file of its own for each test.
struct TokenFile(std::path::PathBuf);

impl TokenFile {
    fn with(name: &str, token: &str) -> Self {
        let path = std::env::temp_dir().join(format!("muster-order-{}-{name}", std::process::id()));
        std::fs::write(&path, format!("{token}\n")).unwrap();
        Self(path)
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn muster(words: &[&str]) -> String {
    let args = Command::try_parse_from(words).unwrap().args;
    let code: ExitCode = order::run(args).await;
    format!("{code:?}")
}

fn code(n: u8) -> String {
    format!("{:?}", ExitCode::from(n))
}

#[tokio::test]
async fn an_order_arrives_and_its_verdict_is_the_exit_code() {
    let mut stand = Stand::with(story::normal).await;
    let (file, url) = (TokenFile::with("good", TOKENS[1]), stand.url(""));
    let token = file.0.to_str().unwrap();
    for (verdict, exit) in [(Verdict::Taken, 0), (Verdict::Pending, 75), (Verdict::Refused, 1)] {
        let words = ["muster", "evacuate", "--url", &url, "--token-file", token];
        let (exited, asked) = tokio::join!(muster(&words), Stand::answer_one(&mut stand.ends, verdict));
        assert_eq!(asked, ("ben".to_owned(), Verb::Evacuate));
        assert_eq!(exited, code(exit), "{verdict}");
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_apart() {
    let stand = Stand::with(story::normal).await;
    let url = stand.url("");
    let (good, bad) = (TokenFile::with("own", TOKENS[0]), TokenFile::with("bad", "guess"));
    let (good, bad) = (good.0.to_str().unwrap(), bad.0.to_str().unwrap());
    assert_eq!(
        muster(&["muster", "hold", "--url", &url, "--token-file", bad]).await,
        code(1)
    );
    assert_eq!(
        muster(&["muster", "cut", "--url", &url, "--token-file", good]).await,
        code(64)
    );
    let soon = ["muster", "cut", "--at", "soon", "--url", &url, "--token-file", good];
    assert_eq!(muster(&soon).await, code(64));
    let nobody = ["muster", "hold", "--url", "http://127.0.0.1:1", "--token-file", good];
    assert_eq!(muster(&nobody).await, code(69));
    assert_eq!(muster(&["muster", "token"]).await, code(64));
    assert_eq!(muster(&["muster", "token", "--id", "ann"]).await, code(0));
}
