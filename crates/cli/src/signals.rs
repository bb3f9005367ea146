//! The signals that ask a program to end: waited for, and passed on to a command that runs for us.

#[cfg(unix)]
pub use unix::Signals;
#[cfg(windows)]
pub use windows::Signals;

#[cfg(unix)]
mod unix {
    use rustix::process::{Pid, Signal, getpgrp, kill_process};
    use tokio::process::Child;
    use tokio::signal::unix::{Signal as Listener, SignalKind, signal};

    /// The signals that ask a program to end.
    pub struct Signals {
        interrupt: Listener,
        terminate: Listener,
        hang_up: Listener,
    }

    /// A signal that came to us.
    #[derive(Debug, Clone, Copy)]
    pub struct Came(Signal);

    impl Signals {
        pub fn listen() -> std::io::Result<Self> {
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                hang_up: signal(SignalKind::hangup())?,
            })
        }

        pub async fn next(&mut self) -> Came {
            tokio::select! {
                _ = self.interrupt.recv() => Came(Signal::INT),
                _ = self.terminate.recv() => Came(Signal::TERM),
                _ = self.hang_up.recv() => Came(Signal::HUP),
            }
        }
    }

    impl Came {
        pub fn pass_on(self, child: &Child) {
            // Ctrl-C goes to everybody in the foreground: a second one would make some programs break off.
            if self.0 != Signal::TERM && is_in_foreground() {
                return;
            }
            let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
            if let Some(Err(error)) = pid.map(|pid| kill_process(pid, self.0)) {
                tracing::debug!(%error, "the command ended before its signal came");
            }
        }
    }

    fn is_in_foreground() -> bool {
        rustix::termios::tcgetpgrp(std::io::stderr())
            .or_else(|_| rustix::termios::tcgetpgrp(std::io::stdin()))
            .is_ok_and(|group| group == getpgrp())
    }
}

#[cfg(windows)]
mod windows {
    use tokio::process::Child;
    use tokio::signal::windows::{
        CtrlBreak, CtrlC, CtrlClose, CtrlLogoff, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_logoff,
        ctrl_shutdown,
    };

    /// What ends programs of a console. It reaches the command without us; we only must not end before it.
    pub struct Signals {
        interrupt: CtrlC,
        interrupt_hard: CtrlBreak,
        close: CtrlClose,
        log_off: CtrlLogoff,
        shut_down: CtrlShutdown,
    }

    /// A signal that came to us, and to the command.
    pub struct Came;

    impl Signals {
        pub fn listen() -> std::io::Result<Self> {
            Ok(Self {
                interrupt: ctrl_c()?,
                interrupt_hard: ctrl_break()?,
                close: ctrl_close()?,
                log_off: ctrl_logoff()?,
                shut_down: ctrl_shutdown()?,
            })
        }

        pub async fn next(&mut self) -> Came {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.interrupt_hard.recv() => {}
                _ = self.close.recv() => {}
                _ = self.log_off.recv() => {}
                _ = self.shut_down.recv() => {}
            }
            Came
        }
    }

    impl Came {
        pub fn pass_on(self, _child: &Child) {}
    }
}
