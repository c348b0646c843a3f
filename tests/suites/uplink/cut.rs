//! A cable between gateway and broker that can be cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Carries bytes both ways until it is cut; whoever connects anew is carried anew.
pub(super) struct Cable {
    pub(super) port: u16,
    cut: Arc<Notify>,
    carried: Arc<AtomicUsize>,
}

impl Cable {
    pub(super) async fn to(broker: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(Notify::new());
        let carried = Arc::new(AtomicUsize::new(0));
        let (of_each, count) = (cut.clone(), carried.clone());
        tokio::spawn(async move {
            while let Ok((mut here, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let cut = of_each.clone();
                tokio::spawn(async move {
                    let mut there = TcpStream::connect(("127.0.0.1", broker)).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut here, &mut there) => {}
                        () = cut.notified() => {}
                    }
                });
            }
        });
        Self { port, cut, carried }
    }

    /// Connections so far.
    pub(super) fn carried(&self) -> usize {
        self.carried.load(Ordering::Relaxed)
    }

    /// Whatever is under way is lost.
    pub(super) fn cut(&self) {
        self.cut.notify_waiters();
    }
}
