//! Plays every case of the hooks' contract against a receiver, through the code that calls it in a fire, and judges what
//! comes back. What cannot be seen from outside is said to be so.

mod cases;
mod ear;
mod effects;
mod finding;
mod play;
mod raw;
mod signed;

pub use effects::Effects;
pub use finding::{Finding, Verdict};
pub use play::{Options, Trial, TrialError};

/// Every case, in an order that builds on what came before. `restarted` is awaited where the receiver is to be restarted.
pub async fn run<F>(trial: &Trial, restarted: Option<F>) -> Vec<Finding>
where
    F: Future<Output = ()>,
{
    let mut findings = vec![cases::prepare(trial).await];
    if findings.iter().any(|f| f.verdict == Verdict::Fail) {
        // Of one that does not answer a valid call nothing else can be said.
        return findings;
    }
    findings.extend(cases::steps(trial).await);
    findings.extend(signed::all(trial).await);
    findings.push(match restarted {
        // Each call of a program is a start of its own.
        _ if trial.kind() == "exec" => cases::restart(trial).await,
        Some(restarted) => {
            restarted.await;
            cases::restart(trial).await
        }
        None => Finding::new("restart", "the same keys after its restart").not_seen("give --restart to play it"),
    });
    findings.push(cases::once(trial).await);
    findings
}
