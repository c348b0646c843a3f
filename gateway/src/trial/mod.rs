//! Plays every case of the hooks' contract against a receiver, through the code that calls it in a fire, and judges what
//! comes back. What cannot be seen from outside is said to be so.

mod cases;
mod ear;
mod effects;
mod finding;
mod first;
mod play;
mod raw;
mod signed;

pub use effects::Effects;
pub use finding::{Finding, Verdict};
pub use play::{Options, Trial, TrialError};

/// Every case, in an order that builds on what came before; `tell` hears of each as it is judged. `restarted` is awaited
/// where the receiver is to be restarted.
pub async fn run<F>(trial: &Trial, restarted: Option<F>, tell: &mut dyn FnMut(Finding))
where
    F: Future<Output = ()>,
{
    let first = cases::prepare(trial).await;
    let failed = first.verdict == Verdict::Fail;
    tell(first);
    if failed {
        // Of one that does not answer a valid call nothing else can be said.
        return;
    }
    cases::steps(trial, tell).await;
    signed::all(trial, tell).await;
    tell(match restarted {
        // Each call of a program is a start of its own.
        _ if trial.kind() == "exec" => cases::restart(trial).await,
        Some(restarted) => {
            restarted.await;
            cases::restart(trial).await
        }
        None => Finding::new("restart", "the same keys after its restart").not_seen("give --restart to play it"),
    });
    tell(cases::once(trial).await);
}
