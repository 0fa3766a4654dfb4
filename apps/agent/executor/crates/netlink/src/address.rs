use crate::{Error, Result};
use std::net::IpAddr;

/// An address with the length of its network's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    pub address: IpAddr,
    pub prefix: u8,
}

impl std::str::FromStr for Cidr {
    type Err = Error;

    fn from_str(value: &str) -> Result<Self> {
        let syntax = || Error::Syntax { value: value.to_owned(), expected: "an address in CIDR notation" };
        let (address, prefix) = value.split_once('/').ok_or_else(syntax)?;
        let address: IpAddr = address.parse().map_err(|_| syntax())?;
        let prefix: u8 = prefix.parse().map_err(|_| syntax())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        if prefix > bits { Err(syntax()) } else { Ok(Self { address, prefix }) }
    }
}

impl Cidr {
    /// The IPv4 broadcast address, where the prefix leaves room for one.
    pub(crate) fn broadcast(&self) -> Option<[u8; 4]> {
        match self.address {
            IpAddr::V4(address) if self.prefix < 31 => Some((u32::from(address) | u32::MAX >> self.prefix).to_be_bytes()),
            _ => None,
        }
    }
}

impl Cidr {
    /// A locally administered hardware address made from the address, as container engines do it: unique where the address is.
    pub fn to_mac(&self) -> [u8; 6] {
        let bytes = octets(&self.address);
        let mut mac = [0x02, 0x42, 0, 0, 0, 0];
        mac[2..].copy_from_slice(&bytes[bytes.len() - 4..]);
        mac
    }
}

pub(crate) fn octets(address: &IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

pub fn parse_mac(value: &str) -> Result<[u8; 6]> {
    let syntax = || Error::Syntax { value: value.to_owned(), expected: "a hardware address" };
    let mut mac = [0; 6];
    let mut parts = value.split(':');
    for byte in &mut mac {
        let part = parts.next().filter(|part| part.len() == 2).ok_or_else(syntax)?;
        *byte = u8::from_str_radix(part, 16).map_err(|_| syntax())?;
    }
    if parts.next().is_some() { Err(syntax()) } else { Ok(mac) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_refuses_addresses() {
        let cidr: Cidr = "172.17.0.2/16".parse().unwrap();
        assert_eq!(cidr.broadcast(), Some([172, 17, 255, 255]));
        assert_eq!(cidr.to_mac(), [0x02, 0x42, 172, 17, 0, 2]);
        assert_eq!("fd00::1:2/64".parse::<Cidr>().unwrap().to_mac(), [0x02, 0x42, 0, 1, 0, 2]);
        assert_eq!("10.0.0.1/32".parse::<Cidr>().unwrap().broadcast(), None);
        assert!("fd00::2/64".parse::<Cidr>().is_ok());
        for bad in ["172.17.0.2", "172.17.0.2/33", "fd00::/129", "x/8", "1.2.3.4/-1"] {
            assert!(bad.parse::<Cidr>().is_err(), "{bad}");
        }
    }

    #[test]
    fn parses_and_refuses_hardware_addresses() {
        assert_eq!(parse_mac("02:42:ac:11:00:02").unwrap(), [2, 0x42, 0xac, 0x11, 0, 2]);
        for bad in ["02:42:ac:11:00", "02:42:ac:11:00:02:03", "2:42:ac:11:0:2", "zz:42:ac:11:00:02"] {
            assert!(parse_mac(bad).is_err(), "{bad}");
        }
    }
}
