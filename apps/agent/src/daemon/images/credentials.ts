import { badRequest } from '@gantry/engine-api/protocol';
import type { RegistryCredentials } from '@gantry/runtime/images';
import { z } from 'zod';

export const AuthConfig = z.object({
  username: z.string().optional(),
  password: z.string().optional(),
  auth: z.string().optional(),
  identitytoken: z.string().optional(),
  registrytoken: z.string().optional(),
  serveraddress: z.string().optional(),
});
export type AuthConfig = z.infer<typeof AuthConfig>;
const AuthConfigs = z.record(z.string(), AuthConfig);

function decode<Schema extends z.ZodType>(header: string, schema: Schema, name: string): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(Buffer.from(header, 'base64url').toString('utf8')));
  } catch (cause) {
    throw badRequest(`invalid ${name} header: not base64url-encoded JSON`, { cause });
  }
}

export function toCredentials(config: AuthConfig): RegistryCredentials {
  const [username, ...password] = config.auth ? Buffer.from(config.auth, 'base64').toString('utf8').split(':') : [];
  const name = config.username ?? username;
  const secret = config.password ?? (password.length > 0 ? password.join(':') : undefined);
  return {
    ...(name ? { username: name } : {}),
    ...(secret ? { password: secret } : {}),
    ...(config.identitytoken ? { identityToken: config.identitytoken } : {}),
    ...(config.registrytoken ? { registryToken: config.registrytoken } : {}),
  };
}

/** X-Registry-Auth; Docker takes an unreadable one for none, so that a broken credential store does not block public images. */
export function registryCredentials(header: string | null): RegistryCredentials {
  if (header === null || header === '') return {};
  return toCredentials(decode(header, AuthConfig, 'X-Registry-Auth'));
}

/** X-Registry-Config of a build: credentials by registry host. */
export function registryConfig(header: string | null): ReadonlyMap<string, RegistryCredentials> {
  if (header === null || header === '') return new Map();
  const configs = Object.entries(decode(header, AuthConfigs, 'X-Registry-Config'));
  return new Map(configs.map(([host, config]) => [host.replace(/^https?:\/\//, '').replace(/\/.*$/, ''), toCredentials(config)]));
}
