//! The window's process, as the resident sees it: started on demand, told over its standard input what to do.

use std::io::{self, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;

/// A line on the window's standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowOrder {
    /// Come to the front.
    Show,
    /// The resident is ending on purpose, and so does the window.
    Quit,
}

impl WindowOrder {
    /// None: a line from somebody who knows other orders.
    pub fn parse(line: &str) -> Option<Self> {
        [Self::Show, Self::Quit]
            .into_iter()
            .find(|order| order.word() == line.trim())
    }

    fn word(self) -> &'static str {
        match self {
            Self::Show => "show",
            Self::Quit => "quit",
        }
    }
}

/// At most one window process, and the pipe to it.
#[derive(Debug, Default)]
pub struct WindowProcess {
    orders: Mutex<Option<ChildStdin>>,
}

impl WindowProcess {
    /// Brings the window to the front; starts its process where none lives.
    pub fn show(&self) {
        let mut orders = self.orders.lock().expect("nothing panics while it is held");
        if tell(orders.as_mut(), WindowOrder::Show) {
            return;
        }
        match start() {
            Ok(mut window) => {
                *orders = window.stdin.take();
                reap(window);
            }
            Err(error) => tracing::error!("the window cannot be started: {error}"),
        }
    }

    /// Ends the window's process, if there is one.
    pub fn quit(&self) {
        let mut orders = self.orders.lock().expect("nothing panics while it is held");
        tell(orders.take().as_mut(), WindowOrder::Quit);
    }
}

/// Whether somebody listens.
fn tell(orders: Option<&mut ChildStdin>, order: WindowOrder) -> bool {
    orders.is_some_and(|pipe| writeln!(pipe, "{}", order.word()).is_ok())
}

fn start() -> io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .arg("--window")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
}

/// Collects the exit status, so that no dead process stays in the table.
fn reap(mut window: Child) {
    std::thread::spawn(move || match window.wait() {
        Ok(status) if status.success() => {}
        Ok(status) => tracing::warn!("the window's process ended with {status}"),
        Err(error) => tracing::warn!("the window's process cannot be waited for: {error}"),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_understood_by_the_other_side() {
        for order in [WindowOrder::Show, WindowOrder::Quit] {
            assert_eq!(WindowOrder::parse(&format!("{}\n", order.word())), Some(order));
        }
        assert_eq!(WindowOrder::parse("shown"), None);
    }
}
