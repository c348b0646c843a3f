//! QEMU's monitor (QMP): a hand on the board.

use std::path::Path;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use super::{BoardError, ORDER_WITHIN, socket};

#[derive(Debug)]
pub(super) struct Hand {
    answers: Lines<BufReader<OwnedReadHalf>>,
    orders: OwnedWriteHalf,
}

impl Hand {
    pub(super) async fn on(monitor: &Path) -> Result<Self, BoardError> {
        let (read, orders) = socket(monitor).await.into_split();
        let answers = BufReader::new(read).lines();
        let mut hand = Self { answers, orders };
        hand.order("qmp_capabilities", json!({})).await?;
        Ok(hand)
    }

    /// Degrees Celsius at the board's own sensor, a tmp105.
    pub(super) async fn temperature(&mut self, celsius: f64) -> Result<(), BoardError> {
        let milli = (celsius * 1_000.0) as i64;
        let arguments = json!({"path": "/machine/peripheral/t0", "property": "temperature", "value": milli});
        self.order("qom-set", arguments).await
    }

    pub(super) async fn link(&mut self, up: bool) -> Result<(), BoardError> {
        self.order("set_link", json!({"name": "n0", "up": up})).await
    }

    /// The processor stands still; the host's end of its connections stays.
    pub(super) async fn stop(&mut self) -> Result<(), BoardError> {
        self.order("stop", json!({})).await
    }

    /// Gives an order and waits until it has been carried out.
    async fn order(&mut self, order: &'static str, arguments: Value) -> Result<(), BoardError> {
        let message = json!({"execute": order, "arguments": arguments}).to_string();
        let done = timeout(ORDER_WITHIN, self.carry_out(&message)).await;
        let why = match done {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(why)) => why,
            Err(_) => format!("no answer within {ORDER_WITHIN:?}"),
        };
        Err(BoardError::Order { order, why })
    }

    async fn carry_out(&mut self, message: &str) -> Result<(), String> {
        let gone = |error: std::io::Error| error.to_string();
        self.orders.write_all(message.as_bytes()).await.map_err(gone)?;
        loop {
            let line = self.answers.next_line().await.map_err(gone)?.ok_or("it is gone")?;
            let answer: Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
            if !answer["error"].is_null() {
                return Err(answer["error"]["desc"].to_string());
            }
            // Anything else is an event, or the greeting.
            if !answer["return"].is_null() {
                return Ok(());
            }
        }
    }
}
