#!/bin/sh
# Makes this host a node: ./install.sh URL TOKEN [NAME]. Run again to upgrade; containers keep running.
set -eu

url=${1:-}
token=${2:-}
name=${3:-$(hostname)}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

fail() {
  echo "install.sh: $1" >&2
  exit 1
}

[ -n "$url" ] && [ -n "$token" ] || fail "usage: ./install.sh URL TOKEN [NAME]; the dashboard's Nodes page makes the token"
[ "$(id -u)" = 0 ] || fail "a node runs containers, which needs root: use sudo"
command -v nft >/dev/null 2>&1 || fail "published ports need nftables: apt-get install nftables (or your distribution's equal)"
grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null || fail "this kernel has no overlayfs"

getent group gantry >/dev/null 2>&1 || groupadd --system gantry

# Beside, then renamed: a running agent keeps its files until it is restarted below.
rm -rf /opt/gantry.new
mkdir -p /opt
cp -a "$here" /opt/gantry.new
chown -R root:root /opt/gantry.new
rm -rf /opt/gantry.old
[ ! -e /opt/gantry ] || mv /opt/gantry /opt/gantry.old
mv /opt/gantry.new /opt/gantry
rm -rf /opt/gantry.old
ln -sf /opt/gantry/bin/gantry /usr/local/bin/gantry

mkdir -p /etc/gantry /var/lib/gantry/agent /var/lib/gantry/run
umask 077
cat > /etc/gantry/agent.env <<SETTINGS
GANTRY_SERVER_URL=$url
GANTRY_JOIN_TOKEN=$token
GANTRY_NODE_NAME=$name
GANTRY_DATA_DIR=/var/lib/gantry/agent
GANTRY_ENGINE_SOCKET=/var/lib/gantry/run/engine.sock
GANTRY_EXECUTOR=/opt/gantry/bin/gantry-executor
SETTINGS

if [ -d /run/systemd/system ]; then
  install -m 0644 /opt/gantry/gantry-agent.service /etc/systemd/system/gantry-agent.service
  systemctl daemon-reload
  systemctl enable gantry-agent.service
  systemctl restart gantry-agent.service
  echo "This host is joining $url as $name: journalctl -fu gantry-agent shows how it goes."
else
  echo "There is no systemd here. Run the agent under your own supervisor:"
  echo "  gantry join $url $token --name $name"
fi
