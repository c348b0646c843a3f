//! A listener to a gateway's events, as a program would write it.

use serde_json::Value;
use tokio::time::timeout;

use super::talk::{Api, SOON, client};

/// One event of a stream: its name (empty for a line), its id if it has one, its data.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) name: String,
    pub(crate) id: Option<i64>,
    pub(crate) data: Value,
}

/// A stream being read.
pub(crate) struct Listener {
    response: reqwest::Response,
    text: String,
    /// It did not end in order.
    pub(crate) broken: bool,
}

impl Listener {
    /// Listens behind an id.
    pub(crate) async fn after(api: &Api, path: &str, id: i64) -> Self {
        let request = client()
            .get(format!("{}{path}", api.base()))
            .header("last-event-id", id);
        let response = request.timeout(4 * SOON).send().await.unwrap();
        assert_eq!(response.status(), 200);
        Self {
            response,
            text: String::new(),
            broken: false,
        }
    }

    /// The next event; none when the stream has ended or broken.
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let heard = parse(block);
                self.text = rest.to_owned();
                if heard.is_some() {
                    return heard;
                }
            }
            let chunk = timeout(SOON, self.response.chunk()).await.expect("a silent stream");
            self.broken |= chunk.is_err();
            self.text.push_str(std::str::from_utf8(&chunk.ok()??).unwrap());
        }
    }

    /// Everything up to and with the first line that satisfies something.
    pub(crate) async fn until(&mut self, holds: impl Fn(&Heard) -> bool) -> Vec<Heard> {
        let mut all = Vec::new();
        loop {
            let heard = self.next().await.expect("the stream ended");
            let found = holds(&heard);
            all.push(heard);
            if found {
                return all;
            }
        }
    }
}

fn parse(block: &str) -> Option<Heard> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    let data = field("data: ")?;
    Some(Heard {
        name: field("event: ").unwrap_or_default().to_owned(),
        id: field("id: ").map(|id| id.parse().unwrap()),
        data: serde_json::from_str(data).unwrap(),
    })
}
