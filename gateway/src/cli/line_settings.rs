//! Settings of a serial line, for the commands that are given an address.

use crate::config::{Parity, Port};

/// Settings of a serial line.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct LineSettings {
    /// Serial line: bits a second [default: 19200]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1_200..=115_200))]
    baud: Option<u32>,
    /// Serial line: parity [default: even]
    #[arg(long, value_enum)]
    parity: Option<ParityWord>,
    /// Serial line: stop bits [default: 1]
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=2))]
    stop_bits: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ParityWord {
    None,
    Even,
    Odd,
}

impl LineSettings {
    /// The port at an address, with these settings.
    pub(super) fn port(&self, address: &str) -> Result<Port, String> {
        let port = Port::parse(address).ok_or_else(|| {
            format!("`{address}` is no address: HOST:PORT, /dev/ttyUSB0, or rtu-over-tcp://HOST:PORT")
        })?;
        let parity = self.parity.map(|word| match word {
            ParityWord::None => Parity::None,
            ParityWord::Even => Parity::Even,
            ParityWord::Odd => Parity::Odd,
        });
        Ok(port.with(self.baud, parity, self.stop_bits))
    }

    /// Those that were given, as lines of `[[source]]`.
    pub(super) fn keys(&self) -> Vec<(&'static str, toml::Value)> {
        let parity = self.parity.map(|word| match word {
            ParityWord::None => "none",
            ParityWord::Even => "even",
            ParityWord::Odd => "odd",
        });
        let baud = self.baud.map(|baud| ("baud", i64::from(baud).into()));
        let parity = parity.map(|word| ("parity", word.into()));
        let stop_bits = self.stop_bits.map(|bits| ("stop_bits", i64::from(bits).into()));
        [baud, parity, stop_bits].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_reaches_the_line_and_the_config() {
        let settings = LineSettings {
            baud: Some(9_600),
            parity: Some(ParityWord::None),
            stop_bits: None,
        };
        let Port::Serial(line) = settings.port("/dev/ttyS1").unwrap() else {
            unreachable!()
        };
        assert_eq!((line.baud, line.parity, line.stop_bits), (9_600, Parity::None, 1));
        let keys: Vec<String> = settings
            .keys()
            .iter()
            .map(|(key, value)| format!("{key} = {value}"))
            .collect();
        assert_eq!(keys, ["baud = 9600", "parity = \"none\""]);
        assert!(settings.port("nowhere").is_err());
    }
}
