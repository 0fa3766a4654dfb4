//! Interfaces, bridges, and what happens to them.

mod support;

use serde_json::{Value, json};
use std::path::Path;
use support::{Server, unique, until};

fn exists(interface: &str) -> bool {
    Path::new("/sys/class/net").join(interface).exists()
}

struct Bridge(String);

impl Bridge {
    fn new(server: &mut Server, address: &str) -> Self {
        let bridge = Self(unique("gt"));
        server.ok("network.bridge.ensure", json!({ "name": bridge.0, "addresses": [address], "mtu": 1500 }));
        bridge
    }

    fn attachment(&self, interface: &str, name: &str, address: &str, gateway: Option<&str>) -> Value {
        let last: u8 = address.split(['.', '/']).nth(3).unwrap().parse().unwrap();
        json!({
            "bridge": self.0, "hostInterface": interface, "name": name, "mac": format!("02:42:0a:00:00:{last:02x}"),
            "addresses": [address], "gateways": gateway.into_iter().collect::<Vec<_>>(), "mtu": 1400,
        })
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = std::process::Command::new("ip").args(["link", "delete", &self.0]).status();
    }
}

#[test]
fn a_container_is_on_its_bridge_and_its_interface_dies_with_it() {
    let mut server = Server::start();
    let bridge = Bridge::new(&mut server, "10.254.7.1/24");
    let host = unique("gv");
    let mut bundle = server
        .bundle()
        .sh("ip -o addr; ip route; cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6; ping -c1 -W2 10.254.7.1; exec sleep 1000")
        .log(0, 1);
    bundle.networks.push(bridge.attachment(&host, "eth0", "10.254.7.2/24", Some("10.254.7.1")));
    server.start_container(&bundle);
    let log = || std::fs::read_to_string(bundle.log_path()).unwrap();
    until("it has pinged", || log().contains("packets transmitted"));
    let text = log();
    for wanted in ["10.254.7.2/24", "127.0.0.1/8", "default via 10.254.7.1 dev eth0", "1 packets received", "{\"log\":\"1\\n\""] {
        assert!(text.contains(wanted), "{wanted} is not in {text}");
    }
    assert!(!text.contains("fe80"), "{text}");
    let hardware = std::fs::read_to_string(format!("/sys/class/net/{}/address", bridge.0)).unwrap();
    assert_eq!(hardware.trim(), "02:42:0a:fe:07:01", "the bridge keeps its own address whoever joins it");
    assert_eq!(std::fs::read_to_string(format!("/sys/class/net/{host}/mtu")).unwrap().trim(), "1400");
    let stats = server.ok("container.stats", json!({ "containerId": bundle.id }));
    assert!(stats["networks"]["eth0"]["rxPackets"].as_u64() > Some(0), "{stats}");
    server.ok("container.delete", json!({ "containerId": bundle.id, "force": true }));
    until("the host's end is gone", || !exists(&host));
    server.ok("network.bridge.delete", json!({ "name": bridge.0 }));
    assert!(!exists(&bridge.0));
    server.ok("network.bridge.delete", json!({ "name": bridge.0 }));
}

#[test]
fn connects_and_disconnects_a_running_container() {
    let mut server = Server::start();
    let (first, second) = (Bridge::new(&mut server, "10.254.8.1/24"), Bridge::new(&mut server, "10.254.9.1/24"));
    let mut bundle = server.bundle().args(&["sleep", "1000"]);
    bundle.networks.push(first.attachment(&unique("gv"), "eth0", "10.254.8.2/24", Some("10.254.8.1")));
    server.start_container(&bundle);
    let host = unique("gv");
    let attachment = second.attachment(&host, "eth1", "10.254.9.2/24", Some("10.254.9.1"));
    server.ok("network.connect", json!({ "containerId": bundle.id, "attachment": attachment }));
    let (output, _) = server.sh(&bundle.id, "ip -o addr show eth1; ip route; ping -c1 -W2 10.254.9.1");
    assert!(output.contains("10.254.9.2/24") && output.contains("1 packets received"), "{output}");
    assert!(output.contains("default via 10.254.8.1"), "the first network keeps the default route: {output}");
    server.ok("network.disconnect", json!({ "containerId": bundle.id, "hostInterface": host, "name": "eth1" }));
    assert!(!exists(&host) && !server.sh(&bundle.id, "ip -o link").0.contains("eth1"));
}

#[test]
fn a_network_that_cannot_be_made_leaves_nothing() {
    let mut server = Server::start();
    let mut bundle = server.bundle();
    let host = unique("gv");
    let nowhere = Bridge("no-such-bridge".into());
    bundle.networks.push(nowhere.attachment(&host, "eth0", "10.254.6.2/24", None));
    std::mem::forget(nowhere);
    assert_eq!(server.create(&bundle).unwrap_err()["code"], "not-found");
    assert!(!exists(&host));
    let bridge = Bridge::new(&mut server, "10.254.6.1/24");
    let mut bundle = server.bundle();
    let mut attachment = bridge.attachment(&host, "eth0", "10.254.6.2/24", None);
    attachment["addresses"] = json!(["10.254.6.2/99"]);
    bundle.networks.push(attachment);
    assert_eq!(server.create(&bundle).unwrap_err()["code"], "invalid");
    until("the interface is gone", || !exists(&host));
}
