//! Says what is waited for where that takes longer than people expect; on a terminal it is gone with the wait.

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
    /// For whoever sits at a terminal, or wants to know more; `words` say what for.
    pub fn begin(printer: Printer, words: &'static str) -> Self {
        Self::saying(printer, move || match printer.is_watched() {
            true => printer.progress(words),
            false => printer.detail(|| words.to_owned()),
        })
    }

    /// Elsewhere too, and it stays there.
    pub fn noted(printer: Printer, words: String) -> Self {
        Self::saying(printer, move || {
            if !printer.is_watched() {
                printer.note(&words);
            }
        })
    }

    fn saying(printer: Printer, say: impl FnOnce() + Send + 'static) -> Self {
        let (over, waited) = channel::<()>();
        let said = std::thread::Builder::new().spawn(move || {
            let is_long = waited.recv_timeout(WONDERS) == Err(RecvTimeoutError::Timeout);
            if is_long {
                say();
            }
            is_long
        });
        Self {
            over: Some(over),
            // Without a thread nothing is said.
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
