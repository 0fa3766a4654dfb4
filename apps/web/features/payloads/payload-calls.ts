import { type Config, maxConfigBytes, maxSecretBytes, type Secret } from '@gantry/contracts/http-api';
import { api } from '../../lib/api/browser.ts';

export type PayloadKind = 'secrets' | 'configs';
export type Payload = Secret | Config;

export const configContentQuery = (configId: Config['id']) => api.configs.content.queryOptions({ input: { configId }, gcTime: 0 });

interface NewPayload {
  name: Payload['name'];
  /** base64 */
  data: string;
}

interface PayloadCalls {
  readonly maxBytes: number;
  readonly listKey: readonly unknown[];
  create(payload: NewPayload): Promise<unknown>;
  rotate(id: Payload['id'], data: string): Promise<unknown>;
  remove(id: Payload['id']): Promise<unknown>;
}

/** Secrets and configs are used alike; what they are called in the API differs. */
export const payloadCalls: Record<PayloadKind, PayloadCalls> = {
  secrets: {
    maxBytes: maxSecretBytes,
    listKey: api.secrets.list.key(),
    create: (secret) => api.secrets.create.call(secret),
    rotate: (secretId, data) => api.secrets.rotate.call({ secretId, data }),
    remove: (secretId) => api.secrets.remove.call({ secretId }),
  },
  configs: {
    maxBytes: maxConfigBytes,
    listKey: api.configs.list.key(),
    create: (config) => api.configs.create.call(config),
    rotate: (configId, data) => api.configs.rotate.call({ configId, data }),
    remove: (configId) => api.configs.remove.call({ configId }),
  },
};
