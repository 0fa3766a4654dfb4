//! The host's end of a container's network.

use crate::failure::{Attempt, Result};
use crate::init::network::configure_interface;
use crate::init::procfs::Procfs;
use netlink::{Socket, VethPair, parse_mac};
use oci::{ConfigError, Linux, NamespaceKind};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::process::Pid;
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};
use wire::NetworkAttachment;

fn open_namespace(pid: Pid) -> Result<OwnedFd> {
    let path = format!("/proc/{}/ns/net", pid.as_raw_nonzero());
    rustix::fs::open(&path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).attempt(format!("open {path}"))
}

/// Gives a container at birth its veth pairs and the host's interfaces it is to have.
pub fn attach_all(networks: &[NetworkAttachment], linux: &Linux, pid: Pid) -> Result<()> {
    if networks.is_empty() && linux.net_devices.is_empty() {
        return Ok(());
    }
    if !linux.is_new(NamespaceKind::Network) {
        return Err(ConfigError::invalid("linux.namespaces", "networks need a new network namespace").into());
    }
    let namespace = open_namespace(pid)?;
    let mut socket = Socket::open().attempt("create the container's interfaces")?;
    for network in networks {
        attach_interface(&mut socket, network, namespace.as_fd())?;
    }
    for (name, device) in &linux.net_devices {
        let index = socket.index(name).attempt(format!("move interface {name} into the container"))?;
        let inside = if device.name.is_empty() { name } else { &device.name };
        socket.move_link(index, namespace.as_fd(), inside).attempt(format!("move interface {name} into the container"))?;
    }
    Ok(())
}

/// The same with addresses and routes, for a container that another runtime has made.
pub fn attach_networks(networks: &[NetworkAttachment], linux: &Linux, pid: Pid) -> Result<()> {
    attach_all(networks, linux, pid)?;
    networks.iter().try_for_each(|network| configure_inside(open_namespace(pid)?, network.clone()))
}

pub fn attach_interface(socket: &mut Socket, network: &NetworkAttachment, namespace: BorrowedFd) -> Result<()> {
    let what = format!("connect {} to bridge {}", network.host_interface, network.bridge);
    let pair = VethPair {
        host_name: &network.host_interface,
        bridge: socket.index(&network.bridge).attempt(&what)?,
        peer_name: &network.name,
        peer_mac: parse_mac(&network.mac).attempt(&what)?,
        mtu: network.mtu,
        namespace,
    };
    socket.create_veth(&pair).attempt(&what)
}

/// Configures an interface of a running container, on a thread of its own that enters the container's network namespace and ends there.
pub fn configure_inside(namespace: OwnedFd, network: NetworkAttachment) -> Result<()> {
    let inside = move || {
        move_into_thread_name_spaces(namespace.as_fd(), ThreadNameSpaceType::NETWORK).attempt("enter the container's network namespace")?;
        let procfs = Procfs::open()?;
        configure_interface(&mut Socket::open().attempt("configure the network")?, &network, Some(&procfs))
    };
    std::thread::spawn(inside).join().unwrap_or_else(|_| Err(wire::Failure::bug("configuring a network panicked")))
}
