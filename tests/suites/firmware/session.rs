//! The node's session where there is no network.

use std::convert::Infallible;
use std::time::Duration;

use embedded_io_adapters::tokio_1::FromTokio;
use muster_node::mqtt::{self, Desk, Dial, Identity, RX_BYTES, TX_BYTES};
use muster_node::{ChannelSpec, Node, NodeSpec};
use muster_wire::Quantity;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// Nobody ever answers.
struct Nowhere;

impl Dial for Nowhere {
    type Stream<'s> = FromTokio<TcpStream>;
    type Error = Infallible;

    async fn dial(&mut self) -> Result<FromTokio<TcpStream>, Infallible> {
        std::future::pending().await
    }

    fn chance(&mut self) -> u32 {
        u32::MAX
    }
}

/// The watchdog is fed only while the session's loop turns. It has to turn through a call that nobody answers, or a cut
/// cable would end in a reset, and what was kept for its end would be lost: a board bites after 8 s.
#[tokio::test]
async fn the_loop_turns_while_nobody_answers() {
    let node = Node::<1, 8>::new(NodeSpec {
        id: "n1",
        boot: 1,
        boot_kept: true,
        simulated: false,
        sample_ms: 1_000,
        heartbeat_ms: 1_000,
        birth: &[],
        channels: [ChannelSpec::every_tick("temperature", Quantity::Temperature)],
    });
    let desk = Desk::new(node.unwrap());
    let (mut rx, mut tx) = (vec![0; RX_BYTES], vec![0; TX_BYTES]);
    let (site, node) = ("s1", "n1");
    let mut nowhere = Nowhere;
    let session = mqtt::run(Identity { site, node }, &desk, &mut nowhere, (&mut rx, &mut tx));
    let watch = async {
        for second in (0..12).step_by(3) {
            sleep(Duration::from_secs(3)).await;
            assert!(desk.has_turned(), "it stood still from {second} s on");
        }
    };
    tokio::select! {
        ended = session => panic!("{:?}", ended.err()),
        () = watch => {}
    }
}
