//! Whose process is at the other end of a loopback TCP connection: Linux lists it in `/proc/net/tcp`.

use std::fmt;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;

/// Whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Of a process of our user; its socket by the number that the kernel has for it, where it tells.
    Ours {
        socket: Option<u64>,
    },
    NotOurs,
}

/// How a peer is looked up: takes milliseconds, and more on a machine with many connections. Clones are the same.
#[derive(Clone)]
pub struct LookUp(Arc<dyn Fn(SocketAddr, SocketAddrV4) -> Peer + Send + Sync>);

impl LookUp {
    pub fn of_the_system() -> Self {
        Self(Arc::new(peer))
    }

    #[cfg(test)]
    pub fn by(look_up: impl Fn(SocketAddr, SocketAddrV4) -> Peer + Send + Sync + 'static) -> Self {
        Self(Arc::new(look_up))
    }

    /// Holds up nobody else meanwhile. None: it failed.
    pub async fn peer(&self, from: SocketAddr, ours: SocketAddrV4) -> Option<Peer> {
        let look_up = self.clone();
        tokio::task::spawn_blocking(move || look_up.0(from, ours))
            .await
            .ok()
    }
}

impl fmt::Debug for LookUp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LookUp")
    }
}

/// Whether the process that connected from `peer` to `ours` belongs to our user.
///
/// One rule for every door: a peer that the kernel lists under another user, or does not list, is not ours. Only where
/// the system gives no list at all, the secret that the peer has to know (a link's path, a token) decides alone.
#[cfg(target_os = "linux")]
pub fn peer(peer: SocketAddr, ours: SocketAddrV4) -> Peer {
    let me = rustix::process::geteuid().as_raw();
    // The list changes while it is read, and an entry can be missed: a second look decides.
    let listed = match linux::listed(peer, ours) {
        Ok(None) => linux::listed(peer, ours),
        told => told,
    };
    match listed {
        Ok(Some(end)) if end.uid == me => Peer::Ours {
            socket: Some(end.socket),
        },
        Ok(_) => Peer::NotOurs,
        Err(error) => {
            tracing::debug!(%error, "the kernel does not list connections");
            Peer::Ours { socket: None }
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub fn peer(_peer: SocketAddr, _ours: SocketAddrV4) -> Peer {
    Peer::Ours { socket: None }
}

/// The same for those who only want to know whether it is ours.
pub fn is_same_user(from: SocketAddr, ours: SocketAddrV4) -> bool {
    peer(from, ours) != Peer::NotOurs
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::io::{self, Read};
    use std::net::{SocketAddr, SocketAddrV4};

    /// The other end of a connection, as the kernel lists it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct End {
        pub uid: u32,
        pub socket: u64,
    }

    /// The end that connected from `peer` to `ours`; none where the connection is not listed.
    pub fn listed(peer: SocketAddr, ours: SocketAddrV4) -> io::Result<Option<End>> {
        let SocketAddr::V4(peer) = peer else {
            return Ok(None);
        };
        let listed = File::open("/proc/net/tcp")?;
        if let Some(end) = find(listed, &hexadecimal(peer), &hexadecimal(ours))? {
            return Ok(Some(end));
        }
        // A client with an IPv6 socket (Java, say) reaches 127.0.0.1 from a mapped address.
        match File::open("/proc/net/tcp6") {
            Ok(listed) => find(listed, &mapped(peer), &mapped(ours)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Looked through as one text: the list is as long as the machine has connections, and somebody else may make many.
    pub(super) fn find(mut listed: impl Read, local: &str, remote: &str) -> io::Result<Option<End>> {
        let mut text = String::new();
        listed.read_to_string(&mut text)?;
        let ends = format!(" {local} {remote} ");
        let Some((_, rest)) = text.split_once(&ends) else {
            return Ok(None);
        };
        // State, queues, timer and retransmissions come before.
        let mut fields = rest.split_ascii_whitespace().skip(4);
        let uid = fields.next().and_then(|uid| uid.parse().ok());
        let socket = fields.nth(1).and_then(|socket| socket.parse().ok());
        Ok(uid.zip(socket).map(|(uid, socket)| End { uid, socket }))
    }

    /// As the kernel prints it: the address as one number in the machine's byte order.
    pub(super) fn hexadecimal(address: SocketAddrV4) -> String {
        format!("{}:{:04X}", word(address.ip().octets()), address.port())
    }

    pub(super) fn mapped(address: SocketAddrV4) -> String {
        let zeros = word([0; 4]);
        let marker = word([0, 0, 0xff, 0xff]);
        format!("{zeros}{zeros}{marker}{}", hexadecimal(address))
    }

    fn word(octets: [u8; 4]) -> String {
        format!("{:08X}", u32::from_ne_bytes(octets))
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::linux::*;
    use super::*;

    #[test]
    fn h4_the_uid_of_a_client_is_told_for_both_kinds_of_sockets() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let SocketAddr::V4(ours) = listener.local_addr().unwrap() else {
            unreachable!("bound to an IPv4 address")
        };
        let _client = std::net::TcpStream::connect(ours).unwrap();
        let (_, peer) = listener.accept().unwrap();
        let me = rustix::process::geteuid().as_raw();
        assert_eq!(listed(peer, ours).unwrap().map(|end| end.uid), Some(me));
        let nobody: SocketAddr = "127.0.0.1:1".parse().unwrap();
        assert_eq!(listed(nobody, ours).unwrap(), None);
        assert!(is_same_user(peer, ours));
        assert!(!is_same_user(nobody, ours), "who is not listed is not ours");
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn b1_the_kernels_table_tells_whose_connection_it_is() {
        let listed = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
             0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1\n   \
             1: 0100007F:D431 0100007F:1F90 01 00000000:00000000 00:00000000 00000000 65534        0 2\n";
        let address = |port: u16| hexadecimal(SocketAddrV4::new([127, 0, 0, 1].into(), port));
        let end = |local, remote| find(listed.as_bytes(), &address(local), &address(remote)).unwrap();
        let expected = End {
            uid: 65534,
            socket: 2,
        };
        assert_eq!(end(0xD431, 0x1F90), Some(expected));
        assert_eq!(end(0xD431, 0x1F91), None);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_mapped_address_is_printed_as_the_kernel_does() {
        assert_eq!(
            mapped("127.0.0.1:8080".parse().unwrap()),
            "0000000000000000FFFF00000100007F:1F90"
        );
    }
}
