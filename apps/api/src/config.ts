import { randomUUID } from 'node:crypto';
import { z } from 'zod';

const Environment = z.object({
  /** Desired state lives here. */
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  /** When set, jobs run on Redis; else on Postgres. */
  REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  GANTRY_PORT: z.coerce.number().int().min(0).max(65535).default(4400),
  GANTRY_BIND: z.string().default('127.0.0.1'),
  /** The dashboard's server; everything that is not the api's own is handed to it. */
  GANTRY_WEB_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** Accepted as a join token and as an admin's bearer token while this process lives. */
  GANTRY_LOCAL_SECRET: z.string().min(16).optional(),
  /** Where the first admin's password is written, mode 0600; without it the password is logged once. */
  GANTRY_FIRST_PASSWORD_FILE: z.string().optional(),
  /** Where the api's other replicas reach this one; the address it listens on when not set. */
  GANTRY_REPLICA_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** Set to true behind a TLS-terminating proxy: cookies are Secure, X-Forwarded-For names the client. */
  GANTRY_BEHIND_PROXY: z.stringbool().default(false),
  /** Shortest heartbeat period of an agent; it grows with the cluster. A node is down after three. */
  GANTRY_HEARTBEAT_MS: z.coerce.number().int().min(50).max(600_000).default(5_000),
  /** How often every reconciler looks round without being woken. */
  GANTRY_RECONCILE_MS: z.coerce.number().int().min(100).max(3_600_000).default(15_000),
  /** So many revisions of a service can be rolled back to. */
  GANTRY_KEPT_REVISIONS: z.coerce.number().int().min(2).max(1_000).default(50),
  /** Where this control plane keeps what is not in the database; the keys of secrets are made there when nobody brings any. */
  GANTRY_CONTROL_DIR: z.string().startsWith('/').optional(),
  /** A file with the keys of secrets: 32 bytes in base64, one a line; the first one encrypts, the others still decrypt. */
  GANTRY_SECRET_KEY_FILE: z.string().startsWith('/').optional(),
  /** The same, with commas between keys. */
  GANTRY_SECRET_KEYS: z.string().optional(),
  /** Whether services that do not say so themselves are made even when a node joins or returns. */
  GANTRY_REBALANCE: z.stringbool().default(false),
  GANTRY_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

export interface Config {
  readonly databaseUrl: string;
  readonly redisUrl: string | null;
  readonly port: number;
  readonly bind: string;
  readonly webUrl: string | null;
  readonly localSecret: string | null;
  readonly firstPasswordFile: string | null;
  readonly replicaUrl: string | null;
  readonly isBehindProxy: boolean;
  readonly heartbeatMs: number;
  readonly reconcileMs: number;
  readonly isRebalancing: boolean;
  readonly keptRevisions: number;
  readonly controlDir: string | null;
  readonly secretKeyFile: string | null;
  readonly secretKeys: string | null;
  readonly logLevel: z.infer<typeof Environment>['GANTRY_LOG_LEVEL'];
  /** Names this process among the api's replicas. */
  readonly replicaId: string;
}

export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const parsed = Environment.safeParse(environment);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`read the configuration from the environment: ${problems.join('; ')}`);
  }
  const values = parsed.data;
  return {
    databaseUrl: values.DATABASE_URL,
    redisUrl: values.REDIS_URL ?? null,
    port: values.GANTRY_PORT,
    bind: values.GANTRY_BIND,
    webUrl: values.GANTRY_WEB_URL ?? null,
    localSecret: values.GANTRY_LOCAL_SECRET ?? null,
    firstPasswordFile: values.GANTRY_FIRST_PASSWORD_FILE ?? null,
    replicaUrl: values.GANTRY_REPLICA_URL ?? null,
    isBehindProxy: values.GANTRY_BEHIND_PROXY,
    heartbeatMs: values.GANTRY_HEARTBEAT_MS,
    reconcileMs: values.GANTRY_RECONCILE_MS,
    isRebalancing: values.GANTRY_REBALANCE,
    controlDir: values.GANTRY_CONTROL_DIR ?? null,
    secretKeyFile: values.GANTRY_SECRET_KEY_FILE ?? null,
    secretKeys: values.GANTRY_SECRET_KEYS ?? null,
    keptRevisions: values.GANTRY_KEPT_REVISIONS,
    logLevel: values.GANTRY_LOG_LEVEL,
    replicaId: randomUUID(),
  };
}

/** Injection token of the Config. */
export const CONFIG = Symbol('config');
