import { describe, expect, it } from 'vitest';
import type { Leases } from './leases.ts';

interface Subject {
  readonly leases: Leases;
  /** Another opening of what the first left, without closing it: as after a kill. */
  reopen(): Leases;
  /** Lets time pass. */
  advance(ms: number): void;
}

/** What every keeper of leases must do. */
export function leasesSuite(name: string, open: () => Subject): void {
  describe(`leases ${name}`, () => {
    it('hold what they name until they are released, each for itself', () => {
      const { leases } = open();
      const [one, other] = [leases.create('a pull'), leases.create('a build')];
      one.add('sha256:a', 'sha256:b');
      other.add('sha256:b');
      expect(['a', 'b', 'c'].map((hex) => leases.holds(`sha256:${hex}`))).toEqual([true, true, false]);
      one.release();
      expect(['a', 'b'].map((hex) => leases.holds(`sha256:${hex}`))).toEqual([false, true]);
      other.release();
      expect(leases.holds('sha256:b')).toBe(false);
      expect(one.id).not.toBe(other.id);
    });

    it('hold on when their holder was killed, until they expire', () => {
      const { leases, reopen, advance } = open();
      leases.create('a pull', { ttlMs: 1000 }).add('sha256:a');
      const again = reopen();
      advance(999);
      expect(again.holds('sha256:a')).toBe(true);
      advance(1);
      expect([again.holds('sha256:a'), reopen().holds('sha256:a')]).toEqual([false, false]);
    });

    it('are over for good when they are released', () => {
      const { leases, reopen } = open();
      const lease = leases.create('a pull');
      lease.add('sha256:a');
      lease.release();
      lease.add('sha256:b');
      lease.release();
      for (const one of [leases, reopen()]) expect([one.holds('sha256:a'), one.holds('sha256:b')]).toEqual([false, false]);
    });
  });
}
