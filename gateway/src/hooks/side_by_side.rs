//! Many questions to one target: so many at a time that it is not drowned, and not one after the other.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Questions under way to one target. An API server of Kubernetes gives a client of ours a share of some hundred (APF).
const AT_ONCE: usize = 16;

/// Every answer, in the order of the questions; none of one that broke. Dropping it ends them all.
pub(super) async fn ask_all<A, F>(questions: impl IntoIterator<Item = F>) -> Vec<Option<A>>
where
    A: Send + 'static,
    F: Future<Output = A> + Send + 'static,
{
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut asking = JoinSet::new();
    for (nth, question) in questions.into_iter().enumerate() {
        let turns = Arc::clone(&turns);
        asking.spawn(async move {
            let _turn = turns.acquire_owned().await;
            (nth, question.await)
        });
    }
    let mut answers: Vec<Option<A>> = (0..asking.len()).map(|_| None).collect();
    while let Some(answered) = asking.join_next().await {
        if let Ok((nth, answer)) = answered {
            answers[nth] = Some(answer);
        }
    }
    answers
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn so_many_at_a_time_and_in_their_order() {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let question = |nth: usize| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                now.fetch_sub(1, Ordering::SeqCst);
                assert!(nth != 7, "one breaks");
                nth
            }
        };
        let answers = ask_all((0..100).map(question)).await;
        assert_eq!(answers.len(), 100);
        assert!(
            answers
                .iter()
                .enumerate()
                .all(|(nth, answer)| *answer == (nth != 7).then_some(nth))
        );
        let most = most.load(Ordering::SeqCst);
        assert!((2..=AT_ONCE).contains(&most), "{most} at once");
    }
}
