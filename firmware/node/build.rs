//! Makes tables of the register maps in `hardware/profiles`, for the Modbus master.

fn main() {
    #[cfg(feature = "modbus")]
    maps::write();
}

#[cfg(feature = "modbus")]
#[allow(clippy::expect_used, reason = "a build script may fail loudly")]
#[allow(clippy::panic, reason = "a build script may fail loudly")]
mod maps {
    use std::path::Path;
    use std::{env, fs};

    use muster_profiles::{Block, Device, Encoding, Expect, Profile, Signal, Table, WordOrder, shipped};

    /// The profiles that a board carries: each takes flash, and the master knows no floats, states, modes or SunSpec models.
    const CARRIED: [&str; 3] = ["apc/smart-ups", "generic/battery-monitor", "generic/dry-contacts"];

    /// Longest name of a channel. Bytes (muster-wire, `MAX_ID_BYTES`).
    const NAME_BYTES: usize = 32;

    pub(crate) fn write() {
        let profiles: Vec<Profile> = CARRIED.into_iter().map(carried).collect();
        let most = profiles.iter().map(|p| p.signals.len()).max().unwrap_or(0);
        let maps: String = profiles.iter().map(map).collect();
        let doc = "/// Signals of the largest map.";
        let text = format!("{doc}\npub const MOST_SIGNALS: usize = {most};\nconst MAPS: &[Map] = &[{maps}];\n");
        let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
        fs::write(Path::new(&out).join("maps.rs"), text).expect("OUT_DIR can be written");
        println!("cargo:rerun-if-changed=build.rs");
    }

    fn carried(name: &str) -> Profile {
        let profile = shipped(name)
            .and_then(Device::into_modbus)
            .expect("a shipped profile of registers");
        let plain = |signal: &Signal| signal.states.is_empty() && signal.scale_from.is_none();
        let known = profile.mode.is_none() && profile.sunspec_model.is_none() && profile.signals.iter().all(plain);
        assert!(known, "{name}: the node's master cannot read it");
        profile
    }

    fn map(profile: &Profile) -> String {
        let blocks = profile.blocks(|_| true);
        told_apart(profile, &blocks);
        let canary = profile.canary.as_ref().map_or("None".to_owned(), |canary| {
            let expect = match canary.expect {
                Expect::Value(value) => format!("Value({value})"),
                Expect::Nonzero => "Nonzero".to_owned(),
                Expect::Ascii => "Ascii".to_owned(),
                Expect::Moving { .. } => panic!("{}: the node's master knows no counter that moves", profile.name()),
            };
            format!(
                "Some(Canary {{ read: {}, expect: Expect::{expect} }})",
                read(&canary.block)
            )
        });
        let blocks: String = blocks.iter().map(|b| block(profile, b)).collect();
        let (name, poll, timeout) = (profile.name(), profile.head.min_poll_ms, profile.head.timeout_ms);
        format!(
            "Map {{ name: {name:?}, min_poll_ms: {poll}, timeout_ms: {timeout}, canary: {canary}, blocks: &[{blocks}] }},\n"
        )
    }

    /// An answer says neither its register nor which question it is for. Where no two questions of a map have answers of one
    /// function and length, a late or doubled one can still not pass for that of another register.
    fn told_apart(profile: &Profile, blocks: &[Block]) {
        let reads = blocks.iter().chain(profile.canary.iter().map(|canary| &canary.block));
        let mut shapes: Vec<(Table, u16)> = reads.map(|b| (b.table, answer_bytes(b))).collect();
        shapes.sort();
        let alike = shapes.windows(2).find(|two| two[0] == two[1]);
        assert!(
            alike.is_none(),
            "{}: two reads have answers of one length ({alike:?}): on a serial line they cannot be told apart. Widen one: \
             max_gap, or a signal more",
            profile.name()
        );
    }

    fn answer_bytes(block: &Block) -> u16 {
        if block.table.is_bits() {
            block.count.div_ceil(8)
        } else {
            2 * block.count
        }
    }

    fn read(block: &Block) -> String {
        format!(
            "Read {{ table: Table::{:?}, start: {}, count: {} }}",
            block.table, block.start, block.count
        )
    }

    fn block(profile: &Profile, block: &Block) -> String {
        let inside = |s: &&Signal| {
            let (from, to) = (u32::from(s.address), u32::from(s.address) + u32::from(s.words()));
            let end = u32::from(block.start) + u32::from(block.count);
            s.table == block.table && from >= u32::from(block.start) && to <= end
        };
        let signals: String = profile
            .signals
            .iter()
            .filter(inside)
            .map(|s| signal(profile, block, s))
            .collect();
        format!("Block {{ read: {}, signals: &[{signals}] }},\n", read(block))
    }

    fn signal(profile: &Profile, block: &Block, signal: &Signal) -> String {
        let name = format!("bus-{}", signal.name.replace('_', "-"));
        assert!(
            name.len() <= NAME_BYTES,
            "{}: {name} is longer than a channel's name",
            profile.name()
        );
        let (numerator, denominator) = signal.scale.ratio();
        let (at, encoding) = (signal.address - block.start, encoding(signal.encoding));
        let (sentinels, quantity, invert) = (&signal.sentinels, signal.quantity, signal.invert);
        format!(
            "Signal {{ name: {name:?}, at: {at}, encoding: {encoding}, numerator: {numerator}, denominator: {denominator}, \
             sentinels: &{sentinels:?}, quantity: Quantity::{quantity:?}, invert: {invert} }},\n"
        )
    }

    fn encoding(encoding: Encoding) -> String {
        let low_first = |order| order == WordOrder::Little;
        match encoding {
            Encoding::Single => "Encoding::Bit(0)".to_owned(),
            Encoding::U16 => "Encoding::U16".to_owned(),
            Encoding::I16 => "Encoding::I16".to_owned(),
            Encoding::Bit16(bit) => format!("Encoding::Bit({bit})"),
            Encoding::F32(_) => panic!("the node's master knows no floats"),
            Encoding::U32(order) => format!("Encoding::U32 {{ low_first: {} }}", low_first(order)),
            Encoding::I32(order) => format!("Encoding::I32 {{ low_first: {} }}", low_first(order)),
            Encoding::Bit32(bit, order) => format!("Encoding::Bit32 {{ bit: {bit}, low_first: {} }}", low_first(order)),
        }
    }
}
