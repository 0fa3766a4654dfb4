import { ServiceSpec } from '@gantry/contracts/http-api';
import { expect, test } from 'vitest';
import { emptyForm, ServiceForm, toForm, toSpec } from './service-form.ts';

const spec = ServiceSpec.parse({
  name: 'web',
  mode: { type: 'replicated', replicas: 3 },
  task: {
    image: 'nginx',
    env: ['A=1', 'B=x=y'],
    command: ['serve'],
    mounts: [{ type: 'volume', source: 'v', target: '/v' }],
    restartPolicy: { condition: 'none' },
  },
  ports: [
    { targetPort: 80, publishedPort: 8080, mode: 'host' },
    { targetPort: 53, publishedPort: 0, protocol: 'udp' },
  ],
});

test('a form that was not touched gives the same spec', () => {
  expect(toSpec(toForm({ spec }), spec)).toEqual(spec);
});

test('what the form does not show stays', () => {
  const changed = toSpec({ ...toForm({ spec }), image: 'nginx:2', replicas: '5' }, spec);
  expect(changed.task).toEqual({ ...spec.task, image: 'nginx:2' });
  expect(changed.mode).toEqual({ type: 'replicated', replicas: 5 });
  expect(changed.ports).toEqual(spec.ports);
});

test('a global service stays global', () => {
  const global = ServiceSpec.parse({ ...spec, mode: { type: 'global' } });
  expect(toSpec(toForm({ spec: global }), global).mode).toEqual({ type: 'global' });
});

test('a new service gets the defaults of the contract', () => {
  const made = toSpec({ ...emptyForm, name: 'a', image: 'b', ports: [{ publishedPort: '', targetPort: '80', protocol: 'tcp' }] });
  expect(made).toEqual(ServiceSpec.parse({ name: 'a', task: { image: 'b' }, ports: [{ targetPort: 80 }] }));
});

test.each([
  [{ image: ' ' }, 'image'],
  [{ replicas: '-1' }, 'replicas'],
  [{ replicas: '1e3' }, 'replicas'],
  [{ replicas: '100001' }, 'replicas'],
  [{ env: 'A=1\nnonsense' }, 'env'],
  [{ name: '-a' }, 'name'],
  [{ ports: [{ publishedPort: '70000', targetPort: '80', protocol: 'tcp' as const }] }, 'ports'],
  [{ ports: [{ publishedPort: '', targetPort: '0', protocol: 'tcp' as const }] }, 'ports'],
])('%j is refused at its own field', (change, field) => {
  const outcome = ServiceForm.safeParse({ ...emptyForm, name: 'a', image: 'b', ...change });
  expect(new Set(outcome.error?.issues.map((issue) => issue.path[0]))).toEqual(new Set([field]));
});
