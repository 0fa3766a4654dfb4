import type { PayloadKind } from './payload-calls.ts';

interface Words {
  title: string;
  one: string;
  description: string;
  empty: string;
  contentHint: string;
}

export const words: Record<PayloadKind, Words> = {
  secrets: {
    title: 'Secrets',
    one: 'secret',
    description: 'Passwords, keys and certificates that tasks get as files. What they hold is never shown again.',
    empty: 'A service names the secrets it uses; its tasks find them in /run/secrets.',
    contentHint: 'Kept encrypted, and never shown again',
  },
  configs: {
    title: 'Configs',
    one: 'config',
    description: 'Configuration files that tasks get, kept apart from the image.',
    empty: 'A service names the configs it uses, and where its tasks find them.',
    contentHint: 'Whoever may see the dashboard may read it',
  },
};
