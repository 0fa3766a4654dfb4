import { describe, expect, it } from 'vitest';
import errors from './fixtures/errors.json' with { type: 'json' };
import requests from './fixtures/requests.json' with { type: 'json' };
import results from './fixtures/results.json' with { type: 'json' };
import shim from './fixtures/shim.json' with { type: 'json' };
import { ExecutorAnswer, type ExecutorOperation, executorOperations } from './server.ts';
import { ShimAnswer, ShimExited, ShimRequest } from './shim.ts';

/** The executor's own tests read the same files: what parses here is what it understands and sends. */
function operationOf(op: string): (typeof executorOperations)[ExecutorOperation] {
  const found = Object.entries(executorOperations).find(([name]) => name === op);
  if (found === undefined) throw new Error(`no operation is called ${op}`);
  return found[1];
}

describe('fixtures shared with the executor', () => {
  it('have a request for every operation', () => {
    expect(new Set(requests.map(({ op }) => op))).toEqual(new Set(Object.keys(executorOperations)));
  });

  it.each(requests)('request $id, $op, is valid and loses nothing', ({ id, op, ...request }) => {
    expect(id).toBeGreaterThan(0);
    expect(operationOf(op).request.parse(request)).toEqual(request);
  });

  it.each(results)('result of $op is valid and loses nothing', ({ op, result }) => {
    expect(operationOf(op).result.parse(result)).toEqual(result);
  });

  it.each(errors)('error $id is valid and loses nothing', (answer) => {
    expect(ExecutorAnswer.parse(answer)).toEqual(answer);
  });

  it.each(shim.requests)('shim request $op is valid and loses nothing', (request) => {
    expect(ShimRequest.parse(request)).toEqual(request);
  });

  it.each(shim.answers)('shim answer %j is valid and loses nothing', (answer) => {
    expect(ShimAnswer.parse(answer)).toEqual(answer);
  });

  it('the end of a stream is valid', () => {
    expect(ShimExited.parse(shim.exited)).toEqual(shim.exited);
  });
});
