//! Bridges, and interfaces of running containers.

use super::{Server, containers};
use crate::container;
use crate::failure::{Attempt, Result};
use crate::launch::{attach_interface, configure_inside};
use netlink::{Cidr, Socket};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use wire::NetworkAttachment;

/// Names become netlink attributes and file names below /proc/sys.
fn check_name(name: &str) -> Result<()> {
    let is_ok = !name.is_empty()
        && name.len() <= 15
        && name != "."
        && name != ".."
        && !name.contains(['/', ':'])
        && !name.contains(char::is_whitespace);
    if is_ok { Ok(()) } else { Err(wire::Failure::new(wire::Code::Invalid, format!("{name:?} is not an interface name"))) }
}

pub fn ensure_bridge(name: &str, addresses: &[String], mtu: u32) -> Result<()> {
    check_name(name)?;
    let what = format!("ensure bridge {name}");
    let addresses = addresses.iter().map(|address| address.parse::<Cidr>()).collect::<netlink::Result<Vec<_>>>().attempt(&what)?;
    let mut socket = Socket::open().attempt(&what)?;
    let index = match socket.create_bridge(name, mtu) {
        Err(error) if error.errno() == Some(rustix::io::Errno::EXIST) => {
            let index = socket.index(name).attempt(&what)?;
            socket.set_mtu(index, mtu).attempt(&what)?;
            index
        }
        made => {
            made.attempt(&what)?;
            socket.index(name).attempt(&what)?
        }
    };
    // Without one of its own a bridge takes the lowest of its ports', another one whenever a container comes or goes; those that talked to
    // it before would go on sending to the old one, in vain.
    if let Some(address) = addresses.first() {
        socket.set_mac(index, &address.to_mac()).attempt(&what)?;
    }
    addresses.iter().try_for_each(|address| socket.add_address(index, address).attempt(&what))?;
    socket.set_up(index).attempt(what)
}

/// A bridge that is not there is as good as deleted.
pub fn delete_bridge(name: &str) -> Result<()> {
    delete_interface(name).attempt(format!("delete bridge {name}"))
}

fn delete_interface(name: &str) -> netlink::Result<()> {
    let mut socket = Socket::open()?;
    let deleted = socket.index(name).and_then(|index| socket.delete_link(index));
    match deleted {
        Err(error) if error.errno() == Some(rustix::io::Errno::NODEV) => Ok(()),
        result => result,
    }
}

fn open_namespace(server: &Server, id: &str) -> Result<OwnedFd> {
    let record = containers::record(server, id)?;
    let not_running = || container::wrong_state(&record, "running");
    let process = record.live_process().ok_or_else(not_running)?;
    let path = format!("/proc/{}/ns/net", process.pid);
    let namespace = rustix::fs::open(&path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).attempt(format!("open {path}"))?;
    // Checked after the opening: then it was the container's at the opening.
    if process.is_alive() { Ok(namespace) } else { Err(not_running()) }
}

pub fn connect(server: &Server, id: &str, attachment: NetworkAttachment) -> Result<()> {
    check_name(&attachment.name)?;
    check_name(&attachment.host_interface)?;
    let namespace = open_namespace(server, id)?;
    let mut socket = Socket::open().attempt("connect the container")?;
    attach_interface(&mut socket, &attachment, namespace.as_fd())?;
    let host_interface = attachment.host_interface.clone();
    let configured = configure_inside(namespace, attachment);
    if configured.is_err() {
        let _ = delete_interface(&host_interface);
    }
    configured
}

/// The pair goes as one: its other end disappears from the container with it.
pub fn disconnect(server: &Server, id: &str, host_interface: &str, name: &str) -> Result<()> {
    containers::record(server, id)?;
    delete_interface(host_interface).attempt(format!("disconnect interface {name} of container {id}"))
}
