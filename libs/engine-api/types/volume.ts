import { z } from 'zod';
import { goString, goStringMap } from './go-json.ts';

export const VolumeCreateBody = z.object({ Name: goString, Driver: goString, DriverOpts: goStringMap, Labels: goStringMap });

export interface VolumeInspect {
  readonly CreatedAt: string;
  readonly Driver: string;
  /** Null for an anonymous volume without labels, as Docker has it. */
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Mountpoint: string;
  readonly Name: string;
  readonly Options: Readonly<Record<string, string>> | null;
  readonly Scope: 'local';
  readonly UsageData?: { readonly Size: number; readonly RefCount: number };
}
