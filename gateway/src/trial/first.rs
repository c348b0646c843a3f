//! The first call of all. What keeps a receiver from being judged at all is found within seconds and named: a wrong port, a
//! wrong path, another secret. In a fire the same answers are tried again to the end, and here too once it has done a step.

use std::time::Duration;

use muster_core::HookOutcome;

use super::finding::Finding;
use super::play::Trial;
use crate::config::HookWay;
use crate::hooks::exec::was_called_wrongly;

/// One that was started beside us a moment ago listens by then.
const STARTS_WITHIN: Duration = Duration::from_secs(4);
/// What hears a topic says a word within this: the contract wants one within 10 s.
pub(super) const SPEAKS_WITHIN: Duration = Duration::from_secs(12);

/// Where it is, for people: a path may be a secret.
pub(super) fn place(way: &HookWay) -> String {
    match way {
        HookWay::Webhook(hook) => {
            reqwest::Url::parse(&hook.url).map_or_else(|_| hook.url.clone(), |url| url.origin().ascii_serialization())
        }
        HookWay::Mqtt(hook) => format!("topic {} of {}", hook.topic, hook.broker),
        HookWay::Exec(hook) => hook.argv.join(" "),
        HookWay::Lxd(_) | HookWay::Libvirt(_) | HookWay::Kubernetes(_) | HookWay::Slurm(_) => String::new(),
    }
}

/// Whether calling it again would change nothing, of one that has never done a step.
pub(super) fn is_hopeless(trial: &Trial, outcome: &HookOutcome, since: Duration) -> bool {
    was_called_wrongly(outcome)
        || is_answered(outcome, &REFUSALS)
        || is_answered(outcome, &ELSEWHERE)
        || trial.is_unreachable() && since >= STARTS_WITHIN
}

const REFUSALS: [&str; 2] = ["answered 401", "answered 403"];
const ELSEWHERE: [&str; 7] = [
    "answered 301",
    "answered 302",
    "answered 307",
    "answered 308",
    "answered 404",
    "answered 405",
    "answered 410",
];

/// By its words, as they are what is left of an answer.
fn is_answered(outcome: &HookOutcome, with: &[&str]) -> bool {
    matches!(outcome, HookOutcome::Retry { cause } if with.iter().any(|answer| cause.starts_with(answer)))
}

/// What is said where it came to nothing before the receiver itself was asked; none if it was.
pub(super) fn obstacle(trial: &Trial, end: Option<&HookOutcome>, finding: &Finding) -> Option<Finding> {
    let place = &trial.place;
    match end {
        Some(end @ HookOutcome::Retry { cause }) if is_answered(end, &REFUSALS) => {
            let why = format!("{cause}: it does not know our signature, so its secret differs from the one given here");
            Some(finding.clone().fail(why, SAME_SECRET))
        }
        Some(end @ HookOutcome::Retry { cause }) if is_answered(end, &ELSEWHERE) => {
            let why = format!("{cause}: something answers at {place}, and takes no steps under this path");
            let mend = "correct the path of the URL: the very place that takes POST, with no redirect before it";
            Some(finding.clone().fail(why, mend))
        }
        Some(HookOutcome::Retry { cause }) if trial.is_unreachable() => {
            let why = format!("nobody can be reached at {place}: {cause}");
            Some(finding.clone().fail(why, to_reach(cause)))
        }
        None if trial.kind() == "mqtt" => {
            let why = format!("the broker passed it on, and no answer came that is signed with this secret ({place})");
            let mend = format!("see what the receiver prints: 401 means that the secrets differ; {SAME_SECRET}");
            Some(finding.clone().fail(why, mend))
        }
        _ => None,
    }
}

const SAME_SECRET: &str = "give both the same whole `whsec_…`: here by --secret-file, MUSTER_HOOK_SECRET or `secret_file` \
                           of the config, there as the receiver wants it. If they are the same, compare the clocks: \
                           `date -u` on both may differ by 5 minutes at most";

/// What a person does about it, by what the system said.
fn to_reach(cause: &str) -> String {
    let said = cause.to_lowercase();
    let has = |word: &str| said.contains(word);
    let mend = if has("connection refused") {
        "nothing listens there: start the receiver (of a topic its broker), or correct host and port"
    } else if has("subscribed") {
        "start the receiver; `topic` has to be the same on both sides, and the broker has to let it subscribe"
    } else if has("lookup") || has("not known") || has("resolve") {
        "nobody knows that name: correct the host, or ask for it by hand with `getent hosts NAME`"
    } else if has("certificate") || has("unknownissuer") {
        "its certificate is not trusted for that name: give --ca FILE (in the config `ca`), the PEM file of who signed it"
    } else if has("corrupt message") || has("invalidcontenttype") || has("wrong version") {
        "it speaks no TLS there: http:// instead of https://, or the port that speaks it"
    } else if has("allow_loopback") {
        "`allow_loopback = true` in its [[hook]], if it is to stand on this machine"
    } else {
        "see whether it runs, and whether a firewall lets this machine reach it"
    };
    mend.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_becomes_the_next_act() {
        for (said, act) in [
            ("not reached: Connection refused (os error 111)", "start the receiver"),
            (
                "not reached: failed to lookup address information: Name or service not known",
                "correct the host",
            ),
            ("not reached: invalid peer certificate: UnknownIssuer", "--ca FILE"),
            (
                "not reached: received corrupt message of type InvalidContentType",
                "http://",
            ),
            ("not reached: deadline has elapsed", "firewall"),
        ] {
            assert!(to_reach(said).contains(act), "{said}: {}", to_reach(said));
        }
    }

    #[test]
    fn only_what_no_further_call_would_change_is_hopeless() {
        let retry = |cause: &str| HookOutcome::Retry { cause: cause.into() };
        assert!(is_answered(&retry("answered 401 Unauthorized: no"), &REFUSALS));
        assert!(is_answered(&retry("answered 404 Not Found: "), &ELSEWHERE));
        for passing in [
            "answered 503 Service Unavailable: ",
            "answered 500 : ",
            "no answer within 10000 ms",
        ] {
            assert!(!is_answered(&retry(passing), &REFUSALS) && !is_answered(&retry(passing), &ELSEWHERE));
        }
        assert!(!is_answered(&HookOutcome::Done, &REFUSALS));
    }
}
