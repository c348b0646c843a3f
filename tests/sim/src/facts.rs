//! What really happened, to be printed beside what the simulation shows.

/// One line of an incident on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Seconds after the first sign.
    pub at_s: i64,
    /// What happened.
    pub what: &'static str,
    /// Who says so.
    pub source: &'static str,
}

/// When the first service was lost, seconds after the first sign.
pub const FIRST_LOSS_S: i64 = 480;

/// SK C&C data centre, Pangyo, 15 October 2022; the first sign was at 15:19 local time.
pub const PANGYO_2022: &[Fact] = &[
    Fact {
        at_s: 0,
        what: "15:19 a module of a Li-ion rack in basement 3 sparks; the BMS had shown nothing; gas is released at once",
        source: "Hankook Ilbo A2022102110280003211; Asia Economy 2022120709582094597",
    },
    Fact {
        at_s: 4 * 60,
        what: "15:23 the operator's staff run to the tenants' office and tell people to leave (the operator's account)",
        source: "Hankyung 202210214035Y; ZDNet Korea 20221021112828",
    },
    Fact {
        at_s: FIRST_LOSS_S,
        what: "15:27 the first services fail: heat has stopped UPSes beside the rack",
        source: "Asia Economy 2022120617005702233; Newsis NISI20221206_0001146698",
    },
    Fact {
        at_s: 14 * 60,
        what: "15:33 first call to the fire service, after a guard walked down to see whether the alarm was real",
        source: "KBS News 5580821",
    },
    Fact {
        at_s: 16 * 60,
        what: "15:35 the first tenant phones in because its servers are down",
        source: "Hankyung 202210214035Y; ZDNet Korea 20221021112828",
    },
    Fact {
        at_s: 19 * 60,
        what: "15:38 the fire crew arrives",
        source: "KFPA webzine 202304",
    },
    Fact {
        at_s: 44 * 60,
        what: "16:03 the main tenant learns that it is a fire (its own account); about 16,000 of 32,000 servers are down",
        source: "Korea JoongAng Daily",
    },
    Fact {
        at_s: 81 * 60,
        what: "16:40 the fire service says that it needs water; tenants are told at 16:42 and 16:43",
        source: "ZDNet Korea 20221021112828; ETNews 20221021000130",
    },
    Fact {
        at_s: 93 * 60,
        what: "16:52 the whole building's supply is cut; the UPSes carry load about 30 minutes more (the operator's account)",
        source: "Hankyung 202210214035Y; ETNews 20221021000130",
    },
    Fact {
        at_s: 506 * 60,
        what: "23:45 the fire is out",
        source: "KFPA webzine 202304",
    },
    Fact {
        at_s: FIRST_LOSS_S + (127 * 60 + 33) * 60,
        what: "20 October, 23:00, the last service is back: 127 h 33 min of outage",
        source: "Asia Economy 2022120617005702233",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_in_order_and_sourced() {
        assert!(PANGYO_2022.windows(2).all(|pair| pair[0].at_s < pair[1].at_s));
        assert!(PANGYO_2022.iter().all(|f| !f.what.is_empty() && !f.source.is_empty()));
        assert!(PANGYO_2022.iter().any(|f| f.at_s == FIRST_LOSS_S));
    }
}
