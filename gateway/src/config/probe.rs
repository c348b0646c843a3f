//! The command that asks a device of the config by hand: what a person is told to type must reach it as polling does.

use super::{ModbusWay, NutWay, Parity, PollWay, Polled, Port, SnmpAuth, SnmpLogin, SnmpPrivacy, SnmpUser};

impl Polled {
    /// `muster probe …` for this device. Secrets stand in files, whose names are for the person to fill in.
    #[must_use]
    pub fn probe_command(&self) -> String {
        let address = &self.address;
        match &self.way {
            PollWay::Modbus(way) => format!("muster probe {address}{}", of_modbus(way)),
            PollWay::Nut(way) => format!("muster probe {address} --kind nut{}", of_nut(way)),
            PollWay::Snmp(way) => format!("muster probe {address} --kind snmp{}", of_snmp(&way.login)),
        }
    }
}

/// Only what is not as the command would take it anyway.
fn of_modbus(way: &ModbusWay) -> String {
    let mut options = match &way.port {
        Port::Tcp(_) => " --kind modbus".to_owned(),
        Port::RtuOverTcp { baud, .. } => format!(" --baud {baud}"),
        Port::Serial(line) => {
            let parity = match line.parity {
                Parity::None => "none",
                Parity::Even => "even",
                Parity::Odd => "odd",
            };
            let stop_bits = line.stop_bits;
            format!(" --baud {} --parity {parity} --stop-bits {stop_bits}", line.baud)
        }
    };
    if way.unit != 1 {
        options += &format!(" --unit {}", way.unit);
    }
    options
}

fn of_nut(way: &NutWay) -> String {
    way.ca
        .as_ref()
        .map_or_else(String::new, |ca| format!(" --ca {}", ca.display()))
}

fn of_snmp(login: &SnmpLogin) -> String {
    match login {
        SnmpLogin::Community(_) => " --community-file FILE".to_owned(),
        SnmpLogin::User(user) => of_user(user),
    }
}

fn of_user(user: &SnmpUser) -> String {
    let auth = match user.auth {
        SnmpAuth::Sha256 => "",
        SnmpAuth::Sha384 => " --auth sha-384",
        SnmpAuth::Sha512 => " --auth sha-512",
    };
    let privacy = match user.privacy {
        SnmpPrivacy::Aes128 => "",
        SnmpPrivacy::Aes256 => " --privacy aes-256",
        SnmpPrivacy::Aes256Cisco => " --privacy aes-256-cisco",
    };
    format!(
        " --user {}{auth} --auth-file FILE{privacy} --privacy-file FILE",
        user.name
    )
}
