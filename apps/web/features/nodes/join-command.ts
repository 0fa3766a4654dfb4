/** What to run on a new host, as root. */
export function joinCommand(serverUrl: string, token: string): string {
  return `gantry join ${serverUrl} --token ${token}`;
}
