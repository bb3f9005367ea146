//! Whose process is at the other end of a loopback TCP connection: Linux lists it in `/proc/net/tcp`.

use std::net::{SocketAddr, SocketAddrV4};

/// Whether the process that connected from `peer` to `ours` belongs to our user.
///
/// One rule for every door: a peer that the kernel lists under another user, or does not list, is not ours. Only where
/// the system gives no list at all, the secret that the peer has to know (a link's path, a token) decides alone.
#[cfg(target_os = "linux")]
pub fn is_same_user(peer: SocketAddr, ours: SocketAddrV4) -> bool {
    let me = rustix::process::geteuid().as_raw();
    // The list changes while it is read, and an entry can be missed: a second look decides.
    let uid = match linux::uid(peer, ours) {
        Ok(None) => linux::uid(peer, ours),
        told => told,
    };
    match uid {
        Ok(uid) => uid == Some(me),
        Err(error) => {
            tracing::debug!(%error, "the kernel does not list connections");
            true
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub fn is_same_user(_peer: SocketAddr, _ours: SocketAddrV4) -> bool {
    true
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::io::{self, BufRead, BufReader};
    use std::net::{SocketAddr, SocketAddrV4};

    /// The user id of the process that connected from `peer` to `ours`; none where the connection is not listed.
    pub fn uid(peer: SocketAddr, ours: SocketAddrV4) -> io::Result<Option<u32>> {
        let SocketAddr::V4(peer) = peer else {
            return Ok(None);
        };
        let listed = BufReader::new(File::open("/proc/net/tcp")?);
        if let Some(uid) = find(listed, &hexadecimal(peer), &hexadecimal(ours))? {
            return Ok(Some(uid));
        }
        // A client with an IPv6 socket (Java, say) reaches 127.0.0.1 from a mapped address.
        match File::open("/proc/net/tcp6") {
            Ok(listed) => find(BufReader::new(listed), &mapped(peer), &mapped(ours)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Line by line: the list is as long as the machine has connections.
    pub(super) fn find(listed: impl BufRead, local: &str, remote: &str) -> io::Result<Option<u32>> {
        for line in listed.lines().skip(1) {
            let line = line?;
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            if fields.get(1) == Some(&local) && fields.get(2) == Some(&remote) {
                return Ok(fields.get(7).and_then(|uid| uid.parse().ok()));
            }
        }
        Ok(None)
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
        assert_eq!(uid(peer, ours).unwrap(), Some(me));
        let nobody: SocketAddr = "127.0.0.1:1".parse().unwrap();
        assert_eq!(uid(nobody, ours).unwrap(), None);
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
        let uid = |local, remote| find(listed.as_bytes(), &address(local), &address(remote)).unwrap();
        assert_eq!(uid(0xD431, 0x1F90), Some(65534));
        assert_eq!(uid(0xD431, 0x1F91), None);
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
