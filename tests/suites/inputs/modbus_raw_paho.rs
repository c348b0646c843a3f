//! Devices that misbehave as no Modbus server can. Whatever they say, they say that there is a fire.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;
use tokio::time::sleep;

use super::peers::Canary;
use crate::stand::{Room, Stand};

/// What is wrong with a device, and what it is counted as.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Late,
    Silent,
    Short,
    Long,
    Cut,
    Garbage,
    WrongUnit,
    WrongTransaction,
    WrongFunction,
    Exception,
    Closes,
}

/// Later than the profile's time-out of 500 ms, and sooner than a second one.
const LATE: Duration = Duration::from_millis(800);

impl Fault {
    const ALL: [(Self, &str); 11] = [
        (Self::Late, "modbus_timeout"),
        (Self::Silent, "modbus_timeout"),
        (Self::Short, "modbus_short"),
        (Self::Long, "modbus_short"),
        (Self::Cut, "modbus_timeout"),
        (Self::Garbage, "modbus_"),
        (Self::WrongUnit, "modbus_header"),
        (Self::WrongTransaction, "modbus_header"),
        (Self::WrongFunction, "modbus_header"),
        (Self::Exception, "modbus_exception"),
        (Self::Closes, "modbus_connect"),
    ];

    /// The bytes for a request for one discrete input; the answer says that it is closed.
    fn answer(self, asked: [u8; 12]) -> Vec<u8> {
        let body: &[u8] = match self {
            Self::Silent | Self::Closes => return Vec::new(),
            Self::Garbage => return vec![0xA5; 64],
            Self::Short => &[2, 0],
            Self::Long => &[2, 4, 1, 1, 1, 1],
            Self::WrongFunction => &[1, 1, 1],
            Self::Exception => &[0x82, 4],
            _ => &[2, 1, 1],
        };
        let mut bytes = vec![asked[0], asked[1], 0, 0, 0, body.len() as u8 + 1, asked[6]];
        bytes.extend(body);
        match self {
            Self::WrongUnit => bytes[6] ^= 3,
            Self::WrongTransaction => bytes[1] ^= 1,
            Self::Cut => bytes.truncate(8),
            _ => {}
        }
        bytes
    }
}

/// A device with a fault; none answers well, and says that there is no fire.
async fn device(fault: Option<Fault>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that hangs up ends the conversation: that is what most of these want.
            tokio::spawn(async move { converse(stream, fault).await.ok() });
        }
    });
    address
}

async fn converse(mut stream: TcpStream, fault: Option<Fault>) -> std::io::Result<()> {
    loop {
        let mut asked = [0; 12];
        stream.read_exact(&mut asked).await?;
        let Some(fault) = fault else {
            stream
                .write_all(&[asked[0], asked[1], 0, 0, 0, 4, asked[6], 2, 1, 0])
                .await?;
            continue;
        };
        if matches!(fault, Fault::Late) {
            sleep(LATE).await;
        }
        stream.write_all(&fault.answer(asked)).await?;
        if matches!(fault, Fault::Closes) {
            return Ok(());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_misbehaving_device_is_counted_is_trouble_and_decides_nothing() {
    // All at once: most of each is waiting for time-outs.
    let all = LocalSet::new();
    let mut tests = Vec::new();
    for (fault, cause) in Fault::ALL {
        tests.push(all.spawn_local(misbehave(fault, cause)));
    }
    all.await;
    for test in tests {
        test.await.unwrap();
    }
}

async fn misbehave(fault: Fault, cause: &'static str) {
    let room = Room::with(&[Canary::ID, "node-1"])
        .contacts("bad", &device(Some(fault)).await)
        .contacts("good", &device(None).await);
    let stand = Stand::start(room).await;
    let mut canary = Canary::connect(stand.mqtt()).await;
    if cause == "modbus_" {
        // Noise: which check catches it is a matter of the bytes.
        stand
            .until("trouble of noise", |v| {
                v.troubles.iter().any(|t| t.subject.starts_with("bad"))
            })
            .await;
    } else {
        stand.api.until_count(cause, 3).await;
    }
    let dropped = stand.api.dropped().await;
    assert!(
        dropped.iter().all(|(c, _)| c.starts_with(cause)) && !dropped.is_empty(),
        "{fault:?}: {dropped:?}"
    );
    stand
        .until("trouble", |v| v.troubles.iter().any(|t| t.subject.starts_with("bad")))
        .await;
    let bad = stand.api.channel("bad.in1").await;
    assert!(bad.value.is_none() && !bad.alarm, "{fault:?}: {bad:?}");
    let good = stand.api.channel("good.in1").await;
    let fresh = good.quality == "good" && good.age_ms.is_some_and(|ms| ms < 2_000);
    assert!(fresh, "{fault:?} disturbs another: {good:?}");
    canary.alone_votes(&stand, &format!("{fault:?}")).await;
}
