import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { invalid } from '@gantry/platform/errors';
import { z } from 'zod';
import { splitSubnet } from './subnet.ts';

const defaultDataDir = '/var/lib/gantry/agent';
const absolutePath = z.string().startsWith('/', 'expected an absolute path');

/** A variable set to nothing is a variable not set: that is how Compose files and unit files leave one out. */
const Environment = z.preprocess(
  (variables: Record<string, unknown>) => Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== '')),
  z.object({
    /** The control plane, `https://gantry.example:4400`. Without it the agent is a Docker engine and nothing more. */
    GANTRY_SERVER_URL: z.url({ protocol: /^https?$/ }).optional(),
    /** Lets a node that is not known yet join; not needed afterwards. */
    GANTRY_JOIN_TOKEN: z.string().max(512).optional(),
    /** What survives a reboot: images, containers, volumes, identity, assignments. */
    GANTRY_DATA_DIR: absolutePath.default(defaultDataDir),
    /** What does not survive a reboot. */
    GANTRY_STATE_DIR: absolutePath.optional(),
    GANTRY_ENGINE_SOCKET: absolutePath.default('/run/gantry/engine.sock'),
    /** `ADDRESS:PORT`: serves the engine there too. Beyond loopback it needs certificates. */
    GANTRY_ENGINE_TCP: z
      .string()
      .regex(/^(?:[\w.-]+|\[[0-9a-f:]+\]):\d{1,5}$/i, 'expected ADDRESS:PORT')
      .optional(),
    /** Directory with ca.pem (who signs clients' certificates), cert.pem and key.pem. */
    GANTRY_ENGINE_TLS_DIR: absolutePath.optional(),
    /** Name of the default network's bridge. */
    GANTRY_BRIDGE: z
      .string()
      .regex(/^[a-zA-Z0-9_.-]{1,15}$/, 'expected an interface name')
      .default('gantry0'),
    /** Its lower half is the default network's, its upper half is for the networks users make. */
    GANTRY_SUBNET: z.cidrv4().default('10.201.0.0/16'),
    /** The native executor; beside this program unless told. */
    GANTRY_EXECUTOR: absolutePath.default(join(import.meta.dirname, 'gantry-executor')),
    /** Another OCI runtime, `/usr/sbin/runc` or `/usr/bin/crun`, that creates, starts, enters and removes containers in the executor's place. */
    GANTRY_OCI_RUNTIME: absolutePath.optional(),
    GANTRY_NODE_NAME: z.string().min(1).max(255).default(hostname()),
    /** Comma-separated `NAME=UNITS` that services can reserve: `gpu=2`. */
    GANTRY_NODE_RESOURCES: z
      .string()
      .regex(/^[a-zA-Z0-9_.-]{1,64}=\d{1,9}(,[a-zA-Z0-9_.-]{1,64}=\d{1,9})*$/, 'expected NAME=UNITS, separated by commas')
      .optional(),
    GANTRY_CGROUP_PARENT: z
      .string()
      .regex(/^\/?[a-zA-Z0-9_./-]+$/, 'expected a cgroup path')
      .default('gantry'),
    /** Comma-separated `host:port`. */
    GANTRY_INSECURE_REGISTRIES: z.string().default(''),
    GANTRY_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  }),
);

export type AgentConfig = ReturnType<typeof readConfig>;

export function readConfig(variables: Record<string, string | undefined> = process.env) {
  const parsed = Environment.safeParse(variables);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`the environment variable ${issue?.path.join('.')} is not valid: ${issue?.message}`);
  }
  const environment = parsed.data;
  const instance = toInstance(environment.GANTRY_DATA_DIR);
  return {
    serverUrl: environment.GANTRY_SERVER_URL ?? null,
    joinToken: environment.GANTRY_JOIN_TOKEN ?? null,
    dataDir: environment.GANTRY_DATA_DIR,
    stateDir: environment.GANTRY_STATE_DIR ?? `/run/gantry/${instance}`,
    instance,
    engineSocket: environment.GANTRY_ENGINE_SOCKET,
    engineTcp: toTcp(environment.GANTRY_ENGINE_TCP),
    engineTlsDir: environment.GANTRY_ENGINE_TLS_DIR ?? null,
    bridge: environment.GANTRY_BRIDGE,
    ...splitSubnet(environment.GANTRY_SUBNET),
    executorPath: environment.GANTRY_EXECUTOR,
    ociRuntimePath: environment.GANTRY_OCI_RUNTIME ?? null,
    nodeName: environment.GANTRY_NODE_NAME,
    genericResources: toGenericResources(environment.GANTRY_NODE_RESOURCES ?? ''),
    cgroupParent: `/${environment.GANTRY_CGROUP_PARENT.replace(/^\/+/, '')}`,
    insecureRegistries: environment.GANTRY_INSECURE_REGISTRIES.split(',').flatMap((registry) => registry.trim() || []),
    logLevel: environment.GANTRY_LOG_LEVEL,
  };
}

function toGenericResources(text: string): Record<string, number> {
  return Object.fromEntries([...text.matchAll(/([^=,]+)=(\d+)/g)].map(([, name = '', units]) => [name, Number(units)]));
}

/** Agents on one machine are told apart by their data directories. */
function toInstance(dataDir: string): string {
  if (dataDir === defaultDataDir) return 'gantry';
  return `g${createHash('sha256').update(dataDir).digest('hex').slice(0, 7)}`;
}

function toTcp(text: string | undefined): { address: string; port: number } | null {
  if (text === undefined) return null;
  const separator = text.lastIndexOf(':');
  return { address: text.slice(0, separator).replace(/^\[|\]$/g, ''), port: Number(text.slice(separator + 1)) };
}
