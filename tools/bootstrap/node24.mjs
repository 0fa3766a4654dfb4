// Plain JavaScript without dependencies: it must run under any Node that can run npm, before anything is installed.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const version = '24.21.0';
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const major = Number.parseInt(process.versions.node, 10);

function fail(paragraph) {
  process.stderr.write(`\n${paragraph}\n\n`);
  process.exit(1);
}

/** npm ships Node's binary as an ordinary package, so wherever npm works, Node 24 is one install away. */
function privateNode() {
  const name = `node-linux-${process.arch}`;
  const binary = join(root, '.tools', 'node_modules', name, 'bin', 'node');
  if (existsSync(binary)) return binary;
  process.stdout.write(`• Node ${version} (this host has ${process.versions.node})\n`);
  const args = ['install', '--prefix', join(root, '.tools'), '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const install = spawnSync('npm', [...args, `${name}@${version}`], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (install.status !== 0 || !existsSync(binary)) {
    fail(`Gantry needs Node 24, this host has ${process.versions.node}, and installing it from the npm registry failed (see above).
Install Node 24 yourself and try again, or run: npm install --prefix .tools --no-save ${name}@${version}`);
  }
  return binary;
}

/** Signals are passed on, and the child watches the channel, so that killing either end never leaves the other behind. */
function runIn(node, entry) {
  const child = spawn(node, [entry, ...process.argv.slice(2)], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(`${node} cannot be run: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** Runs `tools/<entry>` here if this Node is new enough, otherwise in a Node 24 brought from npm. */
export async function runUnderNode24(entry) {
  if (process.platform !== 'linux') fail(`Gantry runs containers with the Linux kernel; this is ${process.platform}. Use a Linux host or virtual machine.`);
  if (major < 20) fail(`Gantry's scripts need Node 20 or newer to bootstrap; this is ${process.versions.node}. Install a newer Node and try again.`);
  const file = join(root, 'tools', entry);
  process.chdir(root);
  if (major >= 24) await import(pathToFileURL(file).href);
  else runIn(privateNode(), file);
}
