//! Makes tables of the register maps in `hardware/profiles`, for the Modbus master.

fn main() -> Result<(), String> {
    #[cfg(feature = "modbus")]
    maps::write()?;
    Ok(())
}

#[cfg(feature = "modbus")]
mod maps {
    use std::path::Path;
    use std::{env, fs};

    use muster_profiles::{Block, Device, Encoding, Expect, Profile, Signal, Table, WordOrder, shipped};

    /// The profiles that a board carries: each takes flash, and the master knows no floats, states, modes or SunSpec models.
    const CARRIED: [&str; 3] = ["apc/smart-ups", "generic/battery-monitor", "generic/dry-contacts"];

    /// Longest name of a channel. Bytes (muster-wire, `MAX_ID_BYTES`).
    const NAME_BYTES: usize = 32;

    /// Writes them where cargo wants it; the error says which profile cannot be carried, and why.
    pub(crate) fn write() -> Result<(), String> {
        let profiles: Vec<Profile> = CARRIED.into_iter().map(carried).collect::<Result<_, _>>()?;
        let most = profiles.iter().map(|p| p.signals.len()).max().unwrap_or(0);
        let maps: String = profiles.iter().map(map).collect::<Result<_, _>>()?;
        let doc = "/// Signals of the largest map.";
        let text = format!("{doc}\npub const MOST_SIGNALS: usize = {most};\nconst MAPS: &[Map] = &[{maps}];\n");
        let out = env::var_os("OUT_DIR").ok_or("cargo sets no OUT_DIR")?;
        let file = Path::new(&out).join("maps.rs");
        fs::write(&file, text).map_err(|why| format!("{}: {why}", file.display()))?;
        println!("cargo:rerun-if-changed=build.rs");
        Ok(())
    }

    fn carried(name: &str) -> Result<Profile, String> {
        let profile = shipped(name).and_then(Device::into_modbus);
        let profile = profile.ok_or_else(|| format!("{name}: no shipped profile of registers"))?;
        let plain =
            |signal: &Signal| signal.states.is_empty() && signal.none_of.is_empty() && signal.scale_from.is_none();
        let known = profile.mode.is_none() && profile.sunspec_model.is_none() && profile.signals.iter().all(plain);
        if known {
            Ok(profile)
        } else {
            Err(cannot(
                &profile,
                "the node's master knows no states, modes or SunSpec models",
            ))
        }
    }

    fn cannot(profile: &Profile, why: &str) -> String {
        format!("{}: {why}", profile.name())
    }

    fn map(profile: &Profile) -> Result<String, String> {
        let blocks = profile.blocks(|_| true);
        told_apart(profile, &blocks)?;
        let canary = canary(profile)?;
        let blocks: String = blocks.iter().map(|b| block(profile, b)).collect::<Result<_, _>>()?;
        let (name, poll, timeout) = (profile.name(), profile.head.min_poll_ms, profile.head.timeout_ms);
        Ok(format!(
            "Map {{ name: {name:?}, min_poll_ms: {poll}, timeout_ms: {timeout}, canary: {canary}, blocks: &[{blocks}] }},\n"
        ))
    }

    fn canary(profile: &Profile) -> Result<String, String> {
        let Some(canary) = &profile.canary else {
            return Ok("None".to_owned());
        };
        let expect = match canary.expect {
            Expect::Value(value) => format!("Value({value})"),
            Expect::Nonzero => "Nonzero".to_owned(),
            Expect::Ascii => "Ascii".to_owned(),
            Expect::Moving { .. } => return Err(cannot(profile, "the node's master knows no counter that moves")),
        };
        let read = read(&canary.block);
        Ok(format!("Some(Canary {{ read: {read}, expect: Expect::{expect} }})"))
    }

    /// An answer says neither its register nor which question it is for. Where no two questions of a map have answers of one
    /// function and length, a late or doubled one can still not pass for that of another register.
    fn told_apart(profile: &Profile, blocks: &[Block]) -> Result<(), String> {
        let reads = blocks.iter().chain(profile.canary.iter().map(|canary| &canary.block));
        let mut shapes: Vec<(Table, u16)> = reads.map(|b| (b.table, answer_bytes(b))).collect();
        shapes.sort();
        let Some(alike) = shapes.windows(2).find(|two| two[0] == two[1]) else {
            return Ok(());
        };
        let why = format!(
            "two reads have answers of one length ({alike:?}): on a serial line they cannot be told apart. Widen one: \
             max_gap, or a signal more"
        );
        Err(cannot(profile, &why))
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

    fn block(profile: &Profile, block: &Block) -> Result<String, String> {
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
            .collect::<Result<_, _>>()?;
        Ok(format!("Block {{ read: {}, signals: &[{signals}] }},\n", read(block)))
    }

    fn signal(profile: &Profile, block: &Block, signal: &Signal) -> Result<String, String> {
        let name = format!("bus-{}", signal.name.replace('_', "-"));
        if name.len() > NAME_BYTES {
            return Err(cannot(profile, &format!("{name} is longer than a channel's name")));
        }
        let encoding = encoding(signal.encoding)
            .ok_or_else(|| cannot(profile, "the node's master knows no floats and no pairs"))?;
        let (numerator, denominator) = signal.scale.ratio();
        let at = signal.address - block.start;
        let (sentinels, quantity, invert) = (&signal.sentinels, signal.quantity, signal.invert);
        Ok(format!(
            "Signal {{ name: {name:?}, at: {at}, encoding: {encoding}, numerator: {numerator}, denominator: {denominator}, \
             sentinels: &{sentinels:?}, quantity: Quantity::{quantity:?}, invert: {invert} }},\n"
        ))
    }

    /// In the words of the node's decoder; none for what it does not know.
    fn encoding(encoding: Encoding) -> Option<String> {
        let low_first = |order| order == WordOrder::Little;
        Some(match encoding {
            Encoding::Single => "Encoding::Bit(0)".to_owned(),
            Encoding::U16 => "Encoding::U16".to_owned(),
            Encoding::I16 => "Encoding::I16".to_owned(),
            Encoding::Bit16(bit) => format!("Encoding::Bit({bit})"),
            Encoding::F32(_) | Encoding::Pair => return None,
            Encoding::U32(order) => format!("Encoding::U32 {{ low_first: {} }}", low_first(order)),
            Encoding::I32(order) => format!("Encoding::I32 {{ low_first: {} }}", low_first(order)),
            Encoding::Bit32(bit, order) => format!("Encoding::Bit32 {{ bit: {bit}, low_first: {} }}", low_first(order)),
        })
    }
}
