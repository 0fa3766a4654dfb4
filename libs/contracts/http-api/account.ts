import { z } from 'zod';
import { UserId } from '../ids/index.ts';
import { timestamp } from './page.ts';

export const Role = z.enum(['admin', 'operator', 'viewer']);
export type Role = z.infer<typeof Role>;

export const Account = z.object({ id: UserId, email: z.email(), name: z.string(), role: Role });
export type Account = z.infer<typeof Account>;

/** The answer sets an httpOnly, SameSite=Strict session cookie. */
export const SignIn = z.object({ email: z.string().min(1).max(255), password: z.string().min(1).max(1024) });

export const ApiToken = z.object({ id: z.string(), name: z.string(), role: Role, createdAt: timestamp, lastUsedAt: timestamp.nullable() });
export type ApiToken = z.infer<typeof ApiToken>;
export const ApiTokenCreate = z.object({ name: z.string().min(1).max(100), role: Role });
/** `secret` is shown once; send it as `Authorization: Bearer SECRET`. */
export const ApiTokenCreated = ApiToken.extend({ secret: z.string() });

export const SystemStatus = z.object({
  version: z.string(),
  queueBackend: z.enum(['postgres', 'redis']),
  nodes: z.number().int(),
  services: z.number().int(),
  runningTasks: z.number().int(),
});
