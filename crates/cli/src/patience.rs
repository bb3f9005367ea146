//! Says what a person waits for where that takes longer than they expect; on a terminal only, and gone with the wait.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::printer::Printer;

/// Whoever has heard nothing for this long wonders.
const WONDERS: Duration = Duration::from_secs(3);

/// A wait; it is over when this is dropped.
pub struct Wait {
    over: Option<Sender<()>>,
    said: Option<JoinHandle<bool>>,
    printer: Printer,
}

impl Wait {
    /// `words` say what for.
    pub fn begin(printer: Printer, words: &'static str) -> Self {
        let (over, waited) = channel::<()>();
        let said = std::thread::Builder::new().spawn(move || {
            let is_long = waited.recv_timeout(WONDERS) == Err(RecvTimeoutError::Timeout);
            if is_long {
                printer.progress(words);
            }
            is_long
        });
        Self {
            over: Some(over),
            // Without a thread nothing is said, as to whoever has no terminal.
            said: said.ok(),
            printer,
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        drop(self.over.take());
        let said = self.said.take().and_then(|said| said.join().ok());
        if said == Some(true) {
            self.printer.progress("");
        }
    }
}
