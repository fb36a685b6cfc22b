//! Which addresses may be called: the public internet, and what the operator allows beyond it.
//!
//! The ranges follow the IANA special-purpose registries. IPv6 is judged the other way around: only global unicast
//! passes, without the ranges that carry an IPv4 address inside, because those would go around the IPv4 rules.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// What one client may reach.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Subnets that may be called although they are not public.
    pub allow: Vec<Subnet>,
    /// This machine itself may be called.
    pub allow_loopback: bool,
}

impl Policy {
    /// Whether an address may be connected to.
    pub fn permits(&self, address: IpAddr) -> bool {
        let plain = address.to_canonical();
        if self.allow.iter().any(|subnet| subnet.contains(plain)) {
            return true;
        }
        if plain.is_loopback() {
            return self.allow_loopback;
        }
        match address {
            IpAddr::V4(address) => is_public_v4(address),
            IpAddr::V6(address) => is_public_v6(address),
        }
    }
}

/// First address and prefix length of what is not the public internet.
const SPECIAL_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The metadata service of one large cloud lives on a public address.
const METADATA_V4: [Ipv4Addr; 1] = [Ipv4Addr::new(168, 63, 129, 16)];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = SPECIAL_V4.iter().any(|(base, bits)| same_prefix_v4(*base, address, *bits));
    !special && !METADATA_V4.contains(&address)
}

/// Inside global unicast (2000::/3): protocol assignments with Teredo, documentation, 6to4, segment routing.
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

fn is_public_v6(address: Ipv6Addr) -> bool {
    let global = same_prefix_v6(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), address, 3);
    let special = SPECIAL_V6.iter().any(|(base, bits)| same_prefix_v6(*base, address, *bits));
    global && !special
}

fn same_prefix_v4(one: Ipv4Addr, other: Ipv4Addr, bits: u32) -> bool {
    (one.to_bits() ^ other.to_bits()).leading_zeros() >= bits
}

fn same_prefix_v6(one: Ipv6Addr, other: Ipv6Addr, bits: u32) -> bool {
    (one.to_bits() ^ other.to_bits()).leading_zeros() >= bits
}

/// A range of addresses, written `10.1.0.0/16` or `fd00::/8`; an address alone is a range of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    base: IpAddr,
    bits: u32,
}

impl Subnet {
    /// Whether the address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => same_prefix_v4(base, address, self.bits),
            (IpAddr::V6(base), IpAddr::V6(address)) => same_prefix_v6(base, address, self.bits),
            _ => false,
        }
    }
}

/// The text is not a subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotASubnet(pub String);

impl fmt::Display for NotASubnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a subnet; write it like 10.1.0.0/16", self.0)
    }
}

impl std::error::Error for NotASubnet {}

impl FromStr for Subnet {
    type Err = NotASubnet;

    fn from_str(text: &str) -> Result<Subnet, NotASubnet> {
        let wrong = || NotASubnet(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let base: IpAddr = address.parse().map_err(|_| wrong())?;
        let bits_max = if base.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().map_err(|_| wrong())?,
            None => bits_max,
        };
        if bits > bits_max {
            return Err(wrong());
        }
        Ok(Subnet { base, bits })
    }
}
