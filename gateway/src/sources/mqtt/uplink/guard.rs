//! A library that panics on hostile bytes must not make the gateway deaf.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// What the future gives; none if it panicked, which has been written to stderr. Whatever it worked on is dropped with it, or
/// is plain data that no half-done step can break.
pub(super) async fn unbroken<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(
        move |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(given)) => Poll::Ready(Some(given)),
            Err(_) => Poll::Ready(None),
        },
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_end_and_no_more() {
        let later = || async {
            tokio::task::yield_now().await;
            7
        };
        assert_eq!(unbroken(later()).await, Some(7));
        let broken = async {
            later().await;
            panic!("a library's own");
        };
        assert_eq!(unbroken::<u8>(broken).await, None);
    }
}
