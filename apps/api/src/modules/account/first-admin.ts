import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { CONFIG, type Config } from '../../config.ts';
import { LOGGER, type Logger } from '../../logger.ts';
import { newId } from '../../persistence/new-id.ts';
import { AccountRepository } from './account.repository.ts';
import { hashPassword } from './password.ts';

const email = 'admin@gantry.local';

/** Somebody must be able to sign in: an installation without users gets one admin, whose password is written down once. */
@Injectable()
export class FirstAdmin implements OnApplicationBootstrap {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(AccountRepository) private readonly accounts: AccountRepository,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.accounts.addFirstUser(async () => {
      const password = randomBytes(15).toString('base64url');
      await this.#tell(password);
      return { id: newId(), email, name: 'Admin', role: 'admin', passwordHash: await hashPassword(password) };
    });
  }

  async #tell(password: string): Promise<void> {
    const path = this.config.firstPasswordFile;
    if (path === null) {
      this.logger.warn({ email, password }, 'made the first user; this is the only time its password is shown');
      return;
    }
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, `${password}\n`, { mode: 0o600 });
    this.logger.info({ email, path }, 'made the first user; its password is in the file');
  }
}
