import type { Exchange } from '@gantry/engine-api/http';
import { badRequest, EngineError } from '@gantry/engine-api/protocol';
import { formatPlatform, isSuitable, type Platform, parsePlatform } from '@gantry/oci/manifest';
import type { Image } from '@gantry/runtime/images';
import { z } from 'zod';
import { describeReference } from '../lookup.ts';

const PlatformBody = z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() });

/** The request's `platform`: words (`linux/arm64`), or JSON where the API has it so; null when there is none. */
export function wantedPlatform(exchange: Exchange): Platform | null {
  const text = exchange.text('platform');
  if (text === null) return null;
  if (!text.startsWith('{')) return parsePlatform(text);
  try {
    const { os, architecture, variant = '' } = PlatformBody.parse(JSON.parse(text));
    return parsePlatform([os, architecture, variant].filter((part) => part !== '').join('/'));
  } catch (cause) {
    throw badRequest(`invalid platform: ${text.slice(0, 200)}`, { cause });
  }
}

/** Docker's words, upon which clients fetch the image for the platform they want. */
export function requirePlatform(image: Image, wanted: Platform | null, reference: string): void {
  const { os, architecture, variant } = image.config;
  const offered: Platform = { os, architecture, ...(variant ? { variant } : {}) };
  // Imported ones may not say what they are for.
  if (wanted === null || architecture === '' || isSuitable(offered, wanted)) return;
  const [here, asked] = [formatPlatform(offered), formatPlatform(wanted)];
  throw new EngineError(
    404,
    `image with reference ${describeReference(reference)} was found but its platform (${here}) does not match the specified platform (${asked})`,
  );
}
