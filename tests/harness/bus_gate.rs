//! A gate before the session bus: what one program says to the bus stops there when a test wants it to.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::desktop::Desktop;

/// The part of a message that says how long the rest is.
const HEAD: usize = 16;

/// No message of ours is nearly as long.
const LONGEST: usize = 1 << 20;

/// A socket that leads to the session bus. Programs that are given its address speak through it.
pub struct BusGate {
    path: PathBuf,
    passage: Arc<watch::Sender<Passage>>,
    listener: JoinHandle<()>,
}

#[derive(Clone, Copy, Default)]
struct Passage {
    /// How many more messages may pass; none where the gate is open.
    left: Option<usize>,
    /// How many messages stand before it.
    waiting: usize,
    /// Grows when those that wait are refused.
    refused: u64,
}

impl BusGate {
    /// An open gate before the bus of `desktop`.
    pub fn before(desktop: &Desktop) -> Result<BusGate> {
        let bus = desktop.bus_address()?.split(',').next().unwrap_or_default();
        let bus = bus.strip_prefix("unix:path=").context("a bus with a path")?;
        let (bus, path) = (PathBuf::from(bus), desktop.folder().join("gate"));
        let socket = UnixListener::bind(&path)?;
        let passage = Arc::new(watch::Sender::new(Passage::default()));
        let through = passage.clone();
        let listener = tokio::spawn(async move {
            while let Ok((program, _)) = socket.accept().await {
                tokio::spawn(lead(program, bus.clone(), through.clone()));
            }
        });
        Ok(BusGate {
            path,
            passage,
            listener,
        })
    }

    /// What the program takes for the address of the bus.
    pub fn address(&self) -> String {
        format!("unix:path={}", self.path.display())
    }

    pub fn open(&self) {
        self.passage.send_modify(|passage| passage.left = None);
    }

    /// Lets so many more messages pass, and no further one.
    pub fn close_after(&self, messages: usize) {
        self.passage.send_modify(|passage| passage.left = Some(messages));
    }

    /// What stands before the gate never passes, nor anything else of those connections: their program is dead.
    pub fn refuse_what_waits(&self) {
        self.passage.send_modify(|passage| passage.refused += 1);
    }

    /// Whether a message stands before the closed gate.
    pub fn holds_one(&self) -> bool {
        self.passage.borrow().waiting > 0
    }
}

impl Drop for BusGate {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Leads one connection through, until either side ends it.
async fn lead(program: UnixStream, bus: PathBuf, passage: Arc<watch::Sender<Passage>>) -> Result<()> {
    let bus = UnixStream::connect(bus).await?;
    let ((from_program, mut to_program), (mut from_bus, to_bus)) = (program.into_split(), bus.into_split());
    tokio::select! {
        ended = outwards(from_program, to_bus, &passage) => ended,
        ended = tokio::io::copy(&mut from_bus, &mut to_program) => Ok(ended.map(drop)?),
    }
}

async fn outwards(
    program: OwnedReadHalf,
    mut bus: OwnedWriteHalf,
    passage: &watch::Sender<Passage>,
) -> Result<()> {
    let mut program = BufReader::new(program);
    let mut message = Vec::new();
    // Who it is, in lines of text; the rest is messages.
    while !message.ends_with(b"BEGIN\r\n") {
        message.clear();
        ensure!(program.read_until(b'\n', &mut message).await? > 0, "it has left");
        bus.write_all(&message).await?;
    }
    loop {
        message.resize(HEAD, 0);
        program.read_exact(&mut message).await?;
        message.resize(length(&message)?, 0);
        program.read_exact(&mut message[HEAD..]).await?;
        pass(passage).await?;
        bus.write_all(&message).await?;
    }
}

/// Waits until the gate lets a message pass.
async fn pass(passage: &watch::Sender<Passage>) -> Result<()> {
    let mut passed = false;
    passage.send_modify(|passage| passed = passage.let_one_pass());
    if passed {
        return Ok(());
    }
    passage.send_modify(|passage| passage.waiting += 1);
    let mut changes = passage.subscribe();
    let refused = changes.borrow().refused;
    let opened = |passage: &Passage| passage.left != Some(0) || passage.refused != refused;
    let is_refused = changes.wait_for(opened).await?.refused != refused;
    passage.send_modify(|passage| {
        passage.waiting -= 1;
        passage.let_one_pass();
    });
    ensure!(!is_refused, "it was refused");
    Ok(())
}

impl Passage {
    fn let_one_pass(&mut self) -> bool {
        match &mut self.left {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}

/// The whole length of the message that begins so.
fn length(head: &[u8]) -> Result<usize> {
    let number = |at: usize| -> Result<usize> {
        let bytes: [u8; 4] = head[at..at + 4].try_into()?;
        let number = match head[0] {
            b'l' => u32::from_le_bytes(bytes),
            b'B' => u32::from_be_bytes(bytes),
            other => bail!("no message begins with {other}"),
        };
        Ok(usize::try_from(number)?)
    };
    let (body, fields) = (number(4)?, number(12)?);
    let length = HEAD + fields.next_multiple_of(8) + body;
    ensure!(length <= LONGEST, "a message of {length} bytes");
    Ok(length)
}
