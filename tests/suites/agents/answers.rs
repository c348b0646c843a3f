//! The least of an SNMP v2c agent: it answers every GET from a table. By hand, so that hundreds of them cost next to
//! nothing beside what is measured, and share no decoder with Muster.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::UdpSocket;

const SEQUENCE: u8 = 0x30;
const OID: u8 = 0x06;
const RESPONSE: u8 = 0xA2;
const NO_SUCH_OBJECT: [u8; 2] = [0x80, 0x00];

/// Agents, each on a port of its own, until it is dropped.
pub(super) struct Answers {
    pub(super) ports: Vec<u16>,
    /// Requests answered, of all together.
    pub(super) answered: Arc<AtomicU64>,
    tasks: tokio::task::JoinSet<()>,
}

impl Answers {
    pub(super) async fn start(agents: usize) -> Self {
        let mut answers = Self {
            ports: Vec::new(),
            answered: Arc::default(),
            tasks: tokio::task::JoinSet::new(),
        };
        let table = Arc::new(ups());
        for _ in 0..agents {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            answers.ports.push(socket.local_addr().unwrap().port());
            let (table, answered) = (table.clone(), answers.answered.clone());
            answers.tasks.spawn(async move {
                let mut buffer = [0; 2_048];
                while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
                    let answer = answer(&buffer[..length], &table).expect("Muster asks in BER");
                    answered.fetch_add(1, Ordering::Relaxed);
                    socket.send_to(&answer, client).await.unwrap();
                }
            });
        }
        answers
    }
}

/// A UPS on mains: OID to value, both as BER has them.
fn ups() -> BTreeMap<Vec<u8>, Vec<u8>> {
    let integer = |value: u8| vec![0x02, 1, value];
    let own = |rest: &[u8]| [&[0x2B, 6, 1, 2, 1][..], rest].concat();
    let ups = |rest: &[u8]| own(&[&[33, 1][..], rest].concat());
    BTreeMap::from([
        (own(&[1, 2, 0]), tlv(OID, &[0x2B, 6, 1, 4, 1, 0x84, 0x16, 1])),
        (own(&[1, 3, 0]), vec![0x43, 1, 7]),
        (ups(&[2, 1, 0]), integer(2)),
        (ups(&[2, 3, 0]), integer(30)),
        (ups(&[2, 4, 0]), integer(100)),
        (ups(&[2, 5, 0]), integer(120)),
        (ups(&[2, 6, 0]), integer(0)),
        (ups(&[2, 7, 0]), integer(24)),
        (ups(&[4, 1, 0]), integer(3)),
        (ups(&[4, 4, 1, 5, 1]), integer(40)),
        (ups(&[6, 1, 0]), vec![0x42, 1, 0]),
    ])
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82, length[0], length[1]], content].concat()
}

/// Tag, content, and what follows.
fn take(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, first) = (*bytes.first()?, *bytes.get(1)?);
    let long = usize::from(first & 0x7F);
    let (length, begin) = if first < 0x80 {
        (usize::from(first), 2)
    } else {
        let digits = bytes.get(2..2 + long)?;
        (digits.iter().fold(0, |sum, d| sum << 8 | usize::from(*d)), 2 + long)
    };
    Some((tag, bytes.get(begin..begin + length)?, &bytes[begin + length..]))
}

fn answer(request: &[u8], table: &BTreeMap<Vec<u8>, Vec<u8>>) -> Option<Vec<u8>> {
    let (_, message, _) = take(request)?;
    let (_, _, after_version) = take(message)?;
    let (_, _, after_community) = take(after_version)?;
    let (_, pdu, _) = take(after_community)?;
    let (_, id, rest) = take(pdu)?;
    let (_, _, rest) = take(rest)?;
    let (_, _, rest) = take(rest)?;
    let (_, mut asked, _) = take(rest)?;
    let mut bindings = Vec::new();
    while !asked.is_empty() {
        let (_, binding, more) = take(asked)?;
        let (_, oid, _) = take(binding)?;
        let value = table.get(oid).map_or(&NO_SUCH_OBJECT[..], Vec::as_slice);
        bindings.extend(tlv(SEQUENCE, &[&tlv(OID, oid), value].concat()));
        asked = more;
    }
    let no_error = [0x02, 1, 0];
    let pdu = [&tlv(0x02, id), &no_error[..], &no_error, &tlv(SEQUENCE, &bindings)].concat();
    let head = &message[..message.len() - after_community.len()];
    Some(tlv(SEQUENCE, &[head, &tlv(RESPONSE, &pdu)].concat()))
}
