import { z } from 'zod';

/** Docker's health check, durations in nanoseconds as on the wire; 0 means the default. */
export const ImageHealthcheck = z.object({
  Test: z.array(z.string()).nullish(),
  Interval: z.number().optional(),
  Timeout: z.number().optional(),
  StartPeriod: z.number().optional(),
  StartInterval: z.number().optional(),
  Retries: z.number().optional(),
});
export type ImageHealthcheck = z.infer<typeof ImageHealthcheck>;

/** The part of an image config that a container starts from; names as in the OCI image spec and Docker's schema 2. */
export const ImageProcessConfig = z.object({
  User: z.string().nullish(),
  ExposedPorts: z.record(z.string(), z.unknown()).nullish(),
  Env: z.array(z.string()).nullish(),
  Entrypoint: z.array(z.string()).nullish(),
  Cmd: z.array(z.string()).nullish(),
  Volumes: z.record(z.string(), z.unknown()).nullish(),
  WorkingDir: z.string().nullish(),
  Labels: z.record(z.string(), z.string()).nullish(),
  StopSignal: z.string().nullish(),
  StopTimeout: z.number().nullish(),
  ArgsEscaped: z.boolean().nullish(),
  Healthcheck: ImageHealthcheck.nullish(),
  OnBuild: z.array(z.string()).nullish(),
  Shell: z.array(z.string()).nullish(),
});
export type ImageProcessConfig = z.infer<typeof ImageProcessConfig>;

/** An image config (application/vnd.oci.image.config.v1+json). Unknown fields are kept in the blob, not here. */
export const ImageConfig = z.object({
  created: z.string().nullish(),
  author: z.string().nullish(),
  architecture: z.string(),
  os: z.string(),
  variant: z.string().nullish(),
  config: ImageProcessConfig.nullish().transform((config) => config ?? {}),
  rootfs: z.object({
    type: z.literal('layers'),
    diff_ids: z
      .array(z.string())
      .nullish()
      .transform((ids) => ids ?? []),
  }),
  history: z
    .array(
      z.object({
        created: z.string().nullish(),
        created_by: z.string().nullish(),
        author: z.string().nullish(),
        comment: z.string().nullish(),
        empty_layer: z.boolean().nullish(),
      }),
    )
    .nullish()
    .transform((history) => history ?? []),
});
export type ImageConfig = z.infer<typeof ImageConfig>;
