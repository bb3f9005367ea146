//! The window's process, as the resident sees it: started on demand, told over its standard input what to do, and
//! telling over its standard output whether it is seen.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

/// One of a few words, each of which is a line between resident and window.
pub trait Word: Copy + 'static {
    const ALL: &'static [Self];

    fn word(self) -> &'static str;

    /// None: a line from somebody who knows other words.
    fn parse(line: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|one| one.word() == line.trim())
    }
}

/// A line on the window's standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowOrder {
    /// Come to the front.
    Show,
    /// The resident is ending on purpose, and so does the window.
    Quit,
}

impl Word for WindowOrder {
    const ALL: &'static [Self] = &[Self::Show, Self::Quit];

    fn word(self) -> &'static str {
        match self {
            Self::Show => "show",
            Self::Quit => "quit",
        }
    }
}

/// A line on the window's standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowReport {
    /// A person can see the window.
    Shown,
    /// The window waits out of sight.
    Hidden,
}

impl Word for WindowReport {
    const ALL: &'static [Self] = &[Self::Shown, Self::Hidden];

    fn word(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Hidden => "hidden",
        }
    }
}

impl WindowReport {
    /// Tells the resident, if one listens.
    pub fn send(self) {
        let _ = writeln!(io::stdout(), "{}", self.word());
    }
}

/// At most one window process, and the pipe to it.
#[derive(Debug, Default)]
pub struct WindowProcess {
    living: Arc<Mutex<Option<Living>>>,
}

#[derive(Debug)]
struct Living {
    process: u32,
    orders: ChildStdin,
    shown: bool,
}

impl WindowProcess {
    /// Brings the window to the front; starts its process where none lives.
    pub fn show(&self) {
        let mut living = self.living.lock().expect("nothing panics while it is held");
        if tell(living.as_mut(), WindowOrder::Show) {
            return;
        }
        match start() {
            Ok(mut window) => {
                let process = window.id();
                let orders = window.stdin.take();
                // Until it has drawn itself nobody sees it.
                let shown = false;
                *living = orders.map(|orders| Living {
                    process,
                    orders,
                    shown,
                });
                if let Some(reports) = window.stdout.take() {
                    listen(reports, process, self.living.clone());
                }
                reap(window, self.living.clone());
            }
            Err(error) => tracing::error!("the window cannot be started: {error}"),
        }
    }

    /// Whether a person can see the window.
    pub fn is_shown(&self) -> bool {
        let living = self.living.lock().expect("nothing panics while it is held");
        living.as_ref().is_some_and(|window| window.shown)
    }

    /// Ends the window's process, if there is one.
    pub fn quit(&self) {
        let mut living = self.living.lock().expect("nothing panics while it is held");
        tell(living.take().as_mut(), WindowOrder::Quit);
    }
}

/// Whether somebody listens.
fn tell(living: Option<&mut Living>, order: WindowOrder) -> bool {
    living.is_some_and(|window| writeln!(window.orders, "{}", order.word()).is_ok())
}

fn start() -> io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .arg("--window")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
}

/// Keeps up with what the window says of itself.
fn listen(reports: ChildStdout, process: u32, living: Arc<Mutex<Option<Living>>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(reports).lines().map_while(Result::ok) {
            let Some(report) = WindowReport::parse(&line) else {
                continue;
            };
            let mut living = living.lock().expect("nothing panics while it is held");
            if let Some(window) = living.as_mut().filter(|window| window.process == process) {
                window.shown = report == WindowReport::Shown;
            }
        }
    });
}

/// Collects the exit status and forgets the window. Its pipe alone does not tell: after a crash WebKit's processes
/// hold the other end for a while.
fn reap(mut window: Child, living: Arc<Mutex<Option<Living>>>) {
    std::thread::spawn(move || {
        match window.wait() {
            Ok(status) if status.success() => {}
            Ok(status) => tracing::warn!("the window's process ended with {status}"),
            Err(error) => tracing::warn!("the window's process cannot be waited for: {error}"),
        }
        let mut living = living.lock().expect("nothing panics while it is held");
        living.take_if(|known| known.process == window.id());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_understood_by_the_other_side_and_nothing_else() {
        fn are_understood<T: Word + PartialEq + std::fmt::Debug>(others: &str) {
            for one in T::ALL {
                assert_eq!(T::parse(&format!("{}\n", one.word())), Some(*one));
            }
            assert_eq!(T::parse(others), None);
        }
        are_understood::<WindowOrder>("shown");
        are_understood::<WindowReport>("a library's chatter");
    }
}
