//! The container's end of its network: interfaces are here already, born with their names and hardware addresses.

use super::procfs::Procfs;
use crate::failure::{Attempt, Result};
use crate::plan::InitPlan;
use netlink::{Cidr, Socket};
use std::net::IpAddr;
use wire::{Code, Failure, NetworkAttachment};

const LOOPBACK: u32 = 1;

pub fn configure(init: &InitPlan, has_own_namespace: bool) -> Result<()> {
    if !has_own_namespace {
        return Ok(());
    }
    let mut socket = Socket::open().attempt("configure the network")?;
    socket.set_up(LOOPBACK).attempt("configure the network")?;
    let procfs = if init.networks.iter().any(|network| !has_ipv6(network)) { Some(Procfs::open()?) } else { None };
    for network in &init.networks {
        configure_interface(&mut socket, network, procfs.as_ref())?;
    }
    Ok(())
}

fn has_ipv6(network: &NetworkAttachment) -> bool {
    network.addresses.iter().any(|address| address.contains(':'))
}

/// Addresses and routes for one interface of the current network namespace.
pub fn configure_interface(socket: &mut Socket, network: &NetworkAttachment, procfs: Option<&Procfs>) -> Result<()> {
    let what = format!("configure interface {}", network.name);
    let index = socket.index(&network.name).attempt(&what)?;
    if let Some(procfs) = procfs.filter(|_| !has_ipv6(network)) {
        // Without an address of its own it gets no link-local one either: a network without IPv6 is without IPv6 (CVE-2024-32473).
        let file = format!("sys/net/ipv6/conf/{}/disable_ipv6", network.name);
        if procfs.exists(&file) {
            procfs.write(&file, b"1")?;
        }
    }
    for address in &network.addresses {
        let cidr: Cidr = address.parse::<Cidr>().attempt(&what)?;
        socket.add_address(index, &cidr).attempt(&what)?;
    }
    socket.set_up(index).attempt(&what)?;
    for gateway in &network.gateways {
        let gateway: IpAddr = gateway.parse().map_err(|_| Failure::new(Code::Invalid, format!("{what}: {gateway:?} is not an address")))?;
        match socket.add_default_route(index, &gateway) {
            // An earlier interface has the default route.
            Err(error) if error.errno() == Some(rustix::io::Errno::EXIST) => {}
            result => result.attempt(&what)?,
        }
    }
    Ok(())
}
