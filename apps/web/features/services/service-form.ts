import { maxReplicas, PublishedPort, ResourceName, type Service, ServiceSpec, TaskSpec } from '@gantry/contracts/http-api';
import { z } from 'zod';

const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d+$/, 'Enter a whole number')
    .refine((text) => Number(text) >= least && Number(text) <= most, `Enter a number from ${least.toLocaleString('en')} to ${most.toLocaleString('en')}`);

/** What a person types, all of it text; `toSpec` makes the contract's spec of it. */
export const ServiceForm = z.object({
  name: z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/, 'Use 1 to 63 letters, digits, "_", "." or "-", starting with a letter or digit'),
  image: z.string().trim().min(1, 'Enter an image, such as nginx:1.27').max(512),
  replicas: wholeNumber(0, maxReplicas),
  env: z.string().refine((text) => toLines(text).every((line) => /^[^=]+=/.test(line)), 'Write each line as NAME=value'),
  ports: z.array(
    z.object({
      publishedPort: z.union([z.literal(''), wholeNumber(0, 65535)]),
      targetPort: wholeNumber(1, 65535),
      protocol: PublishedPort.shape.protocol.unwrap(),
    }),
  ),
});
export type ServiceForm = z.infer<typeof ServiceForm>;

export const emptyForm: ServiceForm = { name: '', image: '', replicas: '1', env: '', ports: [] };

export function toForm({ spec }: Pick<Service, 'spec'>): ServiceForm {
  return {
    name: spec.name,
    image: spec.task.image,
    replicas: spec.mode.type === 'replicated' ? String(spec.mode.replicas) : '1',
    env: spec.task.env.join('\n'),
    ports: spec.ports.map((port) => ({
      publishedPort: port.publishedPort === 0 ? '' : String(port.publishedPort),
      targetPort: String(port.targetPort),
      protocol: port.protocol,
    })),
  };
}

/** `base`: the spec being edited, for all that the form does not show. */
export function toSpec(form: ServiceForm, base?: ServiceSpec): ServiceSpec {
  const ports = form.ports.map((port) => ({
    ...base?.ports.find((known) => known.targetPort === Number(port.targetPort) && known.protocol === port.protocol),
    protocol: port.protocol,
    targetPort: Number(port.targetPort),
    publishedPort: Number(port.publishedPort),
  }));
  return ServiceSpec.parse({
    ...base,
    name: ResourceName.parse(form.name),
    mode: base?.mode.type === 'global' ? base.mode : { type: 'replicated', replicas: Number(form.replicas) },
    task: TaskSpec.parse({ ...base?.task, image: form.image, env: toLines(form.env) }),
    ports,
  });
}

function toLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
