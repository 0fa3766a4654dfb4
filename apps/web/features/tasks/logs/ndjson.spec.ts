import { expect, test } from 'vitest';
import { readLines } from './ndjson.ts';

async function linesOf(...chunks: Uint8Array[]): Promise<string[]> {
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  const lines: string[] = [];
  for await (const line of readLines(stream)) lines.push(line);
  return lines;
}

const bytes = (text: string) => new TextEncoder().encode(text);

test('lines may be cut anywhere, also within a character', async () => {
  const whole = bytes('{"line":"grüße"}\n{"line":"b"}\n');
  for (let cut = 0; cut <= whole.length; cut += 1) {
    expect(await linesOf(whole.slice(0, cut), whole.slice(cut))).toEqual(['{"line":"grüße"}', '{"line":"b"}']);
  }
});

test('empty lines are keep-alives, and the last line may lack its end', async () => {
  expect(await linesOf(bytes('a\n\n\nb'))).toEqual(['a', 'b']);
  expect(await linesOf()).toEqual([]);
});
