import { Inject, Injectable } from '@nestjs/common';
import type { Reconciler } from './reconciler.ts';
import { StackStateRepository } from './stack-state.repository.ts';

/** A stack that is being removed goes when the last of its services has gone. */
@Injectable()
export class StackReconciler implements Reconciler {
  readonly loop = 'stack';

  constructor(@Inject(StackStateRepository) private readonly stacks: StackStateRepository) {}

  keys(): Promise<string[]> {
    return this.stacks.findRemoving();
  }

  reconcile(stackId: string): Promise<void> {
    return this.stacks.deleteWhenEmpty(stackId);
  }
}
