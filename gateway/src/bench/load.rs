//! Other nodes' traffic: raw sockets, MQTT 3.1.1, QoS 1, packs made once and renumbered in place.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use muster_wire::senml::{PackWriter, Record, Value};
use muster_wire::{Mark, Micro};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::SITE;

/// A broker that does not answer for this long has failed the measurement.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Messages of one write.
const A_WRITE: u64 = 16;
/// Messages under way a connection; beyond it, acknowledgements are waited for.
const UNDER_WAY: u64 = 96;
/// Above this a number always takes nine bytes of CBOR, so that it can be renewed in place.
const FIRST_SEQ: u64 = 1 << 32;

/// One message, to be sent again and again with new numbers.
pub(super) struct Template {
    node: String,
    frame: Vec<u8>,
    packet_id_at: usize,
    /// Where the pack's number stands; only Muster looks at one.
    seq_at: Option<usize>,
    seq: u64,
    packet_id: u16,
}

impl Template {
    /// A `data` pack of `node` with readings of `c0`, `c1`, … that no limit minds.
    pub(super) fn pack(node: &str, readings: usize) -> Option<Self> {
        let mut buffer = [0; 4096];
        let payload = pack(&mut buffer, node, FIRST_SEQ, readings)?;
        let number = FIRST_SEQ.to_be_bytes();
        let seq_in_it = payload.windows(8).position(|eight| eight == number)?;
        let mut message = Self::new(node, payload)?;
        message.seq_at = Some(message.packet_id_at + 2 + seq_in_it);
        Some(message)
    }

    /// The same readings as JSON, for what reads no CBOR.
    pub(super) fn json(node: &str, readings: usize) -> Option<Self> {
        let reading = |channel: usize| format!(r#"{{"n":"c{channel}","u":"Cel","v":21.{}}}"#, channel % 10);
        let readings: Vec<String> = (0..readings).map(reading).collect();
        let payload = format!(r#"[{{"bn":"{node}:"}},{}]"#, readings.join(","));
        Self::new(node, payload.as_bytes())
    }

    fn new(node: &str, payload: &[u8]) -> Option<Self> {
        let topic = format!("muster/v1/{SITE}/{node}/data");
        let mut frame = vec![0x32];
        put_length(&mut frame, 2 + topic.len() + 2 + payload.len());
        frame.extend(u16::try_from(topic.len()).ok()?.to_be_bytes());
        frame.extend(topic.as_bytes());
        let packet_id_at = frame.len();
        frame.extend([0, 0]);
        frame.extend(payload);
        Some(Self {
            node: node.to_owned(),
            frame,
            packet_id_at,
            seq_at: None,
            seq: FIRST_SEQ,
            packet_id: 0,
        })
    }

    fn append_to(&mut self, out: &mut Vec<u8>) {
        self.packet_id = self.packet_id.checked_add(1).unwrap_or(1);
        self.frame[self.packet_id_at..self.packet_id_at + 2].copy_from_slice(&self.packet_id.to_be_bytes());
        if let Some(at) = self.seq_at {
            self.seq += 1;
            self.frame[at..at + 8].copy_from_slice(&self.seq.to_be_bytes());
        }
        out.extend_from_slice(&self.frame);
    }
}

/// A pack of temperatures about 21 °C with one decimal, as a room has them.
pub(super) fn pack<'b>(buffer: &'b mut [u8], node: &str, seq: u64, readings: usize) -> Option<&'b [u8]> {
    let mut pack = PackWriter::new(buffer, node, Mark { boot: 1, seq }, false).ok()?;
    for (channel, tenth) in (0..readings).zip((0..10_i64).cycle()) {
        let record = Record {
            name: &format!("c{channel}"),
            value: Value::Micro(Micro(21_000_000 + tenth * 100_000)),
            age_ms: 0,
            unit: None,
        };
        pack.push(&record).ok()?;
    }
    Some(pack.finish())
}

/// The remaining length of an MQTT packet, seven bits a byte.
fn put_length(frame: &mut Vec<u8>, mut length: usize) {
    loop {
        let low = (length & 0x7f) as u8;
        length >>= 7;
        frame.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            return;
        }
    }
}

/// One node's connection.
pub(super) struct Connection {
    stream: TcpStream,
    template: Template,
    out: Vec<u8>,
    acks: Vec<u8>,
    /// Messages sent.
    pub(super) sent: u64,
    /// Messages acknowledged.
    pub(super) acked: u64,
}

impl Connection {
    /// Connects the node that sends this message.
    pub(super) async fn open(broker: SocketAddr, template: Option<Template>) -> io::Result<Self> {
        let template = template.ok_or_else(|| io::Error::other("the pack is too large"))?;
        let node = &template.node;
        let connect = async {
            let mut stream = TcpStream::connect(broker).await?;
            stream.set_nodelay(true)?;
            let mut frame = vec![0x10];
            put_length(&mut frame, 10 + 2 + node.len());
            // MQTT 3.1.1, clean session, keep-alive 60 s.
            frame.extend([0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, node.len() as u8]);
            frame.extend(node.as_bytes());
            stream.write_all(&frame).await?;
            let mut answer = [0; 4];
            stream.read_exact(&mut answer).await?;
            if answer != [0x20, 2, 0, 0] {
                return Err(io::Error::other(format!("{node} was refused: {answer:?}")));
            }
            Ok(stream)
        };
        let stream = tokio::time::timeout(ANSWER_WITHIN, connect).await??;
        Ok(Self {
            stream,
            template,
            out: Vec::new(),
            acks: Vec::with_capacity(4096),
            sent: 0,
            acked: 0,
        })
    }

    /// Sends so many packs in one write, and takes whatever acknowledgements there are.
    pub(super) async fn send(&mut self, packs: u64) -> io::Result<()> {
        self.out.clear();
        for _ in 0..packs {
            self.template.append_to(&mut self.out);
        }
        tokio::time::timeout(ANSWER_WITHIN, self.stream.write_all(&self.out)).await??;
        self.sent += packs;
        match self.stream.try_read_buf(&mut self.acks) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => self.count()?,
            Err(nothing) if nothing.kind() == io::ErrorKind::WouldBlock => {}
            Err(broken) => return Err(broken),
        }
        Ok(())
    }

    /// Sends as fast as acknowledgements come in, while `go_on` says so; then waits for the last of them.
    pub(super) async fn flood(&mut self, go_on: impl Fn() -> bool) -> io::Result<()> {
        while go_on() {
            self.send(A_WRITE).await?;
            while self.sent - self.acked > UNDER_WAY - A_WRITE {
                self.hear().await?;
            }
        }
        self.finish().await
    }

    /// Waits until everything sent has been acknowledged.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        while self.acked < self.sent {
            self.hear().await?;
        }
        Ok(())
    }

    async fn hear(&mut self) -> io::Result<()> {
        let read = tokio::time::timeout(ANSWER_WITHIN, self.stream.read_buf(&mut self.acks)).await??;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.count()
    }

    /// Counts whole PUBACKs; anything else is not for a node that has subscribed to nothing.
    fn count(&mut self) -> io::Result<()> {
        let whole = self.acks.len() / 4 * 4;
        for ack in self.acks.drain(..whole).as_slice().chunks_exact(4) {
            if ack[..2] != [0x40, 2] {
                return Err(io::Error::other(format!("not an acknowledgement: {ack:?}")));
            }
            self.acked += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {

    use muster_wire::senml::Pack;

    use super::*;

    #[test]
    fn every_message_is_a_pack_with_a_number_of_its_own() {
        let mut template = Template::pack("load-1", 64).unwrap();
        let (mut first, mut second) = (Vec::new(), Vec::new());
        template.append_to(&mut first);
        template.append_to(&mut second);
        let payload_at = template.packet_id_at + 2;
        for (message, seq) in [(&first, FIRST_SEQ + 1), (&second, FIRST_SEQ + 2)] {
            let pack = Pack::parse(&message[payload_at..]).unwrap();
            assert_eq!(pack.header().mark, Some(Mark { boot: 1, seq }));
            assert_eq!(pack.records().filter(Result::is_ok).count(), 64);
        }
        assert_ne!(
            first[template.packet_id_at..payload_at],
            second[template.packet_id_at..payload_at]
        );
    }

    #[test]
    fn json_is_json_with_a_packet_number_of_its_own() {
        let mut template = Template::json("load-1", 10).unwrap();
        let (mut first, mut second) = (Vec::new(), Vec::new());
        template.append_to(&mut first);
        template.append_to(&mut second);
        let payload_at = template.packet_id_at + 2;
        let pack: serde_json::Value = serde_json::from_slice(&first[payload_at..]).unwrap();
        assert_eq!(pack.as_array().map(Vec::len), Some(11));
        assert_eq!(first[payload_at..], second[payload_at..]);
        assert_ne!(first, second);
    }

    #[test]
    fn no_packet_has_the_number_nought() {
        let mut template = Template::pack("load-1", 1).unwrap();
        template.packet_id = u16::MAX;
        template.append_to(&mut Vec::new());
        assert_eq!(template.packet_id, 1);
    }

    #[test]
    fn lengths_take_seven_bits_a_byte() {
        for (length, bytes) in [
            (0, vec![0]),
            (127, vec![127]),
            (128, vec![0x80, 1]),
            (16_384, vec![0x80, 0x80, 1]),
        ] {
            let mut frame = Vec::new();
            put_length(&mut frame, length);
            assert_eq!(frame, bytes);
        }
    }
}
