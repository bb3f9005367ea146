//! Hears on the session bus what a person does with a notification, from before it is shown: no press is missed,
//! however many notifications stand on the screen.

use futures_util::StreamExt;
use zbus::message::Type;
use zbus::names::MemberName;
use zbus::{Connection, MatchRule, MessageStream};

const INTERFACE: &str = "org.freedesktop.Notifications";

/// More signals than come between two looks at them.
const WAITING: usize = 1024;

/// Everything that happens to notifications from now on.
#[derive(Debug)]
pub struct Answers(MessageStream);

/// What a person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Pressed the button with this key; `default` is a click on the body.
    Pressed(String),
    /// The notification went away.
    Closed,
}

impl Answers {
    pub async fn listen() -> zbus::Result<Self> {
        let connection = Connection::session().await?;
        let rule = MatchRule::builder()
            .msg_type(Type::Signal)
            .interface(INTERFACE)?
            .build();
        let signals = MessageStream::for_match_rule(rule, &connection, Some(WAITING)).await?;
        Ok(Self(signals))
    }

    /// The next thing that happens to the notification with this number. None: the bus went away.
    pub async fn to(&mut self, id: u32) -> Option<Answer> {
        loop {
            let signal = self.0.next().await?.ok()?;
            let header = signal.header();
            let member = header.member().map(MemberName::as_str);
            let body = signal.body();
            match member {
                Some("ActionInvoked") => match body.deserialize::<(u32, String)>() {
                    Ok((pressed, key)) if pressed == id => return Some(Answer::Pressed(key)),
                    Ok(_) | Err(_) => {}
                },
                Some("NotificationClosed") => match body.deserialize::<(u32, u32)>() {
                    Ok((closed, _)) if closed == id => return Some(Answer::Closed),
                    Ok(_) | Err(_) => {}
                },
                Some(_) | None => {}
            }
        }
    }
}
