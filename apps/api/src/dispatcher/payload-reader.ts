import type { AssignedTask, DeliveredPayload } from '@gantry/contracts/agent-link';
import { PayloadId } from '@gantry/contracts/ids';
import { Inject, Injectable } from '@nestjs/common';
import { LOGGER, type Logger } from '../logger.ts';
import { contextOf, PayloadRepository } from '../modules/payloads/payload.repository.ts';
import { VAULT, type Vault } from '../vault/vault.ts';

/** Decrypts what tasks use, on its way to the nodes that run them. Nothing of it is kept here. */
@Injectable()
export class PayloadReader {
  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(VAULT) private readonly vault: Vault,
    @Inject(PayloadRepository) private readonly payloads: PayloadRepository,
  ) {}

  /**
   * What those of the tasks need that are to run, each once. One that can not be decrypted is left out and logged: its tasks are refused on
   * the node, which says why, and nobody else waits for them.
   */
  async findFor(tasks: readonly AssignedTask[]): Promise<DeliveredPayload[]> {
    const used = tasks.filter((task) => task.desiredState === 'running').flatMap((task) => task.payloads);
    const references = new Map(used.map(({ payloadId, number }) => [`${payloadId}.${number}`, { payloadId, number }]));
    if (references.size === 0) return [];
    const stored = await this.payloads.findSealed([...references.values()]);
    return stored.flatMap((row) => {
      try {
        const content = this.vault.keys.open(row, contextOf(row));
        return { payloadId: PayloadId.parse(row.payloadId), number: row.number, data: content.toString('base64') };
      } catch (error) {
        this.logger.error({ err: error, payloadId: row.payloadId, number: row.number }, 'decrypt what a task needs');
        return [];
      }
    });
  }
}
