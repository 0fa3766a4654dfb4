import { Inject, Injectable } from '@nestjs/common';
import { NodeStateRepository } from './node-state.repository.ts';
import type { Reconciler } from './reconciler.ts';

/** A node came, went, or was changed: whatever depends on it looks again. */
@Injectable()
export class NodeReconciler implements Reconciler {
  readonly loop = 'node';

  constructor(@Inject(NodeStateRepository) private readonly nodes: NodeStateRepository) {}

  /** Services look at their nodes on a period of their own. */
  async keys(): Promise<string[]> {
    return [];
  }

  async reconcile(nodeId: string): Promise<void> {
    await this.nodes.wake(await this.nodes.findConcernedServices(nodeId));
  }
}
