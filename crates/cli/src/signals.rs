//! The signals that ask a program to end: waited for, and passed on to a command that runs for us.

#[cfg(unix)]
mod stops;
#[cfg(unix)]
mod system;

#[cfg(unix)]
pub use unix::{Came, Signals, end_as, stop_with};
#[cfg(windows)]
pub use windows::{Signals, stop_with};

#[cfg(unix)]
mod unix {
    use std::convert::Infallible;
    use std::io::Write as _;
    use std::task::{Context, Poll};

    use portray_core::agent::harden_process;
    use rustix::process::{Pid, Signal, getpgrp, kill_process};
    use tokio::process::Child;
    use tokio::signal::unix::{Signal as Listener, SignalKind, signal};

    use super::system;

    /// What asks a program to end.
    const ENDING: [Signal; 3] = [Signal::INT, Signal::TERM, Signal::HUP];

    /// What else a command may be told while it runs: most would end us and leave the command behind.
    const TELLING: [Signal; 8] = [
        Signal::QUIT,
        Signal::USR1,
        Signal::USR2,
        Signal::ALARM,
        Signal::VTALARM,
        Signal::PROF,
        Signal::IO,
        Signal::WINCH,
    ];

    /// Those that a terminal sends to everybody in its foreground; a process sends them too.
    const OF_TERMINALS: [Signal; 4] = [Signal::INT, Signal::QUIT, Signal::HUP, Signal::WINCH];

    /// Signals that are waited for. What was ignored when we began (`nohup`, a script's `&`) stays ignored, by us and
    /// by what we start.
    pub struct Signals(Vec<(Signal, Listener)>);

    /// Stops with a command that stops, and goes on with it. Never comes back.
    pub fn stop_with(child: &Child) -> impl Future<Output = Infallible> + use<> {
        let pid = pid_of(child);
        async move {
            match pid {
                Some(pid) => super::stops::follow(pid).await,
                None => std::future::pending().await,
            }
        }
    }

    fn pid_of(child: &Child) -> Option<Pid> {
        child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()))
    }

    /// A signal that came to us.
    #[derive(Debug, Clone, Copy)]
    pub struct Came {
        signal: Signal,
        /// By a process, which may mean us alone.
        is_sent: bool,
    }

    impl Signals {
        /// The signals that ask a program to end.
        pub fn listen() -> std::io::Result<Self> {
            Self::of(&ENDING)
        }

        /// All that is passed on to a command.
        pub fn for_a_command() -> std::io::Result<Self> {
            Self::of(&[&ENDING[..], &TELLING].concat())
        }

        fn of(wanted: &[Signal]) -> std::io::Result<Self> {
            let heeded = wanted.iter().filter(|wanted| !system::is_ignored(**wanted));
            let listening = heeded.map(|wanted| {
                if OF_TERMINALS.contains(wanted) {
                    // Before the listener hears of it.
                    system::note_sender(*wanted)?;
                }
                let listener = signal(SignalKind::from_raw(wanted.as_raw()))?;
                Ok((*wanted, listener))
            });
            Ok(Self(listening.collect::<std::io::Result<_>>()?))
        }

        pub async fn next(&mut self) -> Came {
            std::future::poll_fn(|context| self.poll(context)).await
        }

        fn poll(&mut self, context: &mut Context<'_>) -> Poll<Came> {
            for (signal, listener) in &mut self.0 {
                if let Poll::Ready(Some(())) = listener.poll_recv(context) {
                    return Poll::Ready(Came {
                        signal: *signal,
                        is_sent: system::was_sent(*signal),
                    });
                }
            }
            Poll::Pending
        }
    }

    /// Ends this process by the signal that has ended a command, if one has: a shell whose command ended by Ctrl-C ends
    /// its script, and it asks how we ended. A core file of ours would help nobody.
    pub fn end_as(status: std::process::ExitStatus) {
        let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) else {
            return;
        };
        harden_process();
        let _ = std::io::stdout().flush();
        let _ = std::io::stderr().flush();
        system::end_by(signal);
    }

    impl Came {
        /// How a program ends that does not hear it.
        pub fn as_end(self) -> std::process::ExitStatus {
            std::os::unix::process::ExitStatusExt::from_raw(self.signal.as_raw())
        }

        pub fn pass_on(self, child: &Child) {
            // Ctrl-C goes to everybody in the foreground: a second one would make some programs break off. One that a
            // process sends goes to us alone, unless it means the whole group; who sends it to a wrapper has to be heard.
            if OF_TERMINALS.contains(&self.signal) && !self.is_sent && is_in_foreground() {
                return;
            }
            if let Some(Err(error)) = pid_of(child).map(|pid| kill_process(pid, self.signal)) {
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
        pub fn for_a_command() -> std::io::Result<Self> {
            Self::listen()
        }

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

    /// Nothing stops there.
    pub fn stop_with(_child: &Child) -> impl Future<Output = std::convert::Infallible> + use<> {
        std::future::pending()
    }

    impl Came {
        pub fn pass_on(self, _child: &Child) {}
    }
}
