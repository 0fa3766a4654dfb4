use crate::address::{Cidr, octets};
use crate::message::Message;
use crate::{Error, Result};
use rustix::fd::{AsRawFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use std::net::IpAddr;

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_SETLINK: u16 = 19;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;
const NLM_REQUEST_ACK: u16 = 0x1 | 0x4;
const NLM_CREATE_EXCL: u16 = 0x400 | 0x200;
const NLM_CREATE_REPLACE: u16 = 0x400 | 0x100;
const NLMSG_ERROR: u16 = 2;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
const IFA_F_NODAD: u8 = 0x02;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTNH_F_ONLINK: u32 = 4;
const IFF_UP: u32 = 1;

/// A veth pair made in one message: the host end goes onto `bridge`, up; the other is born in `namespace`, down.
pub struct VethPair<'a> {
    pub host_name: &'a str,
    pub bridge: u32,
    pub peer_name: &'a str,
    pub peer_mac: [u8; 6],
    pub mtu: u32,
    pub namespace: BorrowedFd<'a>,
}

/// An rtnetlink socket of the network namespace that opened it.
pub struct Socket {
    fd: OwnedFd,
    sequence: u32,
}

fn link_header(index: u32, flags: u32, change: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..16].copy_from_slice(&change.to_ne_bytes());
    header
}

fn family(address: &IpAddr) -> u8 {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    family.as_raw() as u8
}

impl Socket {
    pub fn open() -> Result<Self> {
        let fd = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)
            .map_err(|errno| Error::Kernel { attempt: "open a netlink socket".into(), errno })?;
        Ok(Self { fd, sequence: 0 })
    }

    fn request(&mut self, message: Message, attempt: impl FnOnce() -> String) -> Result<()> {
        self.exchange(message).map_err(|errno| Error::Kernel { attempt: attempt(), errno })
    }

    fn exchange(&mut self, message: Message) -> std::result::Result<(), Errno> {
        self.sequence += 1;
        rustix::net::send(&self.fd, &message.finish(self.sequence), SendFlags::empty())?;
        let mut answer = [0u8; 4096];
        loop {
            let (length, _) = rustix::io::retry_on_intr(|| rustix::net::recv(&self.fd, &mut answer[..], RecvFlags::empty()))?;
            let word = |at: usize| <[u8; 4]>::try_from(&answer[at..at + 4]).map_or(0, u32::from_ne_bytes);
            if length < 20 || word(8) != self.sequence {
                continue;
            }
            if u16::from_ne_bytes([answer[4], answer[5]]) == NLMSG_ERROR {
                let code = word(16) as i32;
                return if code == 0 { Ok(()) } else { Err(Errno::from_raw_os_error(-code)) };
            }
        }
    }

    pub fn index(&self, name: &str) -> Result<u32> {
        rustix::net::netdevice::name_to_index(&self.fd, name).map_err(|errno| match errno {
            Errno::NODEV => Error::NoInterface { name: name.to_owned() },
            errno => Error::Kernel { attempt: format!("look up interface {name}"), errno },
        })
    }

    pub fn create_bridge(&mut self, name: &str, mtu: u32) -> Result<()> {
        let mut message = Message::new(RTM_NEWLINK, NLM_REQUEST_ACK | NLM_CREATE_EXCL, &link_header(0, IFF_UP, IFF_UP));
        message.text(IFLA_IFNAME, name).number(IFLA_MTU, mtu);
        let details = message.open(IFLA_LINKINFO);
        message.text(IFLA_INFO_KIND, "bridge");
        message.close(details);
        self.request(message, || format!("create bridge {name}"))
    }

    pub fn create_veth(&mut self, pair: &VethPair) -> Result<()> {
        let mut message = Message::new(RTM_NEWLINK, NLM_REQUEST_ACK | NLM_CREATE_EXCL, &link_header(0, IFF_UP, IFF_UP));
        message.text(IFLA_IFNAME, pair.host_name).number(IFLA_MTU, pair.mtu).number(IFLA_MASTER, pair.bridge);
        let details = message.open(IFLA_LINKINFO);
        message.text(IFLA_INFO_KIND, "veth");
        let kind = message.open(IFLA_INFO_DATA);
        let peer = message.open(VETH_INFO_PEER);
        message.raw(&link_header(0, 0, 0));
        message.text(IFLA_IFNAME, pair.peer_name).number(IFLA_MTU, pair.mtu).attribute(IFLA_ADDRESS, &pair.peer_mac);
        message.number(IFLA_NET_NS_FD, pair.namespace.as_raw_fd() as u32);
        message.close(peer);
        message.close(kind);
        message.close(details);
        self.request(message, || format!("create veth pair {} and {}", pair.host_name, pair.peer_name))
    }

    /// Moves a host interface into another network namespace under a new name.
    pub fn move_link(&mut self, index: u32, namespace: BorrowedFd, name: &str) -> Result<()> {
        let mut message = Message::new(RTM_SETLINK, NLM_REQUEST_ACK, &link_header(index, 0, 0));
        message.number(IFLA_NET_NS_FD, namespace.as_raw_fd() as u32).text(IFLA_IFNAME, name);
        self.request(message, || format!("move interface {index} to a container as {name}"))
    }

    pub fn delete_link(&mut self, index: u32) -> Result<()> {
        let message = Message::new(RTM_DELLINK, NLM_REQUEST_ACK, &link_header(index, 0, 0));
        self.request(message, || format!("delete interface {index}"))
    }

    pub fn set_up(&mut self, index: u32) -> Result<()> {
        let message = Message::new(RTM_SETLINK, NLM_REQUEST_ACK, &link_header(index, IFF_UP, IFF_UP));
        self.request(message, || format!("bring interface {index} up"))
    }

    pub fn set_mac(&mut self, index: u32, mac: &[u8; 6]) -> Result<()> {
        let mut message = Message::new(RTM_SETLINK, NLM_REQUEST_ACK, &link_header(index, 0, 0));
        message.attribute(IFLA_ADDRESS, mac);
        self.request(message, || format!("set the hardware address of interface {index}"))
    }

    pub fn set_mtu(&mut self, index: u32, mtu: u32) -> Result<()> {
        let mut message = Message::new(RTM_SETLINK, NLM_REQUEST_ACK, &link_header(index, 0, 0));
        message.number(IFLA_MTU, mtu);
        self.request(message, || format!("set the mtu of interface {index} to {mtu}"))
    }

    /// Adds the address or refreshes it; IPv6 without duplicate address detection, which would make it unusable for a second.
    pub fn add_address(&mut self, index: u32, cidr: &Cidr) -> Result<()> {
        let mut header = [0; 8];
        (header[0], header[1]) = (family(&cidr.address), cidr.prefix);
        header[2] = if cidr.address.is_ipv6() { IFA_F_NODAD } else { 0 };
        header[4..8].copy_from_slice(&index.to_ne_bytes());
        let mut message = Message::new(RTM_NEWADDR, NLM_REQUEST_ACK | NLM_CREATE_REPLACE, &header);
        let bytes = octets(&cidr.address);
        message.attribute(IFA_LOCAL, &bytes).attribute(IFA_ADDRESS, &bytes);
        if let Some(broadcast) = cidr.broadcast() {
            message.attribute(IFA_BROADCAST, &broadcast);
        }
        self.request(message, || format!("add address {}/{} to interface {index}", cidr.address, cidr.prefix))
    }

    pub fn add_default_route(&mut self, index: u32, gateway: &IpAddr) -> Result<()> {
        const TABLE_MAIN: u8 = 254;
        const PROTOCOL_STATIC: u8 = 4;
        const TYPE_UNICAST: u8 = 1;
        let mut header = [0; 12];
        header[0] = family(gateway);
        (header[4], header[5], header[7]) = (TABLE_MAIN, PROTOCOL_STATIC, TYPE_UNICAST);
        header[8..12].copy_from_slice(&RTNH_F_ONLINK.to_ne_bytes());
        let mut message = Message::new(RTM_NEWROUTE, NLM_REQUEST_ACK | NLM_CREATE_EXCL, &header);
        message.attribute(RTA_GATEWAY, &octets(gateway)).number(RTA_OIF, index);
        self.request(message, || format!("add a default route by way of {gateway}"))
    }
}
