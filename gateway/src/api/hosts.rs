//! What an evacuation does to hosts that ask Muster as a UPS: whoever orders one has to know that machines are shut down.

use std::collections::BTreeMap;

use muster_core::{HostsView, View};

use crate::lines;

/// UPSes that are named in a line.
const NAMED: usize = 8;

/// Who is logged in at the moment, by the name of the UPS; none where that is not known.
pub(crate) type Logins = BTreeMap<String, usize>;

/// One line where an evacuation shuts hosts down: how many, when, and in which order. None of a disarmed site, whose hosts are
/// never told to go, and none once all have been told. `whole`: by a person's order, which is of the whole site; else only
/// those go that lose their power.
pub(crate) fn line(view: &View, logins: Option<&Logins>, whole: bool) -> Option<String> {
    let mut stay: Vec<&HostsView> = view.hosts.iter().filter(|hosts| hosts.since.is_none()).collect();
    if !view.armed || stay.is_empty() {
        return None;
    }
    // Where power ends before all is safe, whoever takes longest goes first.
    stay.sort_by_key(|hosts| std::cmp::Reverse(hosts.last_ms));
    let named: Vec<String> = stay.iter().take(NAMED).map(|hosts| one(hosts, logins)).collect();
    let more = match stay.len() - named.len() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let which = if whole {
        "HOSTS WILL BE SHUT DOWN"
    } else {
        "In an evacuation HOSTS THAT LOSE THEIR POWER ARE SHUT DOWN"
    };
    Some(format!(
        "{which} through NUT, last of all, once the workloads are safe{}. Where the power ends before that, in \
         this order: {}{more}. Who is not logged in is not told.",
        counted(&stay, logins),
        named.join(", ")
    ))
}

/// Once they have been told.
pub(crate) fn told(view: &View) -> Option<String> {
    let told: Vec<&str> = view
        .hosts
        .iter()
        .filter(|h| h.since.is_some())
        .map(|h| h.id.as_str())
        .collect();
    let named = lines::some_of(&told, NAMED);
    (!told.is_empty()).then(|| format!("Hosts have been told to shut down: those of {named}."))
}

fn counted(stay: &[&HostsView], logins: Option<&Logins>) -> String {
    let Some(logins) = logins else { return String::new() };
    let all: usize = stay.iter().filter_map(|hosts| logins.get(&hosts.id)).sum();
    match all {
        0 => ": nobody is logged in now".to_owned(),
        n => format!(": {n} logged in now"),
    }
}

fn one(hosts: &HostsView, logins: Option<&Logins>) -> String {
    let place = hosts
        .rack
        .as_ref()
        .map_or_else(|| "the whole site".to_owned(), |rack| format!("rack {rack}"));
    let many = logins.map_or_else(String::new, |logins| {
        format!(": {}", logins.get(&hosts.id).copied().unwrap_or(0))
    });
    format!(
        "{} ({place}{many}) {} s before its end",
        hosts.id,
        hosts.last_ms / 1_000
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::story;
    use super::*;

    fn view(armed: bool) -> View {
        let hosts = |id: &str, rack: Option<&str>, last_ms| HostsView {
            id: id.to_owned(),
            rack: rack.map(str::to_owned),
            since: None,
            why: String::new(),
            last_ms,
        };
        View {
            armed,
            hosts: vec![hosts("short", None, 60_000), hosts("long", Some("r1"), 300_000)],
            ..story::normal(0)
        }
    }

    #[test]
    fn it_says_how_many_and_who_goes_first() {
        let logins = Logins::from([("long".to_owned(), 9)]);
        let said = line(&view(true), Some(&logins), true).unwrap();
        assert!(said.contains("9 logged in now"), "{said}");
        let (first, then) = (
            said.find("long (rack r1: 9) 300 s before its end"),
            said.find("short (the whole site: 0) 60 s"),
        );
        assert!(first.is_some() && first < then, "{said}");
        assert!(
            line(&view(true), Some(&Logins::new()), true)
                .unwrap()
                .contains("nobody is logged in")
        );
        assert!(!line(&view(true), None, true).unwrap().contains("logged in now"));
        let by_itself = line(&view(true), None, false).unwrap();
        assert!(
            by_itself.contains("THAT LOSE THEIR POWER"),
            "not all of them: {by_itself}"
        );
    }

    #[test]
    fn nothing_is_said_where_no_host_will_go() {
        assert_eq!(line(&view(false), None, true), None, "a disarmed site sends nobody off");
        let mut told = view(true);
        told.hosts.iter_mut().for_each(|hosts| hosts.since = Some(1));
        assert_eq!(line(&told, None, true), None);
        told.hosts.clear();
        assert_eq!(line(&told, None, true), None);
    }
}
