//! What this machine's network looks like, so that a change of it is noticed where no service tells of it.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// The addresses by which this machine is in a network; none where the system does not say.
///
/// Those of loopback and of a single link come and go with containers and sleeping interfaces: they tell nothing.
pub(super) fn addresses() -> Option<BTreeSet<IpAddr>> {
    let interfaces = match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces,
        Err(error) => {
            tracing::debug!("the system does not say which addresses it has: {error}");
            return None;
        }
    };
    let leading = interfaces
        .into_iter()
        .map(|interface| interface.ip())
        .filter(|address| leads_somewhere(*address));
    Some(leading.collect())
}

fn leads_somewhere(address: IpAddr) -> bool {
    let of_one_link = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !of_one_link && !address.is_loopback() && !address.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n1_the_system_says_which_addresses_it_has() {
        let addresses = addresses().unwrap();
        assert!(
            addresses.iter().all(|address| leads_somewhere(*address)),
            "{addresses:?}"
        );
        for (address, leads) in [
            ("192.168.1.23", true),
            ("100.64.0.1", true),
            ("2001:db8::1", true),
            ("fd00::1", true),
            ("127.0.0.1", false),
            ("::1", false),
            ("169.254.7.7", false),
            ("fe80::1", false),
        ] {
            assert_eq!(leads_somewhere(address.parse().unwrap()), leads, "{address}");
        }
    }
}
