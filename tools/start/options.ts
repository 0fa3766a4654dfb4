import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Advice } from '../process/report.ts';
import { isRoot } from '../setup/debian-packages.ts';

export interface StartOptions {
  readonly dataDir: string;
  readonly port: number;
  readonly bind: string;
  readonly agent: boolean;
  readonly demo: boolean;
  readonly demoPort: number;
  readonly bridge: string;
  readonly subnet: string;
  readonly nodeName: string;
  readonly cgroupParent: string;
}

const help = `Sets Gantry up and runs it on this host: the control plane, the dashboard, one agent and a demo.

  npm start -- [options]

  --data-dir DIR       where all state lives        (/var/lib/gantry; without root ~/.local/share/gantry)
  --port N             dashboard, API, agents       (4400)
  --bind ADDRESS       address of that port         (127.0.0.1)
  --no-agent           the control plane alone; needs no root
  --no-demo            do not build and deploy the demo stack
  --demo-port N        the demo's published port    (8088)
  --node-name NAME     this host's name as a node   (${hostname()})
  --bridge NAME        bridge of this host's containers (gantry0)
  --subnet CIDR        their addresses              (10.201.0.0/16)
  --cgroup-parent NAME their cgroups' parent        (gantry)

  DATABASE_URL   use this Postgres instead of the embedded one
  REDIS_URL      queue jobs in this Redis instead of Postgres
`;

function portFrom(name: string, value: string): number {
  const port = Number(value);
  if (!/^\d+$/.test(value) || port < 1 || port > 65_535) throw new Advice(`--${name} takes a port from 1 to 65535, not "${value}".`);
  return port;
}

const defaultDataDir = (): string => (isRoot() ? '/var/lib/gantry' : join(process.env.XDG_DATA_HOME ?? join(homedir(), '.local/share'), 'gantry'));

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowNegative: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        'data-dir': { type: 'string', default: defaultDataDir() },
        port: { type: 'string', default: '4400' },
        bind: { type: 'string', default: '127.0.0.1' },
        agent: { type: 'boolean', default: true },
        demo: { type: 'boolean', default: true },
        'demo-port': { type: 'string', default: '8088' },
        'node-name': { type: 'string', default: hostname() },
        bridge: { type: 'string', default: 'gantry0' },
        subnet: { type: 'string', default: '10.201.0.0/16' },
        'cgroup-parent': { type: 'string', default: 'gantry' },
      },
    }).values;
  } catch (cause) {
    throw new Advice(`${cause instanceof Error ? cause.message : cause}\n\n${help}`, { cause });
  }
}

/** null: the help was asked for and printed. */
export function parseOptions(args: readonly string[]): StartOptions | null {
  const values = parse(args);
  if (values.help) {
    process.stdout.write(help);
    return null;
  }
  return {
    dataDir: resolve(values['data-dir']),
    port: portFrom('port', values.port),
    bind: values.bind,
    agent: values.agent,
    demo: values.demo && values.agent,
    demoPort: portFrom('demo-port', values['demo-port']),
    bridge: values.bridge,
    subnet: values.subnet,
    nodeName: values['node-name'],
    cgroupParent: values['cgroup-parent'],
  };
}
