/** Whether a URL means the machine it is used on, and so is of no use to another host. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}

/** On a host with the agent's package unpacked: as a systemd unit that stays, or in the foreground to try it. */
export function joinCommands(serverUrl: string, token: string): { install: string; tryOut: string } {
  return { install: `sudo ./install.sh ${serverUrl} ${token}`, tryOut: `sudo bin/gantry join ${serverUrl} ${token}` };
}
