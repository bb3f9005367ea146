//! `portray keep`

use portray_core::agent::protocol::{Operation, Reply};
use portray_core::app::contract::account_in_words;

use super::Invocation;
use crate::arguments::Keep;
use crate::failure::Failure;
use crate::picker;
use crate::printer::on_one_harmless_line;

pub fn run(invocation: &Invocation, arguments: &Keep) -> Result<(), Failure> {
    let on = !arguments.off;
    let reply = picker::ask(invocation, &arguments.role.words(), |role| Operation::Keep {
        role,
        on,
    })?;
    let Reply::Kept {
        role,
        account_name,
        wants_code,
    } = reply
    else {
        return Err(Failure::unexpected_answer());
    };
    let name = account_in_words(&account_name, &role.account);
    let what = match (on, wants_code) {
        (true, false) => "is kept fresh from now on",
        (true, true) => {
            "is kept, but needs a code of its MFA device each time, which “portray credentials” asks for"
        }
        (false, _) => "is fresh only while it is in use",
    };
    let note = match role.chain {
        None => format!("{name}/{} {what}.", role.permission_set),
        Some(chain) => format!("{chain}, from {name}/{}, {what}.", role.permission_set),
    };
    invocation.printer.note(&on_one_harmless_line(&note));
    Ok(())
}
