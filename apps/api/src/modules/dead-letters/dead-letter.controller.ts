import { httpApi } from '@gantry/contracts/http-api';
import { Controller, Inject } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { Guarded } from '../../http/operation.ts';
import { DeadLetterService } from './dead-letter.service.ts';

const { deadLetters } = httpApi;

@Controller('/api/v1')
export class DeadLetterController {
  constructor(@Inject(DeadLetterService) private readonly letters: DeadLetterService) {}

  @Guarded('deadLetters.list')
  @Implement(deadLetters.list)
  list() {
    return implement(deadLetters.list).handler(({ input }) => this.letters.list(input));
  }

  @Guarded('deadLetters.run')
  @Implement(deadLetters.run)
  run() {
    return implement(deadLetters.run).handler(({ input }) => this.letters.run(input.loop, input.key));
  }
}
