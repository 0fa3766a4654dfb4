/** Something measured, once per call; set-up that is not to be measured happens outside. */
export type Measure = () => Promise<number>;

export interface Rival {
  /** With its version, or `floor: …` for what cannot be beaten, or `limit` for what must not be exceeded. */
  readonly name: string;
  /** null: it could not be installed here; `missing` says why, and the row keeps its place. */
  readonly measure: Measure | null;
  readonly missing?: string;
}

export interface Case {
  readonly name: string;
  readonly unit: string;
  readonly ours: Measure;
  readonly rival: Rival | null;
  /** What ours / rival should be, such as "<= 0.067"; null when the figure is only watched. */
  readonly wanted: string | null;
}

export interface Bench {
  readonly name: string;
  /** How often each case is measured; cases and rivals take turns, so that a slow minute of the machine hits all alike. */
  readonly rounds: number;
  readonly open: () => Promise<{ readonly cases: readonly Case[]; readonly close: () => Promise<void> }>;
}

export interface Row {
  readonly case: string;
  readonly unit: string;
  readonly ours: number | null;
  readonly rival: { readonly name: string; readonly value: number | null; readonly missing?: string } | null;
  readonly ratio: number | null;
  readonly wanted: string | null;
  readonly holds: boolean | null;
  /** Why ours has no value. */
  readonly failed?: string;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

const rounded = (value: number): number => Number(value.toPrecision(4));

export function holds(ratio: number, wanted: string): boolean {
  const match = /^(<=|>=)\s*([\d.]+)$/.exec(wanted);
  if (!match) throw new Error(`"${wanted}" is not a bound such as "<= 0.5"`);
  return match[1] === '<=' ? ratio <= Number(match[2]) : ratio >= Number(match[2]);
}

export function toRow({ name, unit, rival, wanted }: Case, ours: readonly number[], theirs: readonly number[]): Row {
  const value = rounded(median(ours));
  const rivalValue = theirs.length === 0 ? null : rounded(median(theirs));
  const ratio = rivalValue === null ? null : rounded(value / rivalValue);
  return {
    case: name,
    unit,
    ours: value,
    rival: rival && { name: rival.name, value: rivalValue, ...(rival.missing === undefined ? {} : { missing: rival.missing }) },
    ratio,
    wanted,
    holds: ratio === null || wanted === null ? null : holds(ratio, wanted),
  };
}

interface Samples {
  readonly ours: number[];
  readonly theirs: number[];
  failure: string | null;
}

async function measureOnce({ ours, rival }: Case, samples: Samples, oursFirst: boolean): Promise<void> {
  const turns = [
    async () => {
      samples.ours.push(await ours());
    },
    async () => {
      if (rival?.measure) samples.theirs.push(await rival.measure());
    },
  ];
  try {
    for (const turn of oursFirst ? turns : turns.toReversed()) await turn();
  } catch (cause) {
    // One cell of a table.
    samples.failure = (cause instanceof Error ? cause.message : String(cause)).replaceAll(/\s+/g, ' ').slice(0, 300);
  }
}

function toFailedRow({ name, unit, rival, wanted }: Case, failed: string): Row {
  return { case: name, unit, ours: null, rival: rival && { name: rival.name, value: null }, ratio: null, wanted, holds: false, failed };
}

/** Round after round, ours and its rival in alternating order; a case that fails says so in its row and spares the others. */
export async function measureAll(cases: readonly Case[], rounds: number, onRound: (round: number) => void): Promise<Row[]> {
  const measured = cases.map((one) => ({ one, samples: { ours: [], theirs: [], failure: null } as Samples }));
  for (let round = 0; round < rounds; round += 1) {
    onRound(round);
    for (const { one, samples } of measured) if (samples.failure === null) await measureOnce(one, samples, round % 2 === 0);
  }
  return measured.map(({ one, samples: { ours, theirs, failure } }) => (failure === null ? toRow(one, ours, theirs) : toFailedRow(one, failure)));
}
