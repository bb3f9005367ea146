//! What only Windows itself tells or sets: who we are, whose a pipe is, who may reach into this process.
#![expect(
    unsafe_code,
    reason = "no library that we use has a safe form of these calls; each block says why it is sound"
)]

use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle, FromRawHandle, OwnedHandle, RawHandle};
use std::ptr;

use widestring::{U16CStr, U16CString};
use windows_sys::Win32::Foundation::{HANDLE_FLAG_INHERIT, HLOCAL, LocalFree, SetHandleInformation};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo,
    SDDL_REVISION_1, SE_KERNEL_OBJECT,
};
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, GetTokenInformation, OWNER_SECURITY_INFORMATION,
    PROTECTED_DACL_SECURITY_INFORMATION, PSID, SetKernelObjectSecurity, TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::System::ErrorReporting::{WER_FAULT_REPORTING_FLAG_NOHEAP, WerSetFlags};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

/// The security identifier (`S-1-5-21-…`) of the user that this process runs as.
pub fn user() -> io::Result<String> {
    // A TOKEN_USER and, behind it, the identifier that it points to: 84 bytes at most. u64 aligns it.
    let mut answer = [0_u64; 16];
    let size = u32::try_from(size_of_val(&answer)).map_err(io::Error::other)?;
    let mut written = 0;
    let token = token_of_process()?;
    // SAFETY: the buffer is as long as we say, aligned for a TOKEN_USER, and outlives the call.
    succeeded(unsafe {
        GetTokenInformation(
            token.as_raw_handle(),
            TokenUser,
            answer.as_mut_ptr().cast(),
            size,
            &raw mut written,
        )
    })?;
    // SAFETY: Windows has written a TOKEN_USER to the front of the buffer; every bit pattern is one.
    let user = unsafe { answer.as_ptr().cast::<TOKEN_USER>().read() };
    // SAFETY: the identifier stands in the same buffer, which lives until the end of this function.
    unsafe { text_of(user.User.Sid) }
}

/// The security identifier of the user who made a pipe. The handle must have been opened for reading.
pub fn owner(pipe: &impl AsHandle) -> io::Result<String> {
    let mut owner: PSID = ptr::null_mut();
    let mut descriptor = ptr::null_mut();
    // SAFETY: the handle is borrowed for the call; both pointers lead to variables of ours, the others may be null.
    let error = unsafe {
        GetSecurityInfo(
            pipe.as_handle().as_raw_handle(),
            SE_KERNEL_OBJECT,
            OWNER_SECURITY_INFORMATION,
            &raw mut owner,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            &raw mut descriptor,
        )
    };
    let _descriptor = Allocated(descriptor);
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error.cast_signed()));
    }
    // SAFETY: the identifier stands in the descriptor, which is freed at the end of this function.
    unsafe { text_of(owner) }
}

/// Keeps the memory of this process to itself: other processes of the same user may see that it runs and end it,
/// but neither read it nor lift this rule. A crash report leaves the heap out.
pub fn close_process() -> io::Result<()> {
    // PROCESS_TERMINATE, PROCESS_QUERY_LIMITED_INFORMATION and SYNCHRONIZE for the user; the owner may read the
    // rule (and no more: without that line an owner could change it); the system may do everything.
    let rule = format!("D:P(A;;0x101001;;;{})(A;;RC;;;OW)(A;;GA;;;SY)", user()?);
    let rule = U16CString::from_str(rule).map_err(io::Error::other)?;
    let mut descriptor = ptr::null_mut();
    // SAFETY: the text ends with a zero and outlives the call; the result goes to a variable of ours.
    succeeded(unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            rule.as_ptr(),
            SDDL_REVISION_1,
            &raw mut descriptor,
            ptr::null_mut(),
        )
    })?;
    let descriptor = Allocated(descriptor);
    // SAFETY: the handle of our own process needs no closing, and the descriptor is one that Windows has made.
    succeeded(unsafe {
        SetKernelObjectSecurity(
            GetCurrentProcess(),
            DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
            descriptor.0,
        )
    })?;
    // SAFETY: takes a number, and refuses one that it does not know.
    match unsafe { WerSetFlags(WER_FAULT_REPORTING_FLAG_NOHEAP) } {
        0.. => Ok(()),
        refused => Err(io::Error::from_raw_os_error(refused)),
    }
}

/// From now on, processes that we start get the standard streams that we give them and not our own beside those: an
/// agent that inherits the pipe of an AWS tool would keep the tool waiting for its end.
pub fn keep_standard_streams() {
    let streams: [RawHandle; 3] = [
        io::stdin().as_raw_handle(),
        io::stdout().as_raw_handle(),
        io::stderr().as_raw_handle(),
    ];
    for stream in streams.into_iter().filter(|stream| !stream.is_null()) {
        // SAFETY: changes a flag of a handle that this process has for its whole life; a closed one is refused.
        let changed = succeeded(unsafe { SetHandleInformation(stream, HANDLE_FLAG_INHERIT, 0) });
        if let Err(error) = changed {
            tracing::debug!(%error, "a standard stream stays inheritable");
        }
    }
}

fn token_of_process() -> io::Result<OwnedHandle> {
    let mut token = ptr::null_mut();
    // SAFETY: the handle of our own process needs no closing; the result goes to a variable of ours.
    succeeded(unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) })?;
    // SAFETY: the call has just opened it for us.
    Ok(unsafe { OwnedHandle::from_raw_handle(token) })
}

/// # Safety
/// `identifier` is null or points to a valid security identifier.
unsafe fn text_of(identifier: PSID) -> io::Result<String> {
    let mut text = ptr::null_mut();
    // SAFETY: the caller vouches for the identifier, and null is refused; the result goes to a variable of ours.
    succeeded(unsafe { ConvertSidToStringSidW(identifier, &raw mut text) })?;
    let text = Allocated(text.cast());
    // SAFETY: Windows has written a text that ends with a zero; it is freed after it was copied.
    let text = unsafe { U16CStr::from_ptr_str(text.0.cast()) };
    text.to_string().map_err(io::Error::other)
}

fn succeeded(answer: i32) -> io::Result<()> {
    if answer == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Memory that Windows has allocated for an answer, or null.
struct Allocated(HLOCAL);

impl Drop for Allocated {
    fn drop(&mut self) {
        // SAFETY: it was allocated by a call that documents LocalFree for it, and nobody else frees it.
        unsafe { LocalFree(self.0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_has_an_identifier() {
        assert!(user().unwrap().starts_with("S-1-5-"), "{:?}", user());
    }

    #[tokio::test]
    async fn the_owner_of_a_pipe_is_told() {
        let name = format!(r"\\.\pipe\portray-test-{}", std::process::id());
        let pipe = tokio::net::windows::named_pipe::ServerOptions::new().create(&name);
        assert_eq!(owner(&pipe.unwrap()).unwrap(), user().unwrap());
    }

    #[test]
    fn a_process_can_be_closed_to_others() {
        close_process().unwrap();
    }
}
