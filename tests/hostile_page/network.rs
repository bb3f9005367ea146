//! A network in the hands of somebody else: a server of their own, and a name that leads where they want.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Result, ensure};
use axum::Router;
use axum::response::Html;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What only their server says.
pub const OWN: &str = "Only this server says so.";

/// A server with a page, and a SOCKS proxy that resolves every name: to that server, until they are bound again.
pub struct Network {
    pub server: SocketAddr,
    pub proxy: SocketAddr,
    /// Where names lead.
    to: watch::Sender<SocketAddr>,
    _tasks: JoinSet<()>,
}

impl Network {
    pub async fn begin() -> Result<Network> {
        let mut tasks = JoinSet::new();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let server = listener.local_addr()?;
        tasks.spawn(async move {
            let _ = axum::serve(listener, pages()).await;
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let proxy = listener.local_addr()?;
        let (to, leads) = watch::channel(server);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((browser, _)) = listener.accept().await {
                let mut leads = leads.clone();
                let to = *leads.borrow_and_update();
                connections.spawn(async move {
                    // Connections to where the names led before are cut, also those kept for later requests.
                    tokio::select! {
                        _ = lead(browser, to) => {}
                        _ = leads.changed() => {}
                    }
                });
            }
        });
        Ok(Network {
            server,
            proxy,
            to,
            _tasks: tasks,
        })
    }

    /// From now on the names lead to `victim`.
    pub fn rebind(&self, victim: SocketAddr) {
        self.to.send_replace(victim);
    }
}

fn pages() -> Router {
    let page = get(async || Html(include_str!("page.html")));
    Router::new().route("/", page).route("/own", get(async || OWN))
}

/// Speaks as much of SOCKS 5 as Chromium does, and then passes everything on.
async fn lead(mut browser: TcpStream, to: SocketAddr) -> Result<()> {
    let mut greeting = [0; 2];
    browser.read_exact(&mut greeting).await?;
    browser.read_exact(&mut vec![0; usize::from(greeting[1])]).await?;
    browser.write_all(&[5, 0]).await?;
    let mut request = [0; 5];
    browser.read_exact(&mut request).await?;
    ensure!(
        request[..4] == [5, 1, 0, 3],
        "not a connection to a name: {request:?}"
    );
    // The name, and the port.
    browser
        .read_exact(&mut vec![0; usize::from(request[4]) + 2])
        .await?;
    let mut server = TcpStream::connect(to).await?;
    browser.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    copy_bidirectional(&mut browser, &mut server).await?;
    Ok(())
}
