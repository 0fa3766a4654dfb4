import type { z } from 'zod';
import { decodeLinkFrame } from './frame.ts';

/**
 * What one WebSocket message turned out to be, parsed once at the socket:
 *   message    one of the union's
 *   stream     bytes of a multiplexed stream
 *   unknown    a type this build does not know: answer protocol.unknown with `received` and go on
 *   malformed  a known type with a wrong shape, or no frame at all: drop it, say why, and go on
 */
export type ReceivedFrame<Message> =
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'stream'; readonly streamId: number; readonly payload: Buffer }
  | { readonly kind: 'unknown'; readonly received: string }
  | { readonly kind: 'malformed'; readonly reason: string };

const longestType = 64;

/** Never throws: what a peer sends can be wrong, and one wrong message must not cost the connection. */
export function receiveLinkFrame<Message>(bytes: Buffer, union: LinkUnion<Message>): ReceivedFrame<Message> {
  let json: unknown;
  try {
    const frame = decodeLinkFrame(bytes);
    if (frame.kind === 'stream') return frame;
    json = frame.json;
  } catch (error) {
    return { kind: 'malformed', reason: error instanceof Error ? error.message : String(error) };
  }
  const parsed = union.safeParse(json);
  if (parsed.success) return { kind: 'message', message: parsed.data };
  const type = typeof json === 'object' && json !== null && 'type' in json ? json.type : undefined;
  if (typeof type !== 'string') return { kind: 'malformed', reason: 'control message without a type' };
  if (!union.options.some((option) => option.shape.type.value === type)) return { kind: 'unknown', received: type.slice(0, longestType) };
  const issue = parsed.error.issues[0];
  return { kind: 'malformed', reason: `${type}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}` };
}

/** ToAgentMessage or ToServerMessage: the union of one direction. */
interface LinkUnion<Message> {
  safeParse(json: unknown): z.ZodSafeParseResult<Message>;
  readonly options: readonly { readonly shape: { readonly type: z.ZodLiteral<string> } }[];
}
