/** A line of GET /events. `status`, `id` and `from` are the shape of before 1.22, still sent until 1.51 for containers and images. */
export interface EventMessage {
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: 'local' | 'swarm';
  readonly time: number;
  readonly timeNano: number;
}
