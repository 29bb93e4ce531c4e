//! Where a simulated recipient listens: on this machine only, until it is dropped.

use std::net::SocketAddr;

use axum::Router;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Why a simulated recipient could not start.
#[derive(Debug, Error)]
pub enum FrontError {
    #[error("a simulated recipient binds to this machine only, not to {0}")]
    NotLoopback(SocketAddr),
    #[error("a simulated recipient could not listen: {0}")]
    Io(#[from] std::io::Error),
}

/// A listener with its task.
pub(super) struct Front {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Front {
    /// Listens on a loopback address; port 0 lets the system choose.
    pub async fn open(bind: SocketAddr, router: Router) -> Result<Self, FrontError> {
        if !bind.ip().is_loopback() {
            return Err(FrontError::NotLoopback(bind));
        }
        let listener = TcpListener::bind(bind).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            // It ends when it is aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, task })
    }

    /// Stops listening, and waits until nothing is answered any more.
    pub async fn close(mut self) {
        self.task.abort();
        // It was aborted: that is the only way in which it ends.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}
